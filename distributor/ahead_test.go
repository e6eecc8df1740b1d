package distributor

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// reader is the part of a driver that has blocks in memory. It fails the test when the machine breaks what it says of them.
type reader struct {
	t      *testing.T
	m      *Machine
	takes  func(wire.Block) time.Duration // how long reading takes; negative: for ever
	due    map[wire.Block]machine.Time    // being read
	there  map[wire.Block]bool
	most   int
	loads  int
	sent   map[wire.Block]int // symbols
	spoken []machine.Time     // of announces
}

func newReader(t *testing.T, m *Machine, takes func(wire.Block) time.Duration) *reader {
	return &reader{t: t, m: m, takes: takes, due: map[wire.Block]machine.Time{}, there: map[wire.Block]bool{}, sent: map[wire.Block]int{}}
}

func (r *reader) drain() {
	for out, ok := r.m.Poll(); ok; out, ok = r.m.Poll() {
		switch out := out.(type) {
		case Load:
			if _, twice := r.due[out.Block]; twice || r.there[out.Block] {
				r.t.Fatalf("block %d is to be loaded twice", out.Block)
			}
			r.due[out.Block] = machine.Never
			if d := r.takes(out.Block); d >= 0 {
				r.due[out.Block] = r.m.now.Add(d)
			}
			r.loads++
			r.most = max(r.most, len(r.due)+len(r.there))
		case Unload:
			if !r.there[out.Block] {
				r.t.Fatalf("block %d is to be unloaded and is not there", out.Block)
			}
			delete(r.there, out.Block)
		case SendSymbols:
			if !r.there[out.Block] {
				r.t.Fatalf("symbols of block %d are named at %v, and it is not in memory", out.Block, r.m.now)
			}
			r.sent[out.Block] += out.Count
		case SendAnnounce:
			r.spoken = append(r.spoken, r.m.now)
		}
	}
}

// until runs the machine until end, with members that report every 100 ms; lack says what symbols they say they lack.
func (r *reader) until(end machine.Time, lack func() []wire.Deficit) {
	report := r.m.now
	for r.m.now < end {
		r.drain()
		at, _ := r.m.Deadline()
		next := min(at, end, report)
		var ready []wire.Block
		for i := range wire.Block(len(r.m.blocks)) {
			if due, ok := r.due[i]; ok && due < next {
				next, ready = due, ready[:0]
			}
			if due, ok := r.due[i]; ok && due == next {
				ready = append(ready, i)
			}
		}
		next = max(next, r.m.now)
		if report <= next {
			report = next.Add(100 * time.Millisecond)
			for _, mb := range r.m.members {
				r.m.Handle(next, Report{Member: mb.id, Report: wire.Report{
					Serial: mb.serial + 1, Highest: wire.Seq(r.m.seq), Received: r.m.seq, Decoded: mb.decoded + 1, Deficits: lack(),
				}})
			}
		}
		for _, i := range ready {
			delete(r.due, i)
			r.there[i] = true
			r.m.Handle(next, Loaded{Block: i})
		}
		r.m.Handle(next, Tick{})
	}
	r.drain()
}

func lacksNothing() []wire.Deficit { return nil }

func manyBlocks(n int) []Block {
	blocks := make([]Block, n)
	for i := range blocks {
		blocks[i] = Block{Size: 128 << 10, Prologue: i >= n-4}
	}
	return blocks
}

// TestSlowBlockHoldsUpNothingElse: reading takes 50 ms a block, and for one of them for ever.
func TestSlowBlockHoldsUpNothingElse(t *testing.T) {
	const stuck = 5
	m := newTest(t, Config{Blocks: manyBlocks(100), MemoryBlocks: 40})
	r := newReader(t, m, func(i wire.Block) time.Duration {
		if i == stuck {
			return -1
		}
		return 50 * time.Millisecond
	})
	joinAll(m, 2)
	r.until(machine.Time(6*time.Second), lacksNothing)
	for i := range wire.Block(100) {
		if n := r.sent[i]; i != stuck && n < 94 || i == stuck && n > 0 {
			t.Errorf("%d symbols of block %d", n, i)
		}
	}
	last := machine.Time(0)
	for _, at := range r.spoken {
		if at.Sub(last) > announceEvery+m.cfg.StartDelay && last == 0 || at.Sub(last) > announceEvery && last > 0 {
			t.Errorf("no announce between %v and %v", last, at)
		}
		last = at
	}
	if m.now.Sub(last) > announceEvery {
		t.Errorf("the last announce is of %v", last)
	}
}

// TestSlowReadingCostsNoTime: what is read ahead is there when its turn comes.
func TestSlowReadingCostsNoTime(t *testing.T) {
	done := func(takes time.Duration) machine.Time {
		m := newTest(t, Config{Blocks: manyBlocks(100), MemoryBlocks: 40, RateCapBps: 50e6})
		r := newReader(t, m, func(wire.Block) time.Duration { return takes })
		joinAll(m, 1)
		for len(r.sent) < 100 || !m.carouselEmpty() {
			r.until(m.now.Add(time.Millisecond), lacksNothing)
		}
		return m.now
	}
	if fast, slow := done(0), done(50*time.Millisecond); slow.Sub(fast) > 5*time.Millisecond {
		t.Errorf("100 blocks are sent at %v when reading takes no time, at %v when it takes 50 ms", fast, slow)
	}
}

// TestMemoryIsBoundedUnderRepair: members lack symbols of blocks that have long been forgotten, and reading takes any time.
func TestMemoryIsBoundedUnderRepair(t *testing.T) {
	for _, memory := range []int{MemoryBlocksMin, 40, 64} {
		rng := rand.New(rand.NewPCG(uint64(memory), 1))
		m := newTest(t, Config{Blocks: manyBlocks(200), MemoryBlocks: memory})
		r := newReader(t, m, func(wire.Block) time.Duration { return time.Duration(rng.IntN(40)) * time.Millisecond })
		joinAll(m, 3)
		r.until(machine.Time(8*time.Second), func() (list []wire.Deficit) {
			for i := range m.blocks {
				if b := &m.blocks[i]; b.state == closed && rng.IntN(3) == 0 && len(list) < wire.MaxDeficits {
					list = append(list, wire.Deficit{Block: wire.Block(i), Sent: b.sent, Need: 1 + uint16(rng.IntN(6))})
				}
			}
			return list
		})
		if r.most > memory {
			t.Errorf("%d blocks in memory, want at most %d", r.most, memory)
		}
		if m.stats.repair == 0 || r.loads <= 200 {
			t.Errorf("%d symbols of repair, %d loads: nothing was read again", m.stats.repair, r.loads)
		}
		r.until(m.now.Add(4*time.Second), lacksNothing)
		for i := range m.blocks {
			if b := &m.blocks[i]; b.goal > b.sent {
				t.Errorf("memory of %d: block %d still owes %d symbols", memory, i, b.goal-b.sent)
			}
		}
	}
}

func TestMemoryBlocksLimits(t *testing.T) {
	for n, good := range map[int]bool{
		0: true, -1: false, 1: false, MemoryBlocksMin - 1: false, MemoryBlocksMin: true, MemoryBlocksMax: true, MemoryBlocksMax + 1: false,
	} {
		if _, err := New(Config{Blocks: manyBlocks(1), MemoryBlocks: n}); (err == nil) != good {
			t.Errorf("%d blocks in memory: %v", n, err)
		}
	}
}
