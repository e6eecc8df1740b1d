package lzms

import (
	"math"
	"sync"
)

// Costs are in 64ths of a bit.
const (
	bitCost   = 64
	noPath    = math.MaxUint32 >> 1
	maxNice   = 256
	costTable = 2*maxNice + 64 // lengths with a cost in the table
)

// decisionCost has what a zero costs, by its chance. A one costs decisionCost[64-chance].
var decisionCost = func() (t [65]uint32) {
	for p := 1; p < 64; p++ {
		t[p] = uint32(math.Round(-math.Log2(float64(p)/64) * bitCost))
	}
	return t
}()

func cost0(history uint64) uint32 { return decisionCost[chance(history)] }
func cost1(history uint64) uint32 { return decisionCost[64-chance(history)] }

// slotIndex finds slots of offsets without a search: up to its first step of 1024 by offset, up to that of 65536 by offset / 1024, and so on.
type slotIndex struct {
	small  []uint16
	middle []uint16
	large  []uint16
	startM uint32
	startL uint32
	length [costTable]uint8
}

var slotOf = sync.OnceValue(func() *slotIndex {
	x := new(slotIndex)
	at := func(shift int) (start uint32) {
		for width, count := range offsetSteps[:shift] {
			start += uint32(count) << width
		}
		return start
	}
	x.startM, x.startL = at(10), at(16)
	x.small = make([]uint16, x.startM)
	x.middle = make([]uint16, (x.startL-x.startM)>>10)
	x.large = make([]uint16, (MaxSize-x.startL)>>16+1)
	for i := range x.small {
		x.small[i] = uint16(offsets.slotOf(uint32(i), offsetSlots))
	}
	for i := range x.middle {
		x.middle[i] = uint16(offsets.slotOf(x.startM+uint32(i)<<10, offsetSlots))
	}
	for i := range x.large {
		x.large[i] = uint16(offsets.slotOf(x.startL+uint32(i)<<16, offsetSlots))
	}
	for i := range x.length {
		x.length[i] = uint8(lengths.slotOf(uint32(i), lengthSlots))
	}
	return x
})

func (x *slotIndex) offset(v uint32) int {
	switch {
	case v < x.startM:
		return int(x.small[v])
	case v < x.startL:
		return int(x.middle[(v-x.startM)>>10])
	}
	return int(x.large[(v-x.startL)>>16])
}

func (x *slotIndex) ofLength(v uint32) int {
	if v < costTable {
		return int(x.length[v])
	}
	return lengths.slotOf(v, lengthSlots)
}

// costs are what symbols cost with the present codes, extra bits included.
type costs struct {
	literal     [literals]uint32
	offset      [offsetSlots]uint32
	deltaOffset [offsetSlots]uint32
	power       [deltaPowers]uint32
	length      [costTable]uint32
}

func symbolCosts(out []uint32, c *encodeCode, extra []uint8) {
	for s, l := range c.lens[:c.symbols] {
		out[s] = uint32(l) * bitCost
	}
	if extra != nil {
		for s := range c.symbols {
			out[s] += uint32(extra[s]) * bitCost
		}
	}
}

func (c *costs) setLengths(code *encodeCode, x *slotIndex) {
	var slot [lengthSlots]uint32
	symbolCosts(slot[:], code, lengths.extra[:])
	for l := 1; l < costTable; l++ {
		c.length[l] = slot[x.length[l]]
	}
}
