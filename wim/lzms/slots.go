package lzms

import "math/bits"

// Alphabets and adaptation.
const (
	literals      = 256
	lengthSlots   = 54
	offsetSlots   = 799
	deltaPowers   = 8
	literalPeriod = 1024 // symbols between two codes
	offsetPeriod  = 1024
	lengthPeriod  = 512
	powerPeriod   = 512
)

// The number of earlier decisions that choose a probability, as a count of states.
const (
	mainStates  = 16
	matchStates = 32
	lzStates    = 64
	deltaStates = 64
	repStates   = 64
)

// recentCount is how many recent offsets there are of each kind of match.
const recentCount = 3

// offsetEnd and lengthEnd are one above the largest offset and length that the last slots can tell.
const (
	offsetEnd = 0x7fffffff
	lengthEnd = 0x400108ab
)

// slotTable maps numbers to slots. Slot s stands for base[s] up to base[s+1]-1; extra[s] raw bits say which.
type slotTable struct {
	base  [offsetSlots + 1]uint32
	extra [offsetSlots]uint8
}

// Widths of the slots: the n-th number is how many steps of 2^n there are between a slot's base and the next one's.
var (
	offsetSteps = []int{9, 0, 9, 7, 10, 15, 15, 20, 20, 30, 33, 40, 42, 45, 60, 73, 80, 85, 95, 105, 6}
	lengthSteps = []int{27, 4, 6, 4, 5, 2, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1}
)

var (
	offsets = newSlots(offsetSteps, offsetEnd)
	lengths = newSlots(lengthSteps, lengthEnd)
)

func newSlots(steps []int, end uint32) *slotTable {
	t := new(slotTable)
	base, n := uint32(0), 0
	for width, count := range steps {
		for range count {
			base += 1 << width
			t.base[n] = base
			n++
		}
	}
	t.base[n] = end
	for s := range n {
		t.extra[s] = uint8(bits.Len32(t.base[s+1]-t.base[s]) - 1)
	}
	return t
}

// slotOf finds the slot of v among the first n slots.
func (t *slotTable) slotOf(v uint32, n int) int {
	lo, hi := 0, n
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) >> 1); t.base[mid] <= v {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// offsetSlotCount is how many offset slots the codes of a piece of that many bytes have: those of the offsets that can occur.
func offsetSlotCount(size int) int {
	if size < 2 {
		return 0
	}
	return offsets.slotOf(uint32(size-1), offsetSlots) + 1
}
