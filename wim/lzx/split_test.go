package lzx

import (
	"math/rand/v2"
	"testing"
)

// Data that changes its nature in the middle must become two blocks at least, and plain text one.
func TestBlocksFollowTheData(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	enc, dec := pair(t, 32768, 0)
	half := fill(16384, func(int) byte { return 'a' + byte(rng.IntN(16)) })
	roundTrip(t, enc, dec, half)
	if enc.splitter.count != 1 {
		t.Errorf("data of one nature makes %d blocks", enc.splitter.count)
	}
	other := fill(16384, func(int) byte { return 0x80 + byte(rng.IntN(16)) })
	roundTrip(t, enc, dec, append(half, other...))
	if enc.splitter.count < 2 {
		t.Error("data of two natures makes one block")
	}
}

// The logarithm's table must be right to one unit.
func TestLog2(t *testing.T) {
	for e := range uint32(21) {
		if got := log2(1 << e); got != e*costUnit {
			t.Errorf("log2(%d) is %d units, not %d", 1<<e, got, e*costUnit)
		}
	}
	for _, c := range []struct{ v, want uint32 }{{3, 51}, {5, 74}, {1000, 319}, {65535, 512}} { // 32 log2(v), rounded
		if got := log2(c.v); got+1 < c.want || got > c.want+1 {
			t.Errorf("log2(%d) is %d units, not %d", c.v, got, c.want)
		}
	}
}
