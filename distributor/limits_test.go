package distributor

import (
	"testing"
	"time"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

func TestConfigAtAndOnePast(t *testing.T) {
	one := []Block{{Size: 1}}
	for name, c := range map[string]struct{ at, past Config }{
		"bytes of a block": {Config{Blocks: []Block{{Size: chunk.MaxSize}}}, Config{Blocks: []Block{{Size: chunk.MaxSize + 1}}}},
		"members":          {Config{Blocks: one, MembersMax: MembersMax}, Config{Blocks: one, MembersMax: MembersMax + 1}},
		"rate":             {Config{Blocks: one, RateCapBps: 1_000_000_000_000}, Config{Blocks: one, RateCapBps: 1_000_000_000_001}},
		"floor alone":      {Config{Blocks: one, RateFloorBps: 1_000_000_000_000}, Config{Blocks: one, RateFloorBps: 1_000_000_000_001}},
		"stall":            {Config{Blocks: one, StallMax: time.Second}, Config{Blocks: one, StallMax: time.Second - 1}},
	} {
		if _, err := New(c.at); err != nil {
			t.Errorf("%s at the limit: %v", name, err)
		}
		if _, err := New(c.past); err == nil {
			t.Errorf("%s past the limit: accepted", name)
		}
	}
}

// A run goes on as long as a burst finds numbers for its datagrams, and is over one datagram later.
func TestDatagramsMax(t *testing.T) {
	for past, over := range []bool{false, true} {
		m := newTest(t, Config{RateStartBps: 1_000_000_000, StartDelay: -1})
		joinAll(m, 1)
		drainAll(m)
		m.seq, m.clear, m.over = DatagramsMax-burstMax-1+uint64(past), m.now, false
		m.multicastDue()
		outs := drainAll(m)
		if sent := len(only[SendSymbols](outs))+len(only[SendAnnounce](outs)) > 0; sent == over || over != (len(only[Over](outs)) == 1) || m.seq > DatagramsMax {
			t.Errorf("with a burst and %d datagrams left: %+v", 1-past, outs)
		}
	}
}

func drainAll(m *Machine) (outs []Out) {
	for out, ok := m.Poll(); ok; out, ok = m.Poll() {
		outs = append(outs, out)
	}
	return outs
}

// Past repairsMax a deficit is not noted.
func TestRepairsMax(t *testing.T) {
	m := newTest(t, Config{Blocks: manyBlocks(repairsMax + 1)})
	joinAll(m, 1)
	for i := range wire.Block(repairsMax + 1) {
		m.noteTarget(m.members[0], i, 1)
	}
	if n := m.repairQ.Len(); n != repairsMax || len(m.slots) != repairsMax || m.blocks[repairsMax].rec || !m.blocks[repairsMax-1].rec {
		t.Errorf("%d repairs in %d slots, want %d", n, len(m.slots), repairsMax)
	}
}

// A member saves up no more than budgetMax.
func TestBudgetMax(t *testing.T) {
	m := newTest(t, Config{})
	for sent, want := range map[uint64]int64{9: budgetMax - 1, 10: budgetMax, 11: budgetMax} {
		mb := &member{budget: budgetMax - 10}
		m.stats.source = sent
		if m.fill(mb); mb.budget != want {
			t.Errorf("%d symbols later the budget is %d, want %d", sent, mb.budget, want)
		}
	}
}

// A repair that goes on and on has no more than spareMax symbols that nobody asked for.
func TestSpareMax(t *testing.T) {
	m := newTest(t, Config{})
	for rounds, want := range map[uint8]uint32{spareRounds - 1: 0, spareRounds: 1, spareRounds + spareMax - 1: spareMax, spareRounds + spareMax: spareMax} {
		b := &block{size: 128 << 10, round: rounds, sent: 94, goal: 94}
		m.oweMore(b, repair{}, 100)
		if b.goal != 100+want {
			t.Errorf("after %d rounds %d symbols are owed for a need of 6, want %d", rounds, b.goal-94, 6+want)
		}
	}
}

// A need that the budget leaves unmet is given up in round unmetMax, and not one earlier.
func TestUnmetMax(t *testing.T) {
	for before, want := range map[uint8]uint8{unmetMax - 2: unmetMax - 1, unmetMax - 1: 0} {
		m := newTest(t, Config{StartDelay: -1})
		joinAll(m, 2)
		mb, b := m.members[0], &m.blocks[7]
		mb.budget, m.waiting = 0, 2
		b.state, b.sent, b.goal, b.unmet = closed, 94, 94, before
		m.grant(b, repair{block: 7, member: [2]MemberID{mb.id}, target: [2]uint32{104}})
		if b.unmet != want {
			t.Errorf("unmet %d times: counted %d, want %d", before+1, b.unmet, want)
		}
	}
}

// Proactive parity grows at most by parityUpMax a block, and to parityMaxPpm.
func TestParityMax(t *testing.T) {
	const k = 94 // symbols of the block
	for _, c := range []struct{ before, need, want int64 }{
		{0, 6, 6 * ppm / k / 16},
		{0, 7, parityUpMax},
		{parityMaxPpm - parityUpMax - 1, k, parityMaxPpm - 1},
		{parityMaxPpm - parityUpMax, k, parityMaxPpm},
		{parityMaxPpm - parityUpMax + 1, k, parityMaxPpm},
	} {
		m := newTest(t, Config{})
		m.parity = c.before
		if m.learnParity(&block{size: 128 << 10, sent: k}, repair{}, k+uint32(c.need)); m.parity != c.want {
			t.Errorf("parity of %d ppm, %d symbols more were needed: %d ppm, want %d", c.before, c.need, m.parity, c.want)
		}
	}
}

// No more than flightMax blocks, nor more than the bytes allowed, are named to a member before it has them.
func TestFlightMax(t *testing.T) {
	m := newTest(t, Config{Blocks: manyBlocks(4)})
	for _, c := range []struct {
		blocks int
		bytes  int64
		want   bool
	}{
		{flightMax - 1, 0, true},
		{flightMax, 0, false},
		{0, flightBytes - int64(m.blocks[0].size), true},
		{0, flightBytes - int64(m.blocks[0].size) + 1, false},
	} {
		if got := m.offerable(&member{flight: make([]wire.Block, c.blocks), flightB: c.bytes}, 0, flightBytes); got != c.want {
			t.Errorf("with %d blocks of %d bytes under way: %v, want %v", c.blocks, c.bytes, got, c.want)
		}
	}
}

// A Unicast names spansMax runs of blocks, and the next one goes on.
func TestSpansMax(t *testing.T) {
	for past := range 2 {
		blocks := make([]Block, 2*(spansMax+past))
		for i := range blocks {
			blocks[i].Size = 1
		}
		m := newTest(t, Config{Blocks: blocks})
		m.Handle(0, Join{Member: 1})
		for i := range wire.Block(spansMax + past) {
			m.Handle(0, Message{Member: 1, Msg: wire.Want{Spans: []wire.Span{{From: 2 * i, To: 2*i + 1}}}})
		}
		drainAll(m)
		for n, want := range []int{spansMax, past} {
			m.serveOne(m.members[0], flightBytes, false)
			got := 0
			for _, s := range only[SendStream](drainAll(m)) {
				got += len(s.Msg.(wire.Unicast).Spans)
			}
			if got != want {
				t.Errorf("of %d spans %d are in message %d, want %d", spansMax+past, got, n+1, want)
			}
		}
	}
}

// An announce names as many closed blocks as it holds, and the rest stays for the next.
func TestAnnounceIsFull(t *testing.T) {
	for past := range 2 {
		m := newTest(t, Config{Blocks: manyBlocks(wire.MaxClosed + 1)})
		for i := range wire.Block(wire.MaxClosed + past) {
			m.blocks[i].state = closed
			m.tell(i)
		}
		m.announce()
		a := only[SendAnnounce](drainAll(m))
		if len(a) != 1 || len(a[0].Announce.Closed) != wire.MaxClosed || m.freshQ.Len() != past {
			t.Errorf("of %d closed blocks %d are left", wire.MaxClosed+past, m.freshQ.Len())
		}
	}
}

// Members report at least every intervalMax, however many they are and slow the rate is.
func TestIntervalMax(t *testing.T) {
	m := newTest(t, Config{})
	m.rate.bps = 1_000_000
	m.members = make([]*member, 1)
	at := int64(intervalMax/time.Second) * m.rate.bps / feedbackShare / 8 // bytes of a report that make it so
	for size, want := range map[int64]time.Duration{at / 5: intervalMax / 5, at: intervalMax, at + 100: intervalMax} {
		m.reportSize = size
		if m.setInterval(); m.interval != want {
			t.Errorf("interval %v for reports of %d bytes, want %v", m.interval, size, want)
		}
	}
}

// However fast the rate, openMax blocks are open; and aheadMax beyond them are loaded before their turn.
func TestOpenAndAheadMax(t *testing.T) {
	m := newTest(t, Config{Blocks: manyBlocks(200), MemoryBlocks: 100, StartDelay: -1})
	each := int64(time.Second/openTime) * blockTypical * 8 // bits a second for one open block
	for n, want := range map[int64]int{openMax - 1: openMax - 1, openMax: openMax, openMax + 1: openMax} {
		m.rate.bps = n * each
		if got := m.openBlocks(); got != want {
			t.Errorf("%d open blocks at a rate for %d", got, n)
		}
	}
	joinAll(m, 1)
	quietUntil(m, 0)
	if got, want := len(m.memory.state), len(m.window)+aheadMax; got != want {
		t.Errorf("%d blocks are loaded, want %d open and %d ahead", got, len(m.window), aheadMax)
	}
}

// The rate falls to one part in fallMax at once when nearly nothing came through, and to what came through when it
// was more.
func TestFallMax(t *testing.T) {
	const sent = 100_000_000
	for carried, want := range map[int64]int64{0: sent / fallMax, sent/100 - 1: sent / fallMax, sent / 100: DefaultRateFloorBps} {
		m := newTest(t, Config{StartDelay: -1})
		joinAll(m, 2)
		m.rate.bps = sent
		if m.fall(sent, carried); m.rate.bps != want {
			t.Errorf("of %d bit/s %d were carried: the rate is %d, want %d", sent, carried, m.rate.bps, want)
		}
	}
}

// A driver that was late catches up bucketMax of sending time.
func TestBucketMax(t *testing.T) {
	for _, late := range []time.Duration{bucketMax - 1, bucketMax, bucketMax + 1, time.Hour} {
		m := newTest(t, Config{})
		m.clear = machine.Time(time.Hour)
		m.now = m.clear.Add(late)
		if m.pace(0); m.now.Sub(m.clear) != min(late, bucketMax) {
			t.Errorf("%v late: catches up %v", late, m.now.Sub(m.clear))
		}
	}
}

// A guess at a link is lowered to what was measured of another member when it is at most guessMax times that.
func TestGuessMax(t *testing.T) {
	const measured = 10_000_000
	for guess, want := range map[int64]int64{guessMax * measured: measured, guessMax*measured + 1: guessMax*measured + 1} {
		m := newTest(t, Config{})
		left := []*member{{carry: carry{bps: measured, measured: true}}, {carry: carry{bps: guess, guess: true}}}
		if m.lowerGuesses(left); left[1].carry.bps != want {
			t.Errorf("a guess of %d bit/s beside %d measured: %d, want %d", guess, int64(measured), left[1].carry.bps, want)
		}
	}
}

// Loss of relearnMax at a rate that came through before makes no baseline; a little less does.
func TestRelearnMax(t *testing.T) {
	for p, trouble := range map[int64]bool{relearnMax - 1: false, relearnMax: true} {
		c := carry{bps: 50_000_000, guess: true}
		if got := c.judge(0, 40_000_000, sample{p: p, n: 100_000}); got != trouble {
			t.Errorf("loss of %d ppm: in trouble %v, want %v", p, got, trouble)
		}
	}
}
