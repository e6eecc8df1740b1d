package xpress

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
)

// samples gives pieces of many natures; the same ones each time.
func samples(tb testing.TB) map[string][]byte {
	tb.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, MaxSize)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	skewed := make([]byte, MaxSize) // frequencies like Fibonacci's: long codewords
	for i := range skewed {
		b := 0
		for b < 40 && rng.IntN(100) < 62 {
			b++
		}
		skewed[i] = byte(b)
	}
	text := wimtest.SourceText(tb)
	m := map[string][]byte{
		"zeros": make([]byte, MaxSize), "noise": noise, "skewed": skewed,
		"text32k": text[:32768], "text64k": text[:MaxSize],
		"pairs": bytes.Repeat([]byte("ab"), 16384), "far": append(append(bytes.Clone(noise[:32000]), make([]byte, 700)...), noise[:32000]...),
	}
	for n := range 40 {
		m[fmt.Sprint("short", n)] = bytes.Repeat([]byte("x"), 240+n)
	}
	for n := range 300 {
		run := append(bytes.Repeat([]byte("y"), n), text[:600]...)
		m[fmt.Sprint("run", n)] = append(run, bytes.Repeat([]byte("z"), n+1)...)
	}
	return m
}

func TestRoundTrip(t *testing.T) {
	var enc Encoder
	var dec Decoder
	for name, src := range samples(t) {
		prefix := []byte("before")
		out, ok := enc.Encode(prefix, src)
		if !ok {
			if len(out) != len(prefix) {
				t.Errorf("%s: an encoding that was given up left %d bytes", name, len(out)-len(prefix))
			}
			continue
		}
		if len(out)-len(prefix) >= len(src) || !bytes.HasPrefix(out, prefix) {
			t.Errorf("%s: %d bytes became %d", name, len(src), len(out)-len(prefix))
		}
		got := make([]byte, len(src))
		if err := dec.Decode(got, out[len(prefix):]); err != nil || !bytes.Equal(got, src) {
			t.Errorf("%s: decoded bytes differ: %v", name, err)
		}
	}
}

func TestLevelsRoundTrip(t *testing.T) {
	var dec Decoder
	src := wimtest.SourceText(t)[:MaxSize]
	last := len(src)
	for _, level := range []int{MinLevel, 20, 0, MaxLevel} {
		enc, err := NewEncoder(level)
		if err != nil {
			t.Fatal(err)
		}
		out, ok := enc.Encode(nil, src)
		got := make([]byte, len(src))
		if err := dec.Decode(got, out); !ok || err != nil || !bytes.Equal(got, src) {
			t.Errorf("level %d: decoded bytes differ: %v", level, err)
		}
		if len(out) > last {
			t.Errorf("level %d: %d bytes, more than at the level before", level, len(out))
		}
		last = len(out)
	}
	for _, level := range []int{-1, MaxLevel + 1} {
		if _, err := NewEncoder(level); err == nil {
			t.Errorf("level %d was taken", level)
		}
	}
}

// What an encoder did before must not show, nor what stands behind a shorter piece in its memory.
func TestEncodingIsAFunctionOfThePiece(t *testing.T) {
	for _, level := range []int{10, 0, 90} {
		used, err := NewEncoder(level)
		if err != nil {
			t.Fatal(err)
		}
		for name, src := range samples(t) {
			fresh, err := NewEncoder(level)
			if err != nil {
				t.Fatal(err)
			}
			one, ok1 := fresh.Encode(nil, src)
			two, ok2 := used.Encode(nil, src)
			if ok1 != ok2 || !bytes.Equal(one, two) {
				t.Errorf("level %d, %s: a used encoder gives something else", level, name)
			}
		}
	}
}

func TestWhatCannotShrinkIsGivenUp(t *testing.T) {
	var enc Encoder
	all := samples(t)
	if _, ok := enc.Encode(nil, all["noise"]); ok {
		t.Error("noise was encoded")
	}
	if _, ok := enc.Encode(nil, nil); ok {
		t.Error("nothing was encoded")
	}
	if out, ok := enc.Encode(nil, all["zeros"]); !ok || len(out) > 300 {
		t.Errorf("zeros: %d bytes, ok %v", len(out), ok)
	}
}

