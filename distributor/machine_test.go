package distributor

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

func newTest(t *testing.T, cfg Config) *Machine {
	t.Helper()
	if cfg.Blocks == nil {
		cfg.Blocks = make([]Block, 64)
		for i := range cfg.Blocks {
			cfg.Blocks[i] = Block{Size: 128 << 10, Prologue: i >= 60}
		}
	}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// joinAll adds members 1..n that want every block.
func joinAll(m *Machine, n int) {
	for i := range n {
		id := MemberID(i + 1)
		m.Handle(m.now, Join{Member: id})
		m.Handle(m.now, Message{Member: id, Msg: wire.Want{Final: true, Spans: []wire.Span{{To: wire.Block(len(m.blocks))}}}})
	}
}

// runUntil handles ticks until time end, with members that report every 100 ms that they hear all, and returns what came out.
func runUntil(m *Machine, end machine.Time) (outs []Out) {
	for m.now < end {
		outs = append(outs, quietUntil(m, min(end, m.now.Add(100*time.Millisecond)))...)
		for _, mb := range m.members {
			m.Handle(m.now, Report{Member: mb.id, Report: wire.Report{Serial: mb.serial + 1, Highest: wire.Seq(m.seq), Received: m.seq, Decoded: mb.decoded + 1}})
		}
	}
	return append(outs, quietUntil(m, end)...)
}

// quietUntil does the same without reports.
func quietUntil(m *Machine, end machine.Time) (outs []Out) {
	for {
		for out, ok := m.Poll(); ok; out, ok = m.Poll() {
			outs = append(outs, out)
		}
		at, _ := m.Deadline()
		m.Handle(min(at, end), Tick{})
		if at > end {
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

// Configurations that cannot work are refused.
func TestRefusedConfig(t *testing.T) {
	one := []Block{{Size: 1}}
	for name, cfg := range map[string]Config{
		"no blocks":        {},
		"too many blocks":  {Blocks: make([]Block, chunk.MaxChunks+1)},
		"block too large":  {Blocks: []Block{{Size: 256<<10 + 1}}},
		"floor over cap":   {Blocks: one, RateFloorBps: 2_000_000, RateCapBps: 1_000_000},
		"start over cap":   {Blocks: one, RateStartBps: 2_000_000, RateCapBps: 1_000_000},
		"negative floor":   {Blocks: one, RateFloorBps: -1},
		"short stall":      {Blocks: one, StallMax: time.Millisecond},
		"too many members": {Blocks: one, MembersMax: MembersMax + 1},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := New(Config{Blocks: make([]Block, chunk.MaxChunks)}); err != nil {
		t.Errorf("chunk.MaxChunks blocks: %v", err)
	}
}

// The prologue goes first, every symbol once, in bursts, with 8 blocks open, and no datagram number twice.
func TestCarouselOrder(t *testing.T) {
	m := newTest(t, Config{RateStartBps: 1_000_000_000})
	joinAll(m, 1)
	outs := runUntil(m, machine.Time(1500*time.Millisecond))
	seen, open, seq := map[wire.Block]int{}, map[wire.Block]bool{}, wire.Seq(1)
	for _, o := range outs {
		switch o := o.(type) {
		case SendAnnounce:
			if o.Seq != seq {
				t.Fatalf("announce has number %d, want %d", o.Seq, seq)
			}
			seq++
		case SendSymbols:
			if o.Seq != seq || o.Count < 1 || o.Count > burstMax || int(o.First) != seen[o.Block] {
				t.Fatalf("%+v: want number %d, first %d", o, seq, seen[o.Block])
			}
			seq += wire.Seq(o.Count)
			open[o.Block] = true
			if seen[o.Block] += o.Count; seen[o.Block] == 94 {
				delete(open, o.Block)
			}
			if len(open) > openMax {
				t.Fatalf("%d blocks open", len(open))
			}
			if o.Block < 56 && seen[60] == 0 {
				t.Fatal("a block is sent before the prologue")
			}
		}
	}
	for i := range wire.Block(64) {
		if seen[i] != 94 {
			t.Errorf("block %d: %d symbols sent, want 94", i, seen[i])
		}
	}
}

// Nothing is sent before the start delay has passed, so that members that ask within it share the cast.
func TestStartDelay(t *testing.T) {
	m := newTest(t, Config{})
	joinAll(m, 1)
	if n := len(only[SendSymbols](runUntil(m, machine.Time(999*time.Millisecond)))); n > 0 {
		t.Errorf("%d bursts before a second has passed", n)
	}
	if n := len(only[SendSymbols](runUntil(m, machine.Time(1100*time.Millisecond)))); n == 0 {
		t.Error("nothing is sent after a second")
	}
}

// A deficit brings exactly the symbols asked for, whatever happens to the report: doubled, late, or said by all.
func TestRepairIsIdempotent(t *testing.T) {
	m := newTest(t, Config{RateStartBps: 1_000_000_000})
	joinAll(m, 4)
	runUntil(m, machine.Time(1500*time.Millisecond))
	before := m.blocks[7].sent
	for id := MemberID(1); id <= 4; id++ {
		for serial := uint32(1); serial <= 3; serial++ {
			r := wire.Report{Serial: 1000 + serial, Deficits: []wire.Deficit{{Block: 7, Sent: 94, Need: uint16(id)}}}
			m.Handle(m.now, Report{Member: id, Report: r})
		}
	}
	outs := only[SendSymbols](runUntil(m, machine.Time(1700*time.Millisecond)))
	if got := m.blocks[7].sent - before; got != 4 || len(outs) != 1 || outs[0].First != 94 || outs[0].Count != 4 {
		t.Errorf("%d symbols more were sent in %d bursts; want the 4 that follow in one", got, len(outs))
	}
}

// A late Want brings a block again from a fresh symbol on, wrapping after the last parity symbol and never within a burst.
func TestLateWantWraps(t *testing.T) {
	m := newTest(t, Config{RateStartBps: 1_000_000_000})
	joinAll(m, 1)
	runUntil(m, machine.Time(1500*time.Millisecond))
	m.Handle(m.now, Join{Member: 9})
	m.Handle(m.now, Message{Member: 9, Msg: wire.Want{Final: true, Spans: []wire.Span{{From: 7, To: 8}}}})
	next, count := 94, 0
	for _, s := range only[SendSymbols](runUntil(m, machine.Time(1700*time.Millisecond))) {
		if int(s.First) != next || int(s.First)+s.Count > 94+64 {
			t.Fatalf("%+v, want symbol %d first", s, next)
		}
		next = (next + s.Count) % (94 + 64)
		count += s.Count
	}
	if count != 94 {
		t.Errorf("%d symbols sent again, want 94", count)
	}
}

// When the datagrams of a run are used up the machine says so once and sends nothing more.
func TestRunOver(t *testing.T) {
	m := newTest(t, Config{RateStartBps: 1_000_000_000})
	joinAll(m, 1)
	m.seq = DatagramsMax - 100
	outs := runUntil(m, machine.Time(5*time.Second))
	if over := only[Over](outs); len(over) != 1 || m.seq > DatagramsMax || m.Status().Phase != PhaseOver {
		t.Errorf("%d times over at datagram %d", len(over), m.seq)
	}
}

// One member past the maximum is turned away, with the reason.
func TestMembersMax(t *testing.T) {
	m := newTest(t, Config{MembersMax: 2})
	joinAll(m, 3)
	drops := only[Drop](runUntil(m, 0))
	if len(drops) != 1 || drops[0].Member != 3 || !strings.Contains(drops[0].Why, "2 members") {
		t.Errorf("drops %+v", drops)
	}
}

// A member that never reports is dropped after StallMax and holds nothing up; one that reports without ever getting on too.
func TestStalledMembersAreDropped(t *testing.T) {
	m := newTest(t, Config{StallMax: 5 * time.Second})
	joinAll(m, 2)
	var outs []Out
	for serial := uint32(1); serial < 60; serial++ {
		m.Handle(m.now, Report{Member: 2, Report: wire.Report{Serial: serial}})
		outs = append(outs, quietUntil(m, machine.Time(serial)*machine.Time(200*time.Millisecond))...)
	}
	if drops := only[Drop](outs); len(drops) != 2 || m.wanted != 0 {
		t.Errorf("drops %+v, %d blocks still wanted", drops, m.wanted)
	}
}

// The announced interval keeps the feedback of 1000 members under 1 % of the rate, whatever their reports hold.
func TestFeedbackOfThousandMembers(t *testing.T) {
	for _, deficits := range []int{0, 3, 60} {
		m := newTest(t, Config{RateStartBps: 500_000_000, RateFloorBps: 500_000_000, RateCapBps: 500_000_000})
		joinAll(m, 1000)
		for serial := uint32(1); serial <= 3; serial++ {
			for id := MemberID(1); id <= 1000; id++ {
				m.Handle(m.now, Report{Member: id, Report: wire.Report{Serial: serial, Deficits: make([]wire.Deficit, deficits)}})
			}
		}
		size := wire.Report{Deficits: make([]wire.Deficit, deficits)}.Length() + 75
		bps := float64(1000*size*8) / m.interval.Seconds()
		if bps > 5_100_000 {
			t.Errorf("with %d deficits a report feedback is %.0f bit/s at intervals of %v, 1 %% is 5,000,000", deficits, bps, m.interval)
		}
	}
}

// Whatever members send, in whatever order, nothing panics, no count goes wrong, and what one may cost stays bounded.
func TestHostileInput(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 1))
		m := newTest(t, Config{RateStartBps: 200_000_000, StartDelay: -1})
		for range 2000 {
			m.Handle(m.now.Add(time.Duration(rng.Int64N(int64(3*time.Millisecond)))), hostile(rng, m))
			drain(m)
			if at, _ := m.Deadline(); at < m.now {
				t.Fatal("deadline lies in the past")
			}
		}
		checkCounts(t, m)
	}
}

func hostile(rng *rand.Rand, m *Machine) In {
	id := MemberID(rng.IntN(6))
	spans := []wire.Span{{From: wire.Block(rng.IntN(80)), To: wire.Block(rng.IntN(80))}, {From: 0, To: wire.Block(rng.Uint32())}}
	switch rng.IntN(9) {
	case 0:
		return Join{Member: id}
	case 1:
		return Gone{Member: id}
	case 2:
		return Message{Member: id, Msg: wire.Want{Spans: spans[:rng.IntN(3)], Final: rng.IntN(2) == 0}}
	case 3:
		return Message{Member: id, Msg: wire.Held{Spans: spans[:rng.IntN(2)]}}
	case 4:
		return Fetched{Member: id, Block: wire.Block(rng.IntN(70))}
	case 5:
		return Message{Member: id, Msg: []any{nil, wire.Demote{}, wire.Leave{}, wire.Leave{Cast: 7}}[rng.IntN(4)]}
	default:
		r := wire.Report{
			Serial: rng.Uint32N(5000), Highest: wire.Seq(rng.Uint64N(m.seq + 10)), Received: rng.Uint64N(m.seq + 10),
			BacklogKiB: rng.Uint32() >> rng.IntN(32), Deaf: rng.IntN(20) == 0,
		}
		for range rng.IntN(5) {
			r.Deficits = append(r.Deficits, wire.Deficit{Block: wire.Block(rng.IntN(66)), Sent: rng.Uint32N(200), Need: uint16(rng.Uint32())})
		}
		return Report{Member: id, Report: r}
	}
}

// checkCounts compares every count with what it counts.
func checkCounts(t *testing.T, m *Machine) {
	t.Helper()
	waiting, needing := 0, 0
	want := make([]uint32, len(m.blocks))
	for _, mb := range m.members {
		wants := 0
		for i := range m.blocks {
			if mb.demoted == 0 && mb.lacks.Has(uint32(i)) && !mb.quic.Has(uint32(i)) {
				want[i]++
				wants++
			}
		}
		if wants != mb.wants || mb.lacks.Len() != mb.lackN || mb.asked.Len() != mb.askedN || len(mb.flight) > flightMax {
			t.Fatalf("member %d: wants %d, want %d; lacks %d, want %d", mb.id, mb.wants, wants, mb.lackN, mb.lacks.Len())
		}
		if wants > 0 {
			waiting++
		}
		if mb.needs {
			needing++
		}
	}
	ready, closedN := 0, 0
	for i := range m.blocks {
		b := &m.blocks[i]
		if b.want != want[i] {
			t.Fatalf("block %d: %d members wait for it, want %d", i, b.want, want[i])
		}
		if b.state == closed {
			closedN++
		}
		if m.ready[0].Has(uint32(i)) || m.ready[1].Has(uint32(i)) {
			ready++
		}
	}
	if waiting != m.waiting || needing != m.needing || closedN != m.closedN || ready != m.readyN[0]+m.readyN[1] {
		t.Fatalf("waiting %d want %d, needing %d want %d, closed %d want %d, ready %d want %d",
			m.waiting, waiting, m.needing, needing, m.closedN, closedN, m.readyN[0]+m.readyN[1], ready)
	}
}

// TestRestedCastGathersAgain: clients that ask within a second share the cast from its start, also when the cast has served
// others before.
func TestRestedCastGathersAgain(t *testing.T) {
	m := newTest(t, Config{})
	joinAll(m, 1)
	runUntil(m, machine.Time(3*time.Second))
	m.Handle(m.now, Message{Member: 1, Msg: wire.Held{Spans: []wire.Span{{To: wire.Block(len(m.blocks))}}}})
	m.Handle(m.now, Gone{Member: 1})
	runUntil(m, machine.Time(5*time.Second))
	asked := m.now
	m.Handle(m.now, Join{Member: 2})
	m.Handle(m.now, Message{Member: 2, Msg: wire.Want{Final: true, Spans: []wire.Span{{To: wire.Block(len(m.blocks))}}}})
	symbols := func(outs []Out) (n int) {
		for _, out := range outs {
			if s, ok := out.(SendSymbols); ok {
				n += s.Count
			}
		}
		return n
	}
	if n := symbols(runUntil(m, asked.Add(990*time.Millisecond))); n > 0 {
		t.Errorf("%d symbols before a second was over", n)
	}
	if n := symbols(runUntil(m, asked.Add(1500*time.Millisecond))); n == 0 {
		t.Error("no symbols after it")
	}
}
