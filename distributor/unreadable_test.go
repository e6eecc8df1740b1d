package distributor

import (
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// A block that cannot be read is named to those who wait for it and to nobody else, and is not sent; who asks for it later has it
// multicast.
func TestUnreadableLeavesTheCarousel(t *testing.T) {
	m := newTest(t, Config{StartDelay: -1})
	joinAll(m, 2)
	m.Handle(m.now, Join{Member: 3})
	m.Handle(m.now, Message{Member: 3, Msg: wire.Want{Final: true, Spans: []wire.Span{{To: 5}}}})
	m.Handle(m.now, Message{Member: 2, Msg: wire.Held{Spans: []wire.Span{{From: 7, To: 8}}}})
	quietUntil(m, m.now)

	for _, i := range []wire.Block{7, 7, 64, 1 << 31} { // again, and past the end: no harm
		m.Handle(m.now, Unreadable{Block: i})
	}
	outs := runUntil(m, m.now.Add(500*time.Millisecond))
	told := map[MemberID]int{}
	for _, s := range only[SendStream](outs) {
		if u, ok := s.Msg.(wire.Unicast); ok {
			told[s.Member]++
			if u.Spans[0] != (wire.Span{From: 7, To: 8}) {
				t.Errorf("member %d is told %v", s.Member, u.Spans)
			}
		}
	}
	if len(told) != 1 || told[1] != 1 {
		t.Errorf("told %v, want member 1 once", told)
	}
	sent := func(outs []Out) (n int) {
		for _, s := range only[SendSymbols](outs) {
			if s.Block == 7 {
				n += s.Count
			}
		}
		return n
	}
	if n := sent(outs); n != 0 {
		t.Errorf("%d symbols of it are sent", n)
	}
	m.Handle(m.now, Message{Member: 3, Msg: wire.Want{Final: true, Spans: []wire.Span{{From: 7, To: 8}}}})
	if n := sent(runUntil(m, m.now.Add(3*time.Second))); n == 0 {
		t.Error("it is not sent to who asks for it later")
	}
	if m.waiting < 0 || m.blocks[7].want > 1 {
		t.Errorf("counts: %d wait, %d for the block", m.waiting, m.blocks[7].want)
	}
}

// A block that does not come when it is asked for leaves the memory too; what is wanted again is asked for again.
func TestUnreadableAnswersLoad(t *testing.T) {
	m := newTest(t, Config{Blocks: manyBlocks(100), MemoryBlocks: MemoryBlocksMin, StartDelay: -1})
	joinAll(m, 1)
	m.Handle(m.now, Join{Member: 2})
	answer := func(end machine.Time, fails func(wire.Block) bool) (loads, sent map[wire.Block]int) {
		loads, sent = map[wire.Block]int{}, map[wire.Block]int{}
		for m.now < end {
			outs := runUntil(m, m.now.Add(5*time.Millisecond))
			for _, s := range only[SendSymbols](outs) {
				sent[s.Block] += s.Count
			}
			for _, l := range only[Load](outs) {
				loads[l.Block]++
				if fails(l.Block) {
					m.Handle(m.now, Unreadable(l))
				} else {
					m.Handle(m.now, Loaded(l))
				}
			}
			if n := len(m.memory.state); n > MemoryBlocksMin || n != m.memory.order.Len() {
				t.Fatalf("%d blocks in memory, %d in their order, at most %d are allowed", n, m.memory.order.Len(), MemoryBlocksMin)
			}
		}
		return loads, sent
	}
	odd := func(i wire.Block) bool { return i%2 == 1 }
	loads, sent := answer(machine.Time(4*time.Second), odd)
	for i := range wire.Block(100) {
		if loads[i] != 1 || odd(i) && sent[i] > 0 || !odd(i) && sent[i] < 94 {
			t.Errorf("block %d: asked for %d times, %d symbols sent", i, loads[i], sent[i])
		}
	}
	m.Handle(m.now, Message{Member: 2, Msg: wire.Want{Final: true, Spans: []wire.Span{{From: 7, To: 8}}}})
	loads, sent = answer(m.now.Add(time.Second), func(wire.Block) bool { return false })
	if loads[7] != 1 || sent[7] < 94 {
		t.Errorf("asked for again: loaded %d times, %d symbols sent", loads[7], sent[7])
	}
}
