package lzx

import "math/bits"

// Costs are in units of 1/costUnit bit.
const (
	costShift = 5
	costUnit  = 1 << costShift
)

// logTable is the fraction part of log2 of 1 + i/256, in cost units.
var logTable = makeLogTable()

func makeLogTable() (t [257]uint8) {
	// By repeated squaring of a number in [1, 2), of which the bits of the logarithm come out from the highest.
	for i := range t {
		x := uint64(256+i) << 22 // 30 fraction bits
		f := uint8(0)
		for range costShift + 1 {
			x = x * x >> 30
			f <<= 1
			if x >= 2<<30 {
				x >>= 1
				f |= 1
			}
		}
		t[i] = (f + 1) >> 1
	}
	return t
}

// log2 is the logarithm of v, which is not 0, in cost units.
func log2(v uint32) uint32 {
	n := uint32(bits.Len32(v)) - 1
	frac := uint32(uint64(v)<<(32-n)>>24) & 255
	return n<<costShift + uint32(logTable[frac])
}

// step is a token with its cost: the cost in the upper half, the token in the lower one, so that of two steps the smaller is the cheaper, and
// adding a step's cost is one addition.
type step uint64

func makeStep(cost uint32, t token) step { return step(cost)<<32 | step(t) }

const (
	maxSlots = 50
	// maxPriced is the longest match of which all shorter lengths are considered.
	maxPriced = 64
)

// costs holds what tokens cost.
type costs struct {
	literal [literals]step
	// match holds matches by slot and length, as far as maxPriced, with the extra bits, and v left out.
	match  [maxSlots][maxPriced + 1]step
	header [maxSlots]uint32 // matches that have a symbol of the length code, without it
	length [lengthSymbols]uint32
}

// of returns the cost of a match of any length.
func (c *costs) of(slot uint32, length int) step {
	if length < minMatch+lengthPrimary {
		return c.match[slot][length]
	}
	return makeStep(c.header[slot]+c.length[length-minMatch-lengthPrimary], matchToken(length, 0))
}

// price is what a symbol costs that occurs f times in 2^logTotal. One that does not occur counts as half a time.
func price(f, logTotal uint32) uint32 {
	if f == 0 {
		return logTotal + costUnit
	}
	return max(costUnit/2, logTotal-min(logTotal, log2(f)))
}

// set computes the costs of codes that suit the counts, for slots and for matches of all lengths below nice.
func (c *costs) set(n *counts, slots, nice int) {
	total := uint32(1)
	for _, f := range n.main[:literals+8*slots] {
		total += f
	}
	logTotal := log2(total)
	for i := range c.literal {
		c.literal[i] = makeStep(price(n.main[i], logTotal), token(i))
	}
	total = 1
	for _, f := range n.length {
		total += f
	}
	logLengths := log2(total)
	for i, f := range n.length {
		c.length[i] = price(f, logLengths)
	}
	for s := range slots {
		extra := uint32(slotBits[s]) << costShift
		row := &c.match[s]
		for i := range lengthPrimary {
			row[minMatch+i] = makeStep(price(n.main[literals+8*s+i], logTotal)+extra, matchToken(minMatch+i, 0))
		}
		c.header[s] = price(n.main[literals+8*s+lengthPrimary], logTotal) + extra
		for k := minMatch + lengthPrimary; k <= min(nice, maxPriced); k++ {
			row[k] = makeStep(c.header[s]+c.length[k-minMatch-lengthPrimary], matchToken(k, 0))
		}
	}
}
