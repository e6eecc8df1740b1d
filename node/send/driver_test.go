package send

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slowStore takes a while for every chunk, and for one for ever, and fails for another.
type slowStore struct {
	takes  time.Duration
	chunks map[chunk.ID][]byte
	stuck  chunk.ID
	broken chunk.ID

	mu       sync.Mutex
	now, top int // reads at a time
}

func (s *slowStore) Get(ctx context.Context, id chunk.ID, buf []byte) ([]byte, error) {
	s.count(1)
	defer s.count(-1)
	wait := time.After(s.takes)
	if id == s.stuck {
		wait = nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-wait:
		if id == s.broken {
			return nil, errors.New("input/output error")
		}
		return append(buf[:0], s.chunks[id]...), nil
	}
}

func (s *slowStore) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now += n
	s.top = max(s.top, s.now)
}

// content makes n chunks of 128 KiB.
func content(n int) (*slowStore, []catalog.ManifestChunk) {
	s := &slowStore{chunks: make(map[chunk.ID][]byte)}
	random := rand.NewChaCha8([32]byte{1})
	var list []catalog.ManifestChunk
	for range n {
		data := make([]byte, 128<<10)
		random.Read(data)
		id := chunk.Sum(data)
		s.chunks[id] = data
		list = append(list, catalog.ManifestChunk{ID: id, Size: uint32(len(data))})
	}
	return s, list
}

// heard is what a cast has put on the wire.
type heard struct {
	announces []time.Duration
	symbols   map[wire.Block]int
	last      time.Duration // when the last symbol was sent
	seq       wire.Seq
	datagrams wire.Seq
	unicast   []wire.Span // what the member is told to fetch
}

// member takes part in a cast and says nothing but reports.
type member struct{ tell func(msg any) }

func (m member) Tell(msg any)                                { m.tell(msg) }
func (member) CastEnded(*Cast, distributor.MemberID, string) {}

// run casts the chunks to a member that hears all, for so long, in the test's bubble.
func run(t *testing.T, store *slowStore, chunks []catalog.ManifestChunk, long time.Duration) heard {
	t.Helper()
	info := wire.CastInfo{Cast: 7, Run: [16]byte{1}, Secret: [32]byte{2}}
	blocks := make([]distributor.Block, len(chunks))
	for i, c := range chunks {
		blocks[i].Size = c.Size
	}
	sending, err := distributor.New(distributor.Config{Cast: info.Cast, Run: info.RunTag(), Blocks: blocks, RateCapBps: 50e6, MemoryBlocks: memoryBlocks})
	if err != nil {
		t.Fatal(err)
	}
	c := &Cast{
		cfg:    Config{Info: info, Events: func(event.Event) {}},
		inputs: make(chan input, inputsMax), done: make(chan struct{}), members: make(map[distributor.MemberID]Member),
	}
	var mu sync.Mutex
	got, start := heard{symbols: make(map[wire.Block]int)}, time.Now()
	opener := wire.NewOpener(wire.DeriveRunKey(info.Secret, info.Epoch, info.Sender, info.Run), info.Cast, info.RunTag())
	wireOut := func(batch [][]byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, d := range batch {
			h, payload, err := opener.Open(d)
			if err != nil {
				return 0, err
			}
			got.seq = max(got.seq, h.Seq)
			got.datagrams++
			if h.Type == wire.TypeAnnounce {
				got.announces = append(got.announces, time.Since(start))
				continue
			}
			at := int(h.Symbol) * wire.SymbolSize
			if data := store.chunks[chunks[h.Block].ID]; at < len(data) && string(payload) != string(data[at:min(at+wire.SymbolSize, len(data))]) {
				return 0, errors.New("a symbol is not the block's")
			}
			got.symbols[h.Block]++
			got.last = time.Since(start)
		}
		return len(batch), nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		newDriver(c, sending, wireOut, newMemory(store, chunks)).run(ctx)
	}()
	id, err := c.Join(member{tell: func(msg any) {
		if u, ok := msg.(wire.Unicast); ok {
			mu.Lock()
			defer mu.Unlock()
			got.unicast = append(got.unicast, u.Spans...)
		}
	}}, distributor.Join{Name: "pc"})
	if err != nil {
		t.Fatal(err)
	}
	c.Message(id, wire.Want{Cast: info.Cast, Final: true, Spans: []wire.Span{{To: wire.Block(len(chunks))}}})
	for n := uint32(1); time.Since(start) < long; n++ {
		time.Sleep(100 * time.Millisecond)
		mu.Lock()
		seq := got.seq
		mu.Unlock()
		c.Report(id, wire.Report{Cast: info.Cast, Run: info.RunTag(), Serial: n, Highest: seq, Received: uint64(seq), Decoded: n})
	}
	cancel()
	<-ended
	return got
}

// TestSlowStoreCostsNoTime: 50 ms for each chunk, and they are sent as if it took none.
func TestSlowStoreCostsNoTime(t *testing.T) {
	store, chunks := content(100)
	var last [2]time.Duration
	for i, takes := range []time.Duration{0, 50 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			store.takes = takes
			got := run(t, store, chunks, 6*time.Second)
			for b := range wire.Block(len(chunks)) {
				if n := got.symbols[b]; n < 94 {
					t.Errorf("reading takes %v: %d symbols of block %d", takes, n, b)
				}
			}
			last[i] = got.last
		})
	}
	if late := last[1] - last[0]; late > 10*time.Millisecond {
		t.Errorf("the last symbol is sent at %v, and at %v when reading takes no time", last[1], last[0])
	}
	if store.top != readersMax {
		t.Errorf("%d chunks are read at a time, want %d", store.top, readersMax)
	}
}

// TestChunkThatIsNeverReadHoldsUpNothing: the store does not answer for one chunk.
func TestChunkThatIsNeverReadHoldsUpNothing(t *testing.T) {
	store, chunks := content(60)
	const stuck = 3
	store.takes, store.stuck = 5*time.Millisecond, chunks[stuck].ID
	synctest.Test(t, func(t *testing.T) {
		const long = 8 * time.Second
		got := run(t, store, chunks, long)
		for b := range wire.Block(len(chunks)) {
			if n := got.symbols[b]; b != stuck && n < 94 || b == stuck && n > 0 {
				t.Errorf("%d symbols of block %d", n, b)
			}
		}
		before := time.Second // the cast begins
		for _, at := range append(got.announces, long) {
			if at-before > 260*time.Millisecond {
				t.Errorf("no announce from %v to %v", before, at)
			}
			before = at
		}
	})
}

// TestChunkThatCannotBeReadIsNamedToTheMembers: it is for them to fetch, and no datagram's number is spent on it.
func TestChunkThatCannotBeReadIsNamedToTheMembers(t *testing.T) {
	store, chunks := content(20)
	const broken = 3
	store.takes, store.broken = 5*time.Millisecond, chunks[broken].ID
	synctest.Test(t, func(t *testing.T) {
		got := run(t, store, chunks, 4*time.Second)
		for b := range wire.Block(len(chunks)) {
			if n := got.symbols[b]; b != broken && n < 94 || b == broken && n > 0 {
				t.Errorf("%d symbols of block %d", n, b)
			}
		}
		if len(got.unicast) != 1 || got.unicast[0] != (wire.Span{From: broken, To: broken + 1}) {
			t.Errorf("the member is told to fetch %v, want block %d", got.unicast, broken)
		}
		if got.datagrams != got.seq {
			t.Errorf("%d datagrams are sent, the last one is number %d", got.datagrams, got.seq)
		}
	})
}
