package bus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/wimcast/wimcast/internal/event"
)

// recordsMax is how many events a bus keeps, about 150 bytes each.
const recordsMax = 8192

// ErrClosed says that there will be no more events.
var ErrClosed = errors.New("no more events: the node has ended")

// Record is an event on a bus.
type Record struct {
	ID      uint64 // one more than that of the record before
	At      time.Time
	Content string // that it is about, name@version; "" for what is about the node
	Event   event.Event
}

// Bus carries a node's events. It is safe for concurrent use.
type Bus struct {
	mu      sync.Mutex
	ring    []Record // turns when it has recordsMax
	start   uint64   // ID of the first record, at ring[0]
	first   uint64   // ID of the oldest that is kept
	next    uint64   // ID of the one to come
	news    chan struct{}
	closed  bool
	metrics *event.Metrics
}

// New returns an empty bus. IDs begin at the microsecond of its making, so that those of an earlier run of the program are lower:
// who asks with one of them is told that it missed some.
func New() *Bus {
	at := uint64(time.Now().UnixMicro())
	return &Bus{ring: make([]Record, 0, 64), start: at, first: at, next: at, metrics: event.NewMetrics()}
}

// Put puts an event on the bus. What is put on a closed bus is lost.
func (b *Bus) Put(content string, e event.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	r := Record{ID: b.next, At: time.Now(), Content: content, Event: e}
	if len(b.ring) < recordsMax {
		b.ring = append(b.ring, r)
	} else {
		b.ring[b.place(r.ID)] = r
		b.first++
	}
	b.next++
	b.metrics.Add(e)
	b.wake()
}

// About returns a function that puts events about a content on the bus.
func (b *Bus) About(content string) func(event.Event) {
	return func(e event.Event) { b.Put(content, e) }
}

// Since returns the records after the one with the given ID, oldest first, and the ID to ask with next; 0 asks for all that are
// kept. missed says that some records after id are not kept any more, or that id is none of this bus.
func (b *Bus) Since(id uint64) (records []Record, last uint64, missed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := id + 1
	if from < b.first || from > b.next {
		missed = id != 0
		from = b.first
	}
	for i := from; i < b.next; i++ {
		records = append(records, b.ring[b.place(i)])
	}
	return records, b.next - 1, missed
}

// Wait waits until Since has something for id. It fails with ErrClosed when nothing will come any more, or with ctx's error.
func (b *Bus) Wait(ctx context.Context, id uint64) error {
	for {
		b.mu.Lock()
		if id+1 != b.next && (id != 0 || len(b.ring) > 0) {
			b.mu.Unlock()
			return nil
		}
		if b.closed {
			b.mu.Unlock()
			return ErrClosed
		}
		if b.news == nil {
			b.news = make(chan struct{})
		}
		news := b.news
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-news:
		}
	}
}

// Metrics returns what the events have added up to since New, by the metric's name.
func (b *Bus) Metrics() map[string]float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.metrics.Values()
}

// Close ends the waiting of all who have seen everything.
func (b *Bus) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.wake()
}

// wake wakes who waits. mu is held.
func (b *Bus) wake() {
	if b.news != nil {
		close(b.news)
		b.news = nil
	}
}

// place is where in the ring the record with an ID is.
func (b *Bus) place(id uint64) int { return int((id - b.start) % recordsMax) }
