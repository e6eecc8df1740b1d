package peer

import (
	"github.com/wimcast/wimcast/fec"
	"github.com/wimcast/wimcast/wire"
)

// spareMax is how many slots keep the memory of their parity symbols while they are not used.
const spareMax = 256

// none is the end of a list of slots.
const none = -1

// slot is a block that is partly there. Slots in use form a list, oldest first.
type slot struct {
	fec        fec.Block
	block      wire.Block
	bytes      int64
	prev, next int32
}

// pool bounds what is partly there.
type pool struct {
	slots        []slot
	spare        []int32
	oldest, last int32
	bytes        int64 // of symbols and of room for them
}

func newPool() pool { return pool{oldest: none, last: none} }

// take returns a slot for block i of size bytes.
func (p *pool) take(i wire.Block, size int) int32 {
	var s int32
	if n := len(p.spare); n > 0 {
		s, p.spare = p.spare[n-1], p.spare[:n-1]
	} else {
		p.slots = append(p.slots, slot{})
		s = int32(len(p.slots) - 1)
	}
	sl := &p.slots[s]
	if err := sl.fec.Reset(size, nil); err != nil {
		panic("peer: a block of a size that New accepts is refused: " + err.Error())
	}
	sl.block, sl.bytes = i, int64(fec.BufferSize(size))
	sl.prev, sl.next = p.last, none
	if p.last == none {
		p.oldest = s
	} else {
		p.slots[p.last].next = s
	}
	p.last = s
	p.bytes += sl.bytes
	return s
}

// charge counts memory for one parity symbol.
func (p *pool) charge(s int32) {
	p.slots[s].bytes += wire.SymbolSize
	p.bytes += wire.SymbolSize
}

// release gives a slot back.
func (p *pool) release(s int32) {
	sl := &p.slots[s]
	p.bytes -= sl.bytes
	if sl.prev == none {
		p.oldest = sl.next
	} else {
		p.slots[sl.prev].next = sl.next
	}
	if sl.next == none {
		p.last = sl.prev
	} else {
		p.slots[sl.next].prev = sl.prev
	}
	if len(p.spare) >= spareMax {
		sl.fec = fec.Block{}
	}
	p.spare = append(p.spare, s)
}
