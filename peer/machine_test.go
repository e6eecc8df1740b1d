package peer

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/fec"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// world is a machine with the blocks it is to get.
type world struct {
	*Machine
	t      testing.TB
	data   [][]byte
	parity [][]byte
	seq    wire.Seq
}

// newWorld makes a linked member of run 1 that wants all blocks, of the sizes given.
func newWorld(t testing.TB, cfg Config, sizes ...int) *world {
	w := &world{t: t}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range sizes {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		p, err := fec.Parity(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		w.data, w.parity = append(w.data, b), append(w.parity, p)
		cfg.Blocks = append(cfg.Blocks, Block{ID: chunk.Sum(b), Size: uint32(size)})
	}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Machine = m
	m.Handle(0, Need{Final: true, Spans: []wire.Span{{To: wire.Block(len(sizes))}}})
	m.Handle(0, Link{Up: true, Run: 1})
	w.poll()
	return w
}

func (w *world) poll() (outs []Out) {
	for out, ok := w.Poll(); ok; out, ok = w.Poll() {
		outs = append(outs, out)
	}
	return outs
}

// do hands over one input now and returns what came out.
func (w *world) do(in In) []Out {
	w.Handle(w.now, in)
	return w.poll()
}

// symbol makes the datagram of a symbol.
func (w *world) datagram(b wire.Block, i wire.Symbol) Symbol {
	w.seq++
	return Symbol{Header: wire.Header{Type: wire.TypeSymbol, Run: 1, Seq: w.seq, Block: b, Symbol: i}, Payload: fec.Symbol(w.data[b], w.parity[b], i)}
}

func (w *world) announce(closed ...wire.Closed) []Out {
	w.seq++
	return w.do(Announce{Header: wire.Header{Type: wire.TypeAnnounce, Run: 1, Seq: w.seq}, Announce: wire.Announce{LeaseMillis: 1000, ReportMillis: 20, Closed: closed}})
}

// later lets time pass and returns what came out.
func (w *world) later(d time.Duration) (outs []Out) {
	end := w.now.Add(d)
	for {
		at, _ := w.Deadline()
		w.Handle(min(at, end), Tick{})
		outs = append(outs, w.poll()...)
		if at >= end {
			return outs
		}
	}
}

func only[T Out](outs []Out) (list []T) {
	for _, o := range outs {
		if v, ok := o.(T); ok {
			list = append(list, v)
		}
	}
	return list
}

// streams returns the stream messages of one kind.
func streams[T any](outs []Out) (list []T) {
	for _, s := range only[SendStream](outs) {
		if v, ok := s.Msg.(T); ok {
			list = append(list, v)
		}
	}
	return list
}

// A block is stored once, told held only after Stored, and the member leaves when all is held.
func TestHeldOnlyWhenStored(t *testing.T) {
	w := newWorld(t, Config{}, 5000)
	var outs []Out
	for i := range wire.Symbol(6) {
		outs = append(outs, w.do(w.datagram(0, i))...)
	}
	stores := only[Store](outs)
	if len(stores) != 1 || !bytes.Equal(stores[0].Data, w.data[0]) {
		t.Fatalf("%d blocks stored, want the one", len(stores))
	}
	if outs = w.later(2 * time.Second); len(streams[wire.Held](outs)) > 0 || len(only[Done](outs)) > 0 {
		t.Fatal("told held before it was stored")
	}
	outs = w.do(Stored{Block: 0})
	held, done := streams[wire.Held](outs), only[Done](outs)
	if len(held) != 1 || held[0].Spans[0] != (wire.Span{To: 1}) || len(done) != 1 || len(streams[wire.Leave](outs)) != 1 {
		t.Errorf("after Stored: %+v", outs)
	}
	if at, _ := w.Deadline(); at != machine.Never {
		t.Errorf("a member that is done waits until %v", at)
	}
}

// Datagrams that are no symbol of a known block are counted and change nothing.
func TestRefusedSymbols(t *testing.T) {
	w := newWorld(t, Config{}, 5000, 1408)
	good := w.datagram(0, 0)
	for name, change := range map[string]func(s *Symbol){
		"block past the end":  func(s *Symbol) { s.Header.Block = 2 },
		"symbol past parity":  func(s *Symbol) { s.Header.Symbol = 4 + 64 },
		"short source":        func(s *Symbol) { s.Payload = s.Payload[:1407] },
		"long last source":    func(s *Symbol) { s.Header.Symbol = 3 },
		"empty":               func(s *Symbol) { s.Payload = nil },
		"another cast":        func(s *Symbol) { s.Header.Cast = 9 },
		"another run":         func(s *Symbol) { s.Header.Run = 9 },
		"short parity symbol": func(s *Symbol) { s.Header.Symbol, s.Payload = 5, s.Payload[:100] },
	} {
		before, s := w.Status(), good
		change(&s)
		w.do(s)
		if after := w.Status(); after.Refused != before.Refused+1 || after.Partial != before.Partial || after.Symbols != before.Symbols {
			t.Errorf("%s: refused %d, partial %d", name, after.Refused-before.Refused, after.Partial)
		}
	}
}

// The claim about a closed block counts what was there when the announce came, less what was only late.
func TestDeficits(t *testing.T) {
	w := newWorld(t, Config{}, 14080, 14080) // k = 10
	for i := range wire.Symbol(6) {
		w.do(w.datagram(0, i))
	}
	late := w.datagram(0, 6)
	w.announce(wire.Closed{Block: 0, Sent: 10}, wire.Closed{Block: 1, Sent: 10})
	w.do(late)
	w.do(w.datagram(0, 10)) // sent after the announce: the sender counts it itself
	reports := only[SendReport](w.later(25 * time.Millisecond))
	want := []wire.Deficit{{Block: 0, Sent: 10, Need: 3}, {Block: 1, Sent: 10, Need: 10}}
	if len(reports) != 1 || len(reports[0].Report.Deficits) != 2 || reports[0].Report.Deficits[0] != want[0] || reports[0].Report.Deficits[1] != want[1] {
		t.Errorf("reports %+v, want deficits %+v", reports, want)
	}
}

// More deficits than a report holds are told in turn.
func TestDeficitsTakeTurns(t *testing.T) {
	sizes := make([]int, 300)
	var closed []wire.Closed
	for i := range sizes {
		sizes[i] = 100
		closed = append(closed, wire.Closed{Block: wire.Block(i), Sent: 1})
	}
	w := newWorld(t, Config{}, sizes...)
	w.announce(closed...)
	told := map[wire.Block]bool{}
	for _, r := range only[SendReport](w.later(80 * time.Millisecond)) {
		if len(r.Report.Deficits) > wire.MaxDeficits {
			t.Fatalf("%d deficits in a report", len(r.Report.Deficits))
		}
		for _, d := range r.Report.Deficits {
			told[d.Block] = true
		}
	}
	if len(told) != 300 {
		t.Errorf("%d of 300 deficits told in three reports", len(told))
	}
}

// Blocks that are partly there take PartialMax bytes at most; one that is dropped is claimed whole.
func TestPartialMax(t *testing.T) {
	sizes := make([]int, 40)
	for i := range sizes {
		sizes[i] = 64 << 10
	}
	w := newWorld(t, Config{PartialMax: 2 << 20}, sizes...)
	var closed []wire.Closed
	for b := range wire.Block(40) {
		closed = append(closed, wire.Closed{Block: b, Sent: 47})
	}
	w.announce(closed...)
	for b := range wire.Block(40) {
		for i := range wire.Symbol(20) {
			w.do(w.datagram(b, 30+i))
			if got := w.Status().Partial; got > 2<<20 {
				t.Fatalf("%d bytes of partial blocks", got)
			}
		}
	}
	dropped := 0
	for _, d := range only[SendReport](w.later(25 * time.Millisecond))[0].Report.Deficits {
		if w.blocks[d.Block].slot == 0 {
			dropped++
			if d.Need != 47 {
				t.Errorf("block %d was dropped, %d symbols are claimed, want all 47", d.Block, d.Need)
			}
		}
	}
	if dropped == 0 || w.Status().Shed == 0 {
		t.Error("40 blocks of 64 KiB fit 2 MiB")
	}
}

// Past BacklogMax no new block is begun until the disk has caught up.
func TestBacklogMax(t *testing.T) {
	w := newWorld(t, Config{BacklogMax: 256 << 10}, 200<<10, 100<<10, 1000)
	for b := range wire.Block(2) {
		for i := range wire.Symbol(w.source(b)) {
			w.do(w.datagram(b, i))
		}
	}
	w.do(w.datagram(2, 0))
	if s := w.Status(); s.Backlog != 300<<10 || s.Shed != 1 || s.Partial != 0 {
		t.Fatalf("backlog %d, shed %d, partial %d", s.Backlog, s.Shed, s.Partial)
	}
	w.do(Stored{Block: 0})
	if outs := w.do(w.datagram(2, 0)); len(only[Store](outs)) != 1 {
		t.Error("the block is not taken after the disk has caught up")
	}
}

// A block that decodes to something else than its name twice is fetched, and its bytes from there are checked as well.
func TestBadBlockIsFetched(t *testing.T) {
	w := newWorld(t, Config{}, 2000)
	bad := bytes.Repeat([]byte{1}, 1408)
	var outs []Out
	for range 2 {
		s := w.datagram(0, 0)
		s.Payload = bad
		outs = append(outs, w.do(s)...)
		outs = append(outs, w.do(w.datagram(0, 1))...)
	}
	if len(only[Store](outs)) != 0 || len(only[Fetch](outs)) != 1 || w.Status().Bad != 2 {
		t.Fatalf("%d stored, %d fetched, %d bad", len(only[Store](outs)), len(only[Fetch](outs)), w.Status().Bad)
	}
	if outs = w.do(Fetched{Block: 0, Data: make([]byte, 2000)}); len(only[Store](outs)) != 0 {
		t.Fatal("wrong bytes from QUIC are stored")
	}
	if outs = w.later(100 * time.Millisecond); len(only[Fetch](outs)) != 1 {
		t.Fatalf("%d fetches after a pause, want 1", len(only[Fetch](outs)))
	}
	if outs = w.do(Fetched{Block: 0, Data: w.data[0]}); len(only[Store](outs)) != 1 {
		t.Error("the right bytes are not stored")
	}
}

// At most FetchMax fetches are under way, and a busy source is asked less and later.
func TestFetchWindow(t *testing.T) {
	sizes := make([]int, 50)
	for i := range sizes {
		sizes[i] = 100
	}
	w := newWorld(t, Config{FetchMax: 3}, sizes...)
	outs := w.do(Message{Msg: wire.Unicast{Spans: []wire.Span{{From: 0, To: 1 << 31}}}})
	if len(only[Fetch](outs)) != 3 {
		t.Fatalf("%d fetches at once, want 3", len(only[Fetch](outs)))
	}
	for b := range wire.Block(3) {
		if outs = w.do(Fetched{Block: b, Why: FetchBusy}); len(only[Fetch](outs)) != 0 {
			t.Fatal("a busy source is asked at once")
		}
	}
	if n := len(only[Fetch](w.later(60 * time.Millisecond))); n != 1 {
		t.Errorf("%d fetches after a pause, want 1", n)
	}
}

// A member that hears nothing while the sender says it sends is deaf, says so, joins again, and is not when it hears.
func TestDeaf(t *testing.T) {
	w := newWorld(t, Config{}, 5000)
	var outs []Out
	for i := range 4 {
		outs = append(outs, w.do(Message{Msg: wire.Progress{Seq: wire.Seq(1000 * (i + 1))}})...)
	}
	reports := only[SendReport](outs)
	if !w.Status().Deaf || len(reports) != 1 || !reports[0].Report.Deaf {
		t.Fatalf("deaf %v, reports %+v", w.Status().Deaf, reports)
	}
	if n := len(only[Group](w.later(11 * time.Second))); n != 2 {
		t.Errorf("joined again %d times in 11 s, want 2", n)
	}
	w.do(w.datagram(0, 0))
	if w.Status().Deaf {
		t.Error("still deaf after hearing a symbol")
	}
}

// When the sender comes back with another run the member says what it lacks, keeps its symbols, and counts anew.
func TestSenderRestart(t *testing.T) {
	w := newWorld(t, Config{LostMax: time.Minute}, 5000, 5000)
	for i := range wire.Symbol(4) {
		w.do(w.datagram(0, i))
	}
	w.do(w.datagram(1, 0))
	w.do(Link{})
	if at, why := w.Deadline(); at != w.now.Add(redialEvery) || why == "" {
		t.Errorf("waits until %v for %q", at, why)
	}
	outs := w.do(Link{Up: true, Run: 2})
	wants := streams[wire.Want](outs)
	if len(wants) != 1 || !wants[0].Final || len(wants[0].Spans) != 1 || wants[0].Spans[0] != (wire.Span{From: 1, To: 2}) {
		t.Errorf("wants %+v, want block 1", wants)
	}
	outs = nil
	for i := range wire.Symbol(3) {
		s := w.datagram(1, i+1)
		s.Header.Run = 2
		outs = append(outs, w.do(s)...)
	}
	if len(only[Store](outs)) != 1 {
		t.Error("the symbol of the first run was lost")
	}
}

// A sender that stays away too long is given up, once, with what is held.
func TestLostSender(t *testing.T) {
	w := newWorld(t, Config{LostMax: 3 * time.Second}, 5000)
	w.do(Link{})
	if failed := only[Failed](w.later(10 * time.Second)); len(failed) != 1 {
		t.Errorf("failed %d times, want once", len(failed))
	}
}

// Two Needs make one whole; only the last one is final.
func TestNeedTwice(t *testing.T) {
	w := newWorld(t, Config{}, 100, 100)
	m, err := New(Config{Blocks: w.cfg.Blocks})
	if err != nil {
		t.Fatal(err)
	}
	w.Machine = m
	outs := append(w.do(Link{Up: true, Run: 1}), w.do(Need{Spans: []wire.Span{{From: 1, To: 2}}})...)
	outs = append(outs, w.do(w.datagram(1, 0))...)
	outs = append(outs, w.do(Stored{Block: 1})...)
	if wants := streams[wire.Want](outs); len(wants) != 1 || wants[0].Final || len(only[Done](outs)) > 0 {
		t.Fatalf("wants %+v", wants)
	}
	outs = w.do(Need{Final: true, Spans: []wire.Span{{To: 2}}})
	if wants := streams[wire.Want](outs); len(wants) != 1 || !wants[0].Final || wants[0].Spans[0] != (wire.Span{To: 1}) {
		t.Errorf("wants %+v", wants)
	}
}

// Taking a symbol of a block that is begun allocates nothing.
func TestNoAllocationPerSymbol(t *testing.T) {
	w := newWorld(t, Config{}, 256<<10)
	in := w.datagram(0, 0)
	w.Handle(w.now, &in)
	var list []Symbol
	for i := range wire.Symbol(150) {
		list = append(list, w.datagram(0, i+1))
	}
	i := 0
	if n := testing.AllocsPerRun(100, func() {
		w.Handle(w.now, &list[i])
		i++
	}); n != 0 {
		t.Errorf("%v allocations a symbol", n)
	}
}

// One operation is one symbol; blocks are decoded, a tenth of them with parity, checked and stored.
func BenchmarkSymbol(b *testing.B) {
	sizes := make([]int, 64)
	for i := range sizes {
		sizes[i] = 128 << 10
	}
	w := newWorld(b, Config{}, sizes...)
	var all []Symbol
	for i := range sizes {
		for s := range wire.Symbol(94) {
			if i%10 == 0 && s < 5 {
				s += 94
			}
			all = append(all, w.datagram(wire.Block(i), s))
		}
	}
	b.SetBytes(1408)
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		i := n % len(all)
		if i == 0 && n > 0 {
			b.StopTimer()
			w = newWorld(b, Config{}, sizes...)
			b.StartTimer()
		}
		w.Handle(0, &all[i])
		for out, ok := w.Poll(); ok; out, ok = w.Poll() {
			if s, ok := out.(Store); ok {
				w.Handle(0, Stored{Block: s.Block})
			}
		}
	}
}