func TestEveryTruncationFailsOrIsPadding(t *testing.T) {
	var enc Encoder
	var dec Decoder
	src := wimtest.SourceText(t)[:4096]
	out, _ := enc.Encode(nil, src)
	got := make([]byte, len(src))
	for n := range len(out) - 4 {
		if err := dec.Decode(got, out[:n]); err == nil && bytes.Equal(got, src) {
			t.Fatalf("decoded from %d of %d bytes", n, len(out))
		}
	}
}

func TestSizeNeverTooSmall(t *testing.T) {
	var enc Encoder
	for name, src := range samples(t) {
		if out, ok := enc.Encode(nil, src); ok && len(out) > enc.size() {
			t.Errorf("%s: size said %d, it is %d", name, enc.size(), len(out))
		}
	}
}

func TestCodecDoesNotAllocate(t *testing.T) {
	var enc Encoder
	var dec Decoder
	src := wimtest.SourceText(t)[:32768]
	out := make([]byte, 0, 2*len(src))
	got := make([]byte, len(src))
	enc.Encode(out, src)
	if n := testing.AllocsPerRun(5, func() {
		b, _ := enc.Encode(out, src)
		if err := dec.Decode(got, b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a piece", n)
	}
}

func FuzzDecode(f *testing.F) {
	var enc Encoder
	for _, s := range []string{"abcabcabcabc", "zzzzzzzzzzzzzzzzzzzz"} {
		out, _ := enc.Encode(nil, bytes.Repeat([]byte(s), 400))
		f.Add(out, uint16(len(s)*400))
	}
	var dec Decoder
	f.Fuzz(func(t *testing.T, src []byte, n uint16) {
		const guard = 16
		dst := bytes.Repeat([]byte{0xa5}, int(n)+guard)
		if dec.Decode(dst[:n:n], src) == nil && n > 0 && len(src) < headerSize {
			t.Fatal("decoded without a header")
		}
		if !bytes.Equal(dst[n:], bytes.Repeat([]byte{0xa5}, guard)) {
			t.Fatal("wrote behind the piece")
		}
		if n < 512 {
			checkAgainstPlain(t, src, int(n))
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("hello hello hello"), uint8(40))
	var enc Encoder
	var dec Decoder
	f.Fuzz(func(t *testing.T, unit []byte, times uint8) {
		src := bytes.Repeat(unit, int(times)+1)
		src = src[:min(len(src), MaxSize)]
		out, ok := enc.Encode(nil, src)
		if !ok {
			return
		}
		got := make([]byte, len(src))
		if err := dec.Decode(got, out); err != nil || !bytes.Equal(got, src) {
			t.Fatalf("decoded bytes differ: %v", err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	benchmark(b, func(enc *Encoder, dec *Decoder, got, out, src []byte) {
		if err := dec.Decode(got, out); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	buf := make([]byte, 0, MaxSize)
	benchmark(b, func(enc *Encoder, dec *Decoder, got, out, src []byte) { enc.Encode(buf, src) })
}

// benchmark runs fn over pieces of 32 KiB: Go source, and this test's own machine code.
func benchmark(b *testing.B, fn func(enc *Encoder, dec *Decoder, got, out, src []byte)) {
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	code, err := os.ReadFile(exe)
	if err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{"text": wimtest.SourceText(b), "code": code} {
		b.Run(name, func(b *testing.B) {
			var enc Encoder
			var dec Decoder
			var pieces, outs [][]byte
			total, packed := 0, 0
			for len(data) >= 32768 && len(pieces) < 64 {
				if out, ok := enc.Encode(nil, data[:32768]); ok {
					pieces, outs = append(pieces, data[:32768]), append(outs, out)
					total, packed = total+32768, packed+len(out)
				}
				data = data[32768:]
			}
			got := make([]byte, 32768)
			b.SetBytes(32768)
			i := 0
			for b.Loop() {
				fn(&enc, &dec, got, outs[i%len(outs)], pieces[i%len(outs)])
				i++
			}
			b.ReportMetric(float64(packed)/float64(total), "ratio")
		})
	}
}
