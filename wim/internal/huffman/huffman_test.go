package huffman

import (
	"math/rand/v2"
	"testing"
)

// decode looks a codeword up bit by bit, the slow plain way.
func decode(lens []uint8, bits uint32) (sym, n int) {
	code, first := 0, 0
	for l := 1; l <= MaxBits; l++ {
		code = code<<1 | int(bits>>(MaxBits-l)&1)
		first <<= 1
		at := 0
		for s, sl := range lens {
			if int(sl) != l {
				continue
			}
			if first+at == code {
				return s, l
			}
			at++
		}
		first += at
	}
	return 0, 0
}

func TestTableAgreesWithPlainDecoding(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var enc Encoder
	for round := range 80 {
		freqs := make([]uint32, 2+rng.IntN(600))
		for i := range freqs {
			if rng.IntN(3) > 0 {
				freqs[i] = uint32(1) << rng.IntN(20)
			}
		}
		maxBits := 15 + round%2
		rootBits := 7 + rng.IntN(10)
		lens := enc.Lens[:len(freqs)]
		enc.Make(freqs, maxBits)
		if round%5 == 0 { // incomplete
			lens[rng.IntN(len(lens))] = 0
		}
		table := make([]uint32, TableSize(rootBits, maxBits, len(lens)))
		if err := Build(table, rootBits, maxBits, lens, Symbols[:]); err != nil {
			t.Fatal(err)
		}
		for range 300 {
			bits := rng.Uint32() & (1<<MaxBits - 1)
			e := table[bits<<16>>(32-rootBits)]
			if e&Sub != 0 {
				e = table[(e&^Sub)>>8+bits<<16<<rootBits>>(32-(maxBits-rootBits))]
			}
			if sym, n := decode(lens, bits); int(e>>8) != sym || int(e&LengthMask) != n {
				t.Fatalf("round %d: %016b decodes to symbol %d of %d bits, not %d of %d", round, bits, e>>8, e&31, sym, n)
			}
		}
	}
}

// Lengths that make as many second tables as there can be must fit into TableSize.
func TestTableSizeIsEnough(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		rootBits, maxBits := 2+rng.IntN(5), 7+rng.IntN(3)
		lens := make([]uint8, 2+rng.IntN(500))
		left := 1 << maxBits
		for i := range lens {
			l := min(maxBits, rootBits+1+rng.IntN(2))
			if rng.IntN(9) == 0 {
				l = 1 + rng.IntN(maxBits)
			}
			if n := 1 << (maxBits - l); n <= left {
				left -= n
				lens[i] = uint8(l)
			}
		}
		table := make([]uint32, TableSize(rootBits, maxBits, len(lens)))
		if err := Build(table, rootBits, maxBits, lens, Symbols[:]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOversubscribedLengthsAreRefused(t *testing.T) {
	table := make([]uint32, TableSize(7, 7, 8))
	if err := Build(table, 7, 7, []uint8{1, 1, 1}, Symbols[:]); err != ErrOversubscribed {
		t.Errorf("got %v", err)
	}
	if err := Build(table, 7, 7, []uint8{1, 8, 2}, Symbols[:]); err != ErrTooLong {
		t.Errorf("got %v", err)
	}
}

func TestCodesAreCompleteAndWithinTheLimit(t *testing.T) {
	var enc Encoder
	for limit := 9; limit <= 16; limit++ {
		freqs := make([]uint32, 40)
		a, b := uint32(1), uint32(1)
		for i := range freqs { // Fibonacci numbers give the longest codewords
			freqs[i] = a
			a, b = b, min(a+b, 1<<24)
		}
		enc.Make(freqs, limit)
		sum := 0
		for i := range freqs {
			if l := int(enc.Lens[i]); l < 1 || l > limit {
				t.Fatalf("limit %d: symbol %d has %d bits", limit, i, l)
			} else {
				sum += 1 << (limit - l)
			}
		}
		if sum != 1<<limit {
			t.Errorf("limit %d: the codewords fill %d of %d", limit, sum, 1<<limit)
		}
	}
}

func TestFewSymbolsStillMakeACompleteCode(t *testing.T) {
	var enc Encoder
	for _, freqs := range [][]uint32{{0, 0, 0}, {0, 7, 0}, {7, 0, 0}} {
		enc.Make(freqs, 15)
		n := 0
		for i := range freqs {
			if enc.Lens[i] == 1 {
				n++
			}
		}
		if n != 2 {
			t.Errorf("%v: %v", freqs, enc.Lens[:len(freqs)])
		}
	}
}
