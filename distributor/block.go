package distributor

import (
	"github.com/wimcast/wimcast/internal/bitset"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// datagramOverhead is what a datagram has besides its payload: our header and tag, UDP, IPv4 and Ethernet.
const datagramOverhead = 24 + 16 + 8 + 20 + 14

// block is what the machine knows of one block. There are many: it is kept small.
type block struct {
	size  uint32
	want  uint32 // members that lack it and wait for multicast
	sent  uint32 // symbols sent in this run, the next one's place in the cycle of k+64
	goal  uint32 // symbols are owed while sent < goal
	pass  uint32 // sent when it was last opened
	again uint16 // symbols it needs when the carousel comes by again; 0: not to be sent again
	round uint8  // repair rounds since it was last opened
	turns uint8  // times a need of more than half brought it again
	unmet uint8  // rounds in which a member's need was not met for want of budget
	state uint8
	rec   bool // has a record in repairs
	prol  bool
	told  bool // is in the queue of blocks to announce again
	fresh bool // is in the queue of blocks to announce at once
}

// States of a block.
const (
	idle   uint8 = iota // never sent, or finished
	open                // in the window
	closed              // all sent for now, not held by all who want it
)

// source returns k.
func (b *block) source() uint32 { return (b.size + wire.SymbolSize - 1) / wire.SymbolSize }

// next returns the index of the next symbol.
func (b *block) next() uint32 { return b.sent % (b.source() + wire.ParitySymbols) }

// wireBytes returns what n symbols from index first take on the wire. They must not wrap.
func (b *block) wireBytes(first, n uint32) int64 {
	bytes := int64(n) * (wire.SymbolSize + datagramOverhead)
	if k := b.source(); first < k && first+n >= k {
		bytes -= int64(k*wire.SymbolSize - b.size)
	}
	return bytes
}

// table is all blocks and which of them the carousel may open.
type table struct {
	blocks   []block
	ready    [2]bitset.Set // by prologue: wanted, and not open, and not closed unless again
	readyN   [2]int
	wanted   int   // blocks with want > 0
	wantedB  int64 // their bytes
	totalB   int64 // bytes of all blocks
	closedN  int   // blocks that are closed
	cursor   [2]uint32
	prologue []wire.Block
}

func newTable(blocks []Block) table {
	t := table{blocks: make([]block, len(blocks))}
	for i := range t.ready {
		t.ready[i] = bitset.New(len(blocks))
	}
	for i, b := range blocks {
		t.blocks[i] = block{size: b.Size, prol: b.Prologue}
		t.totalB += int64(b.Size)
		if b.Prologue && b.Size > 0 {
			t.prologue = append(t.prologue, wire.Block(i))
		}
	}
	return t
}

// refresh puts block i into or takes it out of ready, after any change of it.
func (t *table) refresh(i wire.Block) {
	b := &t.blocks[i]
	is := b.want > 0 && (b.state == idle || b.state == closed && b.again > 0)
	class := classMain
	if b.prol && b.turns <= prologueTurns {
		class = classPrologue
	}
	for c := range t.ready {
		switch was := t.ready[c].Has(uint32(i)); {
		case is && c == class && !was:
			t.ready[c].Add(uint32(i))
			t.readyN[c]++
		case was && !(is && c == class):
			t.ready[c].Remove(uint32(i))
			t.readyN[c]--
		}
	}
}

// prologueTurns is how often members' needs may bring a block of the prologue again before all others.
const prologueTurns = 2

// take returns the next block of a class that the carousel may open, and moves the cursor past it.
func (t *table) take(class int) (wire.Block, bool) {
	if t.readyN[class] == 0 {
		return 0, false
	}
	n := uint32(len(t.blocks))
	i, ok := t.ready[class].Next(t.cursor[class], n)
	if !ok {
		if i, ok = t.ready[class].Next(0, t.cursor[class]); !ok {
			panic("distributor: the carousel lost count")
		}
	}
	t.cursor[class] = i + 1
	return wire.Block(i), true
}

// addWant notes that one more member waits for multicast of block i.
func (t *table) addWant(i wire.Block) {
	b := &t.blocks[i]
	b.want++
	if b.want > 1 && b.state == idle {
		return // ready already
	}
	if b.want == 1 {
		t.wanted++
		t.wantedB += int64(b.size)
	}
	if b.state != idle {
		b.again = uint16(b.source())
	}
	b.turns = 0
	t.refresh(i)
}

// dropWant notes that one member less waits for multicast of block i.
func (m *Machine) dropWant(i wire.Block) {
	b := &m.blocks[i]
	b.want--
	if b.want > 0 {
		return
	}
	m.wanted--
	m.wantedB -= int64(b.size)
	switch b.state {
	case open:
		m.unopen(i)
	case closed:
		m.closedN--
	}
	b.state, b.goal, b.again, b.round, b.unmet = idle, b.sent, 0, 0, 0
	m.refresh(i)
}

// at is a block and a time.
type at struct {
	block wire.Block
	time  machine.Time
}