// Whatever the network and the sender say, nothing panics and the limits hold.
func TestHostileInput(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 3))
		w := newWorld(t, Config{PartialMax: 2 << 20, BacklogMax: 256 << 10}, 100, 5000, 256<<10, 40<<10)
		var pending []wire.Block
		for range 3000 {
			w.now = w.now.Add(time.Duration(rng.Int64N(int64(5 * time.Millisecond))))
			in := hostile(rng, w)
			if len(pending) > 0 && rng.IntN(3) == 0 {
				in, pending = Stored{Block: pending[0]}, pending[1:]
			}
			for _, s := range only[Store](w.do(in)) {
				pending = append(pending, s.Block)
				if !bytes.Equal(s.Data, w.data[s.Block]) {
					t.Fatal("wrong bytes are stored")
				}
			}
			if s := w.Status(); s.Partial > 2<<20 || s.Fetching > 4 || s.WaitUntil < w.now {
				t.Fatalf("limits: %+v", s)
			}
		}
	}
}

func hostile(rng *rand.Rand, w *world) In {
	h := wire.Header{Run: uint32(rng.IntN(3)), Seq: wire.Seq(rng.Uint64N(5000)), Block: wire.Block(rng.IntN(6)), Symbol: wire.Symbol(rng.IntN(300))}
	spans := []wire.Span{{From: wire.Block(rng.Uint32()), To: wire.Block(rng.Uint32())}, {To: wire.Block(rng.IntN(9))}}
	switch rng.IntN(14) {
	case 0:
		return Message{Msg: []any{nil, wire.Progress{Seq: h.Seq}, wire.Demote{Reason: wire.DemoteReason(rng.IntN(5))}, wire.Promote{}, wire.Unicast{Spans: spans}, 7}[rng.IntN(6)]}
	case 1:
		a := wire.Announce{LeaseMillis: uint16(rng.Uint32()), ReportMillis: uint16(rng.Uint32())}
		for range rng.IntN(8) {
			a.Closed = append(a.Closed, wire.Closed{Block: wire.Block(rng.IntN(6)), Sent: rng.Uint32()})
		}
		return Announce{Header: h, Announce: a}
	case 2:
		return Link{Up: rng.IntN(3) > 0, Run: 1, Permanent: rng.IntN(3000) == 0}
	case 3:
		return Fetched{Block: h.Block, Data: make([]byte, rng.IntN(200))}
	case 4:
		return Need{Urgent: rng.IntN(2) == 0, Spans: spans}
	case 5:
		return Fetched{Block: h.Block % 4, Data: bytes.Clone(w.data[h.Block%4])}
	case 6:
		return Tick{}
	case 7:
		return Fetched{Block: h.Block, Why: FetchWhy(rng.IntN(5))}
	case 8:
		return DialFailed{Permanent: rng.IntN(3000) == 0, Busy: rng.IntN(3) == 0}
	}
	p := make([]byte, []int{0, 1408, 1, 1448, 100}[rng.IntN(5)])
	if rng.IntN(2) == 0 {
		h.Block %= 4
		h.Run = 1
		p = fec.Symbol(w.data[h.Block], w.parity[h.Block], h.Symbol)
	}
	return Symbol{Header: h, Payload: p}
}
