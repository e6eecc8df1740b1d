package bus

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/wimcast/wimcast/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fill puts n events on a bus, numbered by their members.
func fill(b *Bus, n int) {
	for range n {
		b.Put("c@1", event.AllHeld{Members: int(b.next - b.start)})
	}
}

// numbers are what fill numbered.
func numbers(records []Record) (out []int) {
	for _, r := range records {
		out = append(out, r.Event.(event.AllHeld).Members)
	}
	return out
}

// A full bus has all records; with one more it has lost the oldest, and says so to who has not seen it.
func TestTheBusKeepsTheLastRecords(t *testing.T) {
	for _, c := range []struct {
		put, first int
		missed     bool // by who has seen nothing of them
	}{
		{0, 0, false},
		{1, 0, false},
		{recordsMax - 1, 0, false},
		{recordsMax, 0, false},
		{recordsMax + 1, 1, true},
		{2*recordsMax + 17, recordsMax + 17, true},
	} {
		b := New()
		_, before, _ := b.Since(0)
		fill(b, c.put)
		records, last, missed := b.Since(before)
		got := numbers(records)
		if len(got) != c.put-c.first || missed != c.missed {
			t.Errorf("%d put: %d records, missed %v; want %d, %v", c.put, len(got), missed, c.put-c.first, c.missed)
		}
		for i, n := range got {
			if n != c.first+i || records[i].ID != last-uint64(len(got)-1-i) {
				t.Fatalf("%d put: record %d is number %d with ID %d, the last ID is %d", c.put, i, n, records[i].ID, last)
			}
		}
		if all, _, missed := b.Since(0); len(all) != len(got) || missed {
			t.Errorf("%d put: whoever asks for what there is gets %d, missed %v", c.put, len(all), missed)
		}
		if more, again, missed := b.Since(last); len(more) != 0 || again != last || missed {
			t.Errorf("%d put: after all of them come %d, last %d, missed %v", c.put, len(more), again, missed)
		}
	}
}

// Who has seen a part gets the rest; an ID of another run is no place to go on from.
func TestSinceGoesOnWhereItWas(t *testing.T) {
	b := New()
	fill(b, 5)
	_, last, _ := b.Since(0)
	for _, c := range []struct {
		id     uint64
		want   int
		missed bool
	}{
		{last - 2, 2, false},
		{last - 5, 5, false},
		{last - 6, 5, true},
		{1, 5, true},
		{last + 1, 5, true}, // never given
	} {
		if got, next, missed := b.Since(c.id); len(got) != c.want || missed != c.missed || next != last {
			t.Errorf("since %d of %d: %d records, missed %v, next %d; want %d, %v", c.id, last, len(got), missed, next, c.want, c.missed)
		}
	}
	later := New()
	later.start, later.first, later.next = last+1000, last+1000, last+1000
	fill(later, 2)
	if got, _, missed := later.Since(last); len(got) != 2 || !missed {
		t.Errorf("with an ID of an earlier run: %d records, missed %v", len(got), missed)
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New()
		_, last, _ := b.Since(0)
		start := time.Now()
		go func() {
			time.Sleep(3 * time.Second)
			fill(b, 1)
		}()
		if err := b.Wait(t.Context(), last); err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("waited %v: %v", time.Since(start), err)
		}
		records, last, _ := b.Since(last)
		if len(records) != 1 || !records[0].At.Equal(time.Now()) || records[0].Content != "c@1" {
			t.Errorf("%+v", records)
		}
		for _, id := range []uint64{0, last - 1, last + 7} { // there is something at once
			if err := b.Wait(t.Context(), id); err != nil || time.Since(start) != 3*time.Second {
				t.Errorf("waited %v for %d: %v", time.Since(start), id, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Wait(ctx, last); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		go func() {
			time.Sleep(time.Second)
			b.Close()
		}()
		if err := b.Wait(t.Context(), last); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		if err := b.Wait(t.Context(), last-1); err != nil {
			t.Errorf("what came before the end is there still: %v", err)
		}
		fill(b, 1)
		if _, now, _ := b.Since(0); now != last {
			t.Error("a closed bus takes events")
		}
	})
}

// stuck is a log that takes no line until it is let go.
type stuck struct {
	slog.Handler
	begun chan struct{} // closed with the first line
	once  *sync.Once
	held  chan struct{}
}

func (s stuck) Handle(ctx context.Context, r slog.Record) error {
	s.once.Do(func() { close(s.begun) })
	<-s.held
	return s.Handler.Handle(ctx, r)
}

// A log that hangs does not hold up who puts events, and says afterwards that it missed some. Metrics miss nothing.
func TestASlowFollowerHoldsNobodyUp(t *testing.T) {
	b := New()
	var out bytes.Buffer
	text := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})
	log := stuck{text, make(chan struct{}), new(sync.Once), make(chan struct{})}
	fill(b, 1)
	var wg sync.WaitGroup
	wg.Go(func() { b.Log(slog.New(log)) })
	<-log.begun
	fill(b, 2*recordsMax)
	close(log.held)
	b.Close()
	wg.Wait()
	if n := strings.Count(out.String(), "events came faster"); n != 1 {
		t.Errorf("told %d times that events are missing", n)
	}
	if n := strings.Count(out.String(), "event=all-held"); n != recordsMax+1 {
		t.Errorf("%d lines", n)
	}
	if got := b.Metrics()["wimcast_cast_completions_total"]; got != 2*recordsMax+1 {
		t.Errorf("%v events are counted", got)
	}
}

// Every event that is put while somebody follows comes once and in order, whoever puts it.
func TestFollowersSeeEverything(t *testing.T) {
	const emitters, each = 4, 500
	b := New()
	var wg, putting sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			seen, last := 0, uint64(0)
			for more := true; more; more = b.Wait(t.Context(), last) == nil {
				records, next, missed := b.Since(last)
				if missed || len(records) > 0 && last != 0 && records[0].ID != last+1 {
					t.Errorf("missed %v after %d", missed, last)
				}
				seen, last = seen+len(records), next
			}
			if seen != emitters*each {
				t.Errorf("saw %d", seen)
			}
		})
	}
	for range emitters {
		putting.Go(func() {
			tell := b.About("c@1")
			for range each {
				tell(event.Hears{})
			}
		})
	}
	putting.Wait()
	b.Close()
	wg.Wait()
}

func TestLogLines(t *testing.T) {
	b := New()
	b.Put("c@1", event.CastStarted{Group: "239.0.0.1:4791"})
	b.Put("c@1", event.RateChanged{Rate: 94_100_000}) // for who looks into a cast
	b.Put("", event.ClientGone{Name: "p 1", Address: "a:1"})
	b.Close()
	var out bytes.Buffer
	b.Log(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	const want = `level=INFO msg="cast started" event=cast-started content=c@1 group=239.0.0.1:4791
level=INFO msg="client gone" event=client-gone name="p 1" address=a:1
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}
