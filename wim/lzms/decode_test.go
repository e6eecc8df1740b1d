package lzms

import (
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
)

func TestHostileStreamsAreRefused(t *testing.T) {
	d := NewDecoder()
	for name, c := range map[string]struct {
		size int
		src  string
		want error
	}{
		"empty":              {3, "", errShort},
		"half a unit":        {3, "000000", errUnits},
		"one unit":           {3, "0000", errShort},
		"no bits":            {100, "00000000", errShort},
		"match at the start": {100, "ffffffff00000000", errOffset},
		"size 1, a match":    {1, "ffffffff00000000", errOffset},
	} {
		src, err := hex.DecodeString(c.src)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Decode(make([]byte, c.size), src); err != c.want {
			t.Errorf("%s: error is %v, not %v", name, err, c.want)
		}
	}
}

func TestEmptyPiece(t *testing.T) {
	if err := NewDecoder().Decode(nil, make([]byte, 4)); err != nil {
		t.Error(err)
	}
}

// Whatever the frequencies are, a code must be complete and its tables must find every symbol.
func FuzzCode(f *testing.F) {
	f.Add([]byte{1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233})
	f.Add(make([]byte, 2))
	f.Add(make([]byte, 799))
	f.Fuzz(func(t *testing.T, freq []byte) {
		n := min(len(freq), offsetSlots)
		if n < 2 {
			return
		}
		c := new(decodeCode)
		c.reset(n, offsetPeriod)
		for i, v := range freq[:n] {
			c.freq[i] = uint16(v) * uint16(v) >> uint(i&7) // far apart, and more unlike than real ones can be
			c.freq[i] = min(c.freq[i]+1, 60000)
		}
		c.rebuild()
		checkCode(t, c)
	})
}

func checkCode(t *testing.T, c *decodeCode) {
	t.Helper()
	kraft := 0
	word := uint32(0)
	for i, s := range c.order[:c.symbols] {
		l := c.lens[s]
		if l < 1 || l > maxCodeBits {
			t.Fatalf("symbol %d has a codeword of %d bits", s, l)
		}
		if i > 0 {
			if before := c.lens[c.order[i-1]]; before > l {
				t.Fatalf("order has %d bits before %d", before, l)
			}
		}
		kraft += 1 << (maxCodeBits - l)
		buf := uint64(word) << (64 - maxCodeBits)
		e := uint32(c.root[buf>>(64-rootBits)])
		if e == 0 {
			e = c.long(buf)
		}
		if e != uint32(s)<<symbolBits|uint32(l) {
			t.Fatalf("the codeword of symbol %d decodes to %d of %d bits", s, e>>symbolBits, e&15)
		}
		word += 1 << (maxCodeBits - l)
	}
	if kraft != 1<<maxCodeBits {
		t.Fatalf("the codewords fill %d of %d", kraft, 1<<maxCodeBits)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 2, 3, 4}, uint16(10))
	f.Add([]byte{0xff, 0xff, 0, 0, 1, 2, 3, 4}, uint16(3000))
	e := newEncoder(f, 1000, 0)
	for _, src := range [][]byte{wimtest.SourceText(f)[:900], code86(rand.New(rand.NewPCG(2, 1)), 500), ramp(rand.New(rand.NewPCG(2, 1)), 4, 700)} {
		if out, ok := e.Encode(nil, src); ok {
			f.Add(out, uint16(len(src)))
		}
	}
	d := NewDecoder()
	f.Fuzz(func(t *testing.T, src []byte, size uint16) {
		dst := make([]byte, size)
		first := d.Decode(dst, src)
		if second := d.Decode(make([]byte, size), src); first != second {
			t.Errorf("the same piece gave %v, then %v", first, second)
		}
	})
}
