package lzx

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
)

// sourceText is a megabyte or so of Go source, behind some of the test's own machine code.
func sourceText(tb testing.TB) []byte {
	tb.Helper()
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	text, err := os.ReadFile(exe)
	if err != nil {
		tb.Fatal(err)
	}
	text = text[4096:min(len(text), 1<<20)]
	return append(text, wimtest.SourceText(tb)...)
}

func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	text := sourceText(t)
	for _, piece := range []int{32768, 65536, 1 << 17, 1 << 18, 1 << 19, 1 << 20, 1 << 21} {
		dec, err := NewDecoder(piece)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			n := 1 + rng.IntN(min(piece, len(text)))
			at := rng.IntN(len(text) - n + 1)
			src := append(bytes.Repeat([]byte{0xe8, 1, 2, 0, 0}, rng.IntN(3)), text[at:at+n]...)
			src = src[:min(len(src), piece)]
			got := make([]byte, len(src))
			if err := dec.Decode(got, plainEncode(src, piece, rng)); err != nil || !bytes.Equal(got, src) {
				t.Fatalf("piece size %d, %d bytes: decoded bytes differ: %v", piece, len(src), err)
			}
		}
	}
}

func TestCallTranslationIsUndone(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		src := make([]byte, rng.IntN(200))
		for i := range src {
			src[i] = []byte{0xe8, 0, 0xff, byte(rng.Uint32())}[rng.IntN(4)]
		}
		got := bytes.Clone(src)
		translate(got)
		untranslate(got)
		if !bytes.Equal(got, src) {
			t.Fatalf("%x became %x", src, got)
		}
	}
}

func TestEveryTruncationFails(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	dec, err := NewDecoder(32768)
	if err != nil {
		t.Fatal(err)
	}
	src := sourceText(t)[1<<20 : 1<<20+3000]
	out := plainEncode(src, 32768, rng)
	got := make([]byte, len(src))
	for n := range len(out) - 2 {
		if err := dec.Decode(got, out[:n]); err == nil && bytes.Equal(got, src) {
			t.Fatalf("decoded from %d of %d bytes", n, len(out))
		}
	}
}

func TestPieceSizesOutsideTheFormatAreRefused(t *testing.T) {
	for _, n := range []int{-1, 0, MaxWindow + 1} {
		if _, err := NewDecoder(n); err == nil {
			t.Errorf("piece size %d was taken", n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 4 {
		src := bytes.Repeat([]byte("what to say, \xe8 and to whom? "), 1+rng.IntN(100))
		f.Add(plainEncode(src, 32768, rng), uint16(len(src)))
	}
	dec, err := NewDecoder(65536)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src []byte, n uint16) {
		const guard = 16
		dst := bytes.Repeat([]byte{0xa5}, int(n)+guard)
		if dec.Decode(dst[:n:n], src) == nil && n > 0 && len(src) == 0 {
			t.Fatal("decoded from nothing")
		}
		if !bytes.Equal(dst[n:], bytes.Repeat([]byte{0xa5}, guard)) {
			t.Fatal("wrote behind the piece")
		}
	})
}

// BenchmarkDecode decodes pieces as the encoder makes them at its default level: machine code, and Go source.
func BenchmarkDecode(b *testing.B) {
	text := sourceText(b)
	for _, part := range []struct {
		name string
		data []byte
	}{{"code", text[:1<<19]}, {"text", text[1<<20 : 3<<19]}} {
		b.Run(part.name, func(b *testing.B) {
			enc, err := NewEncoder(32768, DefaultLevel)
			if err != nil {
				b.Fatal(err)
			}
			dec, err := NewDecoder(32768)
			if err != nil {
				b.Fatal(err)
			}
			var outs [][]byte
			packed := 0
			for at := 0; at < len(part.data); at += 32768 {
				out, ok := enc.Encode(nil, part.data[at:at+32768])
				if !ok {
					b.Fatal("a piece does not get shorter")
				}
				outs = append(outs, out)
				packed += len(out)
			}
			got := make([]byte, 32768)
			b.SetBytes(32768)
			i := 0
			for b.Loop() {
				if err := dec.Decode(got, outs[i%len(outs)]); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.ReportMetric(float64(packed)/float64(len(part.data)), "ratio")
		})
	}
}
