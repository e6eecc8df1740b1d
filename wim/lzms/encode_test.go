package lzms

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
)

func newEncoder(tb testing.TB, maxSize, level int) *Encoder {
	tb.Helper()
	e, err := NewEncoder(maxSize, level)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// roundTrip encodes src and decodes it, and gives the size between; that of src when it could not shrink.
func roundTrip(tb testing.TB, e *Encoder, d *Decoder, name string, src []byte) int {
	tb.Helper()
	prefix := []byte("before")
	out, ok := e.Encode(prefix, src)
	if !bytes.HasPrefix(out, prefix) {
		tb.Fatalf("%s: what was there before is changed", name)
	}
	if out = out[len(prefix):]; !ok {
		if len(out) != 0 {
			tb.Errorf("%s: an encoding that was given up left %d bytes", name, len(out))
		}
		return len(src)
	}
	if len(out) >= len(src) {
		tb.Errorf("%s: %d bytes became %d", name, len(src), len(out))
	}
	got := make([]byte, len(src))
	if err := d.Decode(got, out); err != nil || !bytes.Equal(got, src) {
		tb.Fatalf("%s: %d bytes are decoded wrongly: %v", name, len(src), err)
	}
	return len(out)
}

func TestRoundTrip(t *testing.T) {
	d := NewDecoder()
	for _, level := range []int{0, 1, 100} {
		e := newEncoder(t, 1<<18, level)
		for name, src := range samples(t) {
			roundTrip(t, e, d, fmt.Sprint(name, " at level ", level), src)
		}
	}
}

// Every size has its own number of offset slots, and the smallest have codes of one symbol.
func TestRoundTripOfEverySmallSize(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	e, d := newEncoder(t, 2000, 0), NewDecoder()
	for n := 0; n < 2000; n += 1 + n/100 {
		src := make([]byte, n)
		for i := range src {
			src[i] = byte(rng.IntN(3))
		}
		roundTrip(t, e, d, "small", src)
		roundTrip(t, e, d, "constant", make([]byte, n))
	}
}

// A piece that two goroutines work on must decode, too, and be the same when done again, also after others and when it is given up.
func TestLargePieceIsTheSameEachTime(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	src := bytes.Clone(wimtest.SourceText(t)[:600000])
	for len(src) < inlineSize+100000 {
		at := rng.IntN(len(src) - 100000)
		src = append(append(src, src[at:at+10+rng.IntN(60000)]...), code86(rng, 3000)...)
	}
	e, d := newEncoder(t, len(src), 1), NewDecoder()
	if n := roundTrip(t, e, d, "large", src); n > len(src)/4 {
		t.Errorf("%d bytes became %d", len(src), n)
	}
	noise := make([]byte, inlineSize+1)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	first, _ := e.Encode(nil, src)
	if _, ok := e.Encode(nil, noise); ok {
		t.Error("noise was encoded")
	}
	e.Encode(nil, src[:1000])
	if second, _ := e.Encode(nil, src); !bytes.Equal(first, second) {
		t.Error("the second encoding differs from the first")
	}
	if third, _ := newEncoder(t, MaxSize, 1).Encode(nil, src); !bytes.Equal(first, third) {
		t.Error("the encoding of another encoder differs")
	}
}

// A whole capture has to fit into memory by what EncoderMemory says.
func TestEncoderMemoryIsEnough(t *testing.T) {
	text := wimtest.SourceText(t)
	for _, size := range []int{100000, inlineSize + 1} {
		src := make([]byte, size)
		for i := range src {
			src[i] = text[i%len(text)] + byte(i/len(text))
		}
		out := make([]byte, 0, size)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		newEncoder(t, size, 0).Encode(out, src)
		runtime.ReadMemStats(&after)
		if took, limit := after.TotalAlloc-before.TotalAlloc, EncoderMemory(size); took > uint64(limit) {
			t.Errorf("a piece of %d bytes took %d bytes, more than %d", size, took, limit)
		}
	}
}

// The kinds of data that the format has something for must gain by it.
func TestEachKindOfDataShrinks(t *testing.T) {
	e, d := newEncoder(t, 1<<20, 0), NewDecoder()
	all := samples(t)
	for name, most := range map[string]int{
		"zeros": 16, "pairs": 16, "text": 51000, "textThrice": 15700, "ramp2": 4700, "ramp4": 3000, "ramp12": 11800,
		"skewed": 24000, "code": 4000, "edited": 22000, "far": 50700,
	} {
		if n := roundTrip(t, e, d, name, all[name]); n > most {
			t.Errorf("%s: %d bytes became %d, more than %d", name, len(all[name]), n, most)
		}
	}
}

// The x86 filter must be its own inverse, wherever the codes of instructions are.
func TestFilterIsUndone(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	var f x86Filter
	changed := 0
	for range 300 {
		src := code86(rng, rng.IntN(5000))
		b := bytes.Clone(src)
		f.apply(b, false)
		if !bytes.Equal(b, src) {
			changed++
		}
		f.apply(b, true)
		if !bytes.Equal(b, src) {
			t.Fatal("the filter is not undone")
		}
	}
	if changed < 200 {
		t.Errorf("only %d of 300 samples were changed", changed)
	}
}

func TestEncoderSettings(t *testing.T) {
	for _, c := range []struct {
		size, level int
		ok          bool
	}{{1, 0, true}, {MaxSize, MaxLevel, true}, {0, 0, false}, {MaxSize + 1, 0, false}, {100, -1, false}, {100, MaxLevel + 1, false}} {
		if _, err := NewEncoder(c.size, c.level); (err == nil) != c.ok {
			t.Errorf("size %d, level %d: error is %v", c.size, c.level, err)
		}
	}
}

// Sets of slots that are found by table must be those found by search.
func TestSlotIndex(t *testing.T) {
	x := slotOf()
	for _, table := range []*slotTable{offsets, lengths} {
		for s, base := range table.base {
			for _, v := range []uint32{base - 1, base, base + 1} {
				if v < 1 || v >= MaxSize || base == 0 {
					continue
				}
				got, n := x.offset(v), offsetSlots
				if table == lengths {
					got, n = x.ofLength(v), lengthSlots
				}
				if want := table.slotOf(v, n); got != want || table.base[want] > v || table.base[want+1] <= v {
					t.Errorf("slot %d: %d is in slot %d, not %d", s, v, got, want)
				}
			}
		}
	}
}

func FuzzEncode(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 1))
	f.Add([]byte("abcabcabcabcabcabc abc"), uint8(0))
	f.Add(code86(rng, 300), uint8(1))
	f.Add(ramp(rng, 4, 300), uint8(3))
	e, d := newEncoder(f, 1<<20, 0), NewDecoder()
	f.Fuzz(func(t *testing.T, src []byte, repeat uint8) {
		if len(src) > 1<<11 {
			return
		}
		all := src
		for i := range int(repeat) % 16 { // with one byte changed each time
			from := len(all)
			all = append(all, src...)
			if len(src) > 0 {
				all[from+(i*7)%len(src)] += byte(i)
			}
		}
		roundTrip(t, e, d, "fuzz", all)
	})
}

func BenchmarkEncode128K(b *testing.B) { benchmarkEncode(b, 128<<10) }

func benchmarkEncode(b *testing.B, size int) {
	src := wimtest.SourceText(b)[:size]
	e := newEncoder(b, size, 0)
	out := make([]byte, 0, size)
	b.SetBytes(int64(size))
	for b.Loop() {
		out, _ = e.Encode(out[:0], src)
	}
	b.ReportMetric(float64(len(out))/float64(size), "ratio")
}

func BenchmarkDecode(b *testing.B) {
	src := wimtest.SourceText(b)[:700000]
	out, ok := newEncoder(b, len(src), 0).Encode(nil, src)
	if !ok {
		b.Fatal("text was not encoded")
	}
	d := NewDecoder()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if err := d.Decode(src, out); err != nil {
			b.Fatal(err)
		}
	}
}
