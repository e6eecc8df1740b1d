package lzx

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// kinds are generators of data of many natures.
var kinds = []struct {
	name string
	make func(rng *rand.Rand, n int) []byte
}{
	{"zeros", func(_ *rand.Rand, n int) []byte { return make([]byte, n) }},
	{"noise", func(rng *rand.Rand, n int) []byte { return fill(n, func(int) byte { return byte(rng.Uint32()) }) }},
	{"letters", func(rng *rand.Rand, n int) []byte { return fill(n, func(int) byte { return 'a' + byte(rng.IntN(4)) }) }},
	{"skewed", func(rng *rand.Rand, n int) []byte {
		return fill(n, func(int) byte { return byte(rng.ExpFloat64() * 3) })
	}},
	{"ramp", func(_ *rand.Rand, n int) []byte { return fill(n, func(i int) byte { return byte(i) }) }},
	{"records", func(rng *rand.Rand, n int) []byte {
		return fill(n, func(i int) byte {
			return [12]byte{0: byte(i / 12), 1: byte(i / 3072), 5: byte(rng.IntN(3)), 8: 0xff}[i%12]
		})
	}},
	{"calls", func(rng *rand.Rand, n int) []byte {
		return fill(n, func(int) byte { return []byte{0xe8, 0, 0xff, byte(rng.Uint32())}[rng.IntN(4)] })
	}},
	{"words", func(rng *rand.Rand, n int) []byte {
		out := make([]byte, 0, n+20)
		for len(out) < n {
			w := rng.IntN(300)
			out = append(out, fmt.Sprintf("%x%s ", w*w*7919, "ing of the"[w%5:5+w%6])...)
		}
		return out[:n]
	}},
	{"echo", func(rng *rand.Rand, n int) []byte { // copies of what was, some with changes
		out := make([]byte, 0, n+300)
		for len(out) < n {
			if k := len(out); k > 0 && rng.IntN(4) > 0 {
				at := rng.IntN(k)
				out = append(out, out[at:min(k, at+rng.IntN(300))]...)
			}
			out = append(out, byte(rng.Uint32()))
		}
		return out[:n]
	}},
	{"mixed", func(rng *rand.Rand, n int) []byte {
		out := fill(n, func(int) byte { return byte(rng.Uint32()) })
		clear(out[n/3 : n/2])
		copy(out[n/2:], out[n/4:])
		return out
	}},
}

func fill(n int, at func(i int) byte) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = at(i)
	}
	return out
}

// roundTrip encodes src, checks what Encode promises, and gives the size: that of src when it was given up.
func roundTrip(t *testing.T, enc *Encoder, dec *Decoder, src []byte) int {
	t.Helper()
	keep := bytes.Clone(src)
	prefix := []byte("before")
	out, ok := enc.Encode(prefix, src)
	if !bytes.Equal(src, keep) || !bytes.HasPrefix(out, []byte("before")) {
		t.Fatal("Encode changed its input")
	}
	out = out[len(prefix):]
	if !ok {
		if len(out) != 0 {
			t.Fatalf("an encoding that was given up left %d bytes", len(out))
		}
		return len(src)
	}
	if len(out) >= len(src) {
		t.Fatalf("%d bytes became %d", len(src), len(out))
	}
	got := make([]byte, len(src))
	if err := dec.Decode(got, out); err != nil || !bytes.Equal(got, src) {
		t.Fatalf("decoded bytes differ: %v", err)
	}
	return len(out)
}

func pair(tb testing.TB, pieceSize, level int) (*Encoder, *Decoder) {
	tb.Helper()
	enc, err := NewEncoder(pieceSize, level)
	if err != nil {
		tb.Fatal(err)
	}
	dec, err := NewDecoder(pieceSize)
	if err != nil {
		tb.Fatal(err)
	}
	return enc, dec
}

func TestEncodeRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	text := sourceText(t)
	for _, level := range []int{1, 20, 0, 100} {
		for order := 15; order <= 21; order++ {
			enc, dec := pair(t, 1<<order-order%2*5, level)
			limit := enc.pieceSize
			if order > 16 {
				limit = 1 << 16
			}
			for i, kind := range kinds {
				n := 1 + rng.IntN(limit)
				if i == order%len(kinds) && level != MaxLevel {
					n = enc.pieceSize
				}
				t.Run(fmt.Sprint(level, " ", enc.pieceSize, " ", kind.name, " ", n), func(t *testing.T) {
					roundTrip(t, enc, dec, kind.make(rng, n))
				})
			}
			at := rng.IntN(len(text) / 4)
			if src := text[at:min(len(text), at+limit)]; roundTrip(t, enc, dec, src) > len(src)*2/3 {
				t.Error("text hardly shrinks")
			}
		}
	}
}

func TestEverySmallSizeRoundTrips(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	enc, dec := pair(t, 32768, 0)
	for _, kind := range kinds {
		for n := 1; n < 300; n++ {
			roundTrip(t, enc, dec, kind.make(rng, n))
		}
	}
}

// The encoding of a piece must not depend on what the encoder did before, nor may an encoder write where it should not.
func TestEncodingIsAFunctionOfThePiece(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	for _, level := range []int{10, 0} {
		used, _ := pair(t, 65536, level)
		for round := range 2 {
			for _, kind := range kinds {
				src := kind.make(rng, 1+rng.IntN(32768))
				fresh, _ := pair(t, 65536, level)
				one, ok1 := fresh.Encode(nil, src)
				two, ok2 := used.Encode(nil, src)
				if ok1 != ok2 || !bytes.Equal(one, two) {
					t.Fatalf("level %d round %d, %s: a used encoder gives something else", level, round, kind.name)
				}
			}
		}
	}
}

func TestWhatCannotShrinkIsGivenUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	enc, _ := pair(t, 32768, 0)
	if _, ok := enc.Encode(nil, kinds[1].make(rng, 32768)); ok {
		t.Error("noise was encoded")
	}
	if _, ok := enc.Encode(nil, nil); ok {
		t.Error("nothing was encoded")
	}
	if _, ok := enc.Encode(nil, make([]byte, 32769)); ok {
		t.Error("more than a piece was encoded")
	}
	if out, ok := enc.Encode(nil, make([]byte, 32768)); !ok || len(out) > 200 {
		t.Errorf("zeros: %d bytes, ok %v", len(out), ok)
	}
}

func TestEncoderRefusesWhatIsOutOfRange(t *testing.T) {
	for _, c := range [][2]int{{0, 0}, {MaxWindow + 1, 0}, {32768, -1}, {32768, MaxLevel + 1}} {
		if _, err := NewEncoder(c[0], c[1]); err == nil {
			t.Errorf("piece size %d, level %d was taken", c[0], c[1])
		}
	}
}

func TestCodecDoesNotAllocate(t *testing.T) {
	src := sourceText(t)[:32768]
	for _, level := range []int{20, 0} {
		enc, dec := pair(t, 32768, level)
		out := make([]byte, 0, 2*len(src))
		got := make([]byte, len(src))
		enc.Encode(out, src)
		if n := testing.AllocsPerRun(5, func() {
			b, _ := enc.Encode(out, src)
			if err := dec.Decode(got, b); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("level %d: %v allocations a piece", level, n)
		}
	}
}

func FuzzEncode(f *testing.F) {
	f.Add([]byte("hello hello hello"), []byte{0xe8, 1, 2, 3, 4}, uint8(40), uint8(0))
	f.Add([]byte{0}, []byte("abc"), uint8(255), uint8(21))
	type codec struct {
		enc *Encoder
		dec *Decoder
	}
	var codecs []codec
	for _, level := range []int{0, 10, 60} {
		enc, dec := pair(f, 65536, level)
		codecs = append(codecs, codec{enc, dec})
	}
	f.Fuzz(func(t *testing.T, one, two []byte, times, which uint8) {
		src := bytes.Repeat(append(bytes.Repeat(one, int(which)/3+1), two...), int(times)+1)
		c := codecs[int(which)%len(codecs)]
		roundTrip(t, c.enc, c.dec, src[:min(len(src), 65536)])
	})
}
