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

// costs holds what tokens cost.
type costs struct {
	literal [literals]step
	// short holds matches by slot and length, from minMatch, as far as the main code has them, and behind them the start of all longer ones. Extra bits
	// are included.
	short [maxSlots][8]step
	long  [lengthSymbols]step // lengths from minMatch+lengthPrimary: the length code's part
}

const maxSlots = 50

// set computes the costs of codes that suit the counts. A symbol that does not occur counts as half a time.
func (c *costs) set(n *counts, slots int) {
	total := uint32(1)
	for _, f := range n.main[:literals+8*slots] {
		total += f
	}
	of := func(f, logTotal uint32) uint32 {
		if f == 0 {
			return logTotal + costUnit
		}
		return max(costUnit/2, logTotal-min(logTotal, log2(f)))
	}
	logTotal := log2(total)
	for i := range c.literal {
		c.literal[i] = makeStep(of(n.main[i], logTotal), token(i))
	}
	for s := range slots {
		extra := uint32(slotBits[s]) << costShift
		for i := range 8 {
			f := n.main[literals+8*s+i]
			length := minMatch + i
			if i == lengthPrimary {
				length = 0
			}
			c.short[s][i] = makeStep(of(f, logTotal)+extra, matchToken(length, 0))
		}
	}
	total = 1
	for _, f := range n.length {
		total += f
	}
	logTotal = log2(total)
	for i, f := range n.length {
		c.long[i] = makeStep(of(f, logTotal), matchToken(minMatch+lengthPrimary+i, 0))
	}
}
