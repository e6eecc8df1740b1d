package peer

import (
	"github.com/wimcast/wimcast/fec"
	"github.com/wimcast/wimcast/wire"
)

// spareMax is how many slots keep the memory of their parity symbols while they are not used.
const spareMax = 256

// slot is a block that is partly there.
type slot struct {
	fec   fec.Block
	block wire.Block
	bytes int64
	place int32 // in used
}

// pool bounds what is partly there.
type pool struct {
	slots []slot
	spare []int32
	used  []int32
	bytes int64 // of symbols and of room for them
}

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
	sl.block, sl.bytes, sl.place = i, int64(fec.BufferSize(size)), int32(len(p.used))
	p.used = append(p.used, s)
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
	last := p.used[len(p.used)-1]
	p.used[sl.place], p.slots[last].place = last, sl.place
	p.used = p.used[:len(p.used)-1]
	if len(p.spare) >= spareMax {
		sl.fec = fec.Block{}
	}
	p.spare = append(p.spare, s)
}
