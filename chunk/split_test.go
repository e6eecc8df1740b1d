package chunk

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// noise returns n bytes that depend on seed only.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)}).Read(b)
	return b
}

func pieces(t require, r io.Reader, l Layout) []Piece {
	t.Helper()
	var out []Piece
	err := Split(r, l, func(p Piece) error {
		p.Data = bytes.Clone(p.Data)
		out = append(out, p)
		return nil
	})
	if err != nil {
		t.Fatalf("split: %v", err)
	}
	return out
}

// require is what testing.T and rapid.T share.
type require interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkPieces checks everything Split promises but where the content-defined cuts are.
func checkPieces(t require, content []byte, l Layout, got []Piece) {
	t.Helper()
	var off int64
	var joined []byte
	for i, p := range got {
		end := p.Offset + int64(len(p.Data))
		if p.Offset != off || len(p.Data) == 0 || len(p.Data) > MaxSize {
			t.Fatalf("piece %d: %d bytes at %d, want 1 to %d at %d", i, len(p.Data), p.Offset, MaxSize, off)
		}
		inside, ends := false, end == int64(len(content))
		for _, r := range l.Prologue {
			overlaps := p.Offset < r.Offset+r.Size && end > r.Offset
			inside = inside || overlaps
			ends = ends || end == r.Offset || end == r.Offset+r.Size
			if overlaps && (p.Offset < r.Offset || end > r.Offset+r.Size) {
				t.Fatalf("piece %d [%d,%d) crosses an end of the prologue range %+v", i, p.Offset, end, r)
			}
		}
		if inside != p.Prologue {
			t.Fatalf("piece %d [%d,%d): prologue is %v, want %v", i, p.Offset, end, p.Prologue, inside)
		}
		if len(p.Data) < MinSize && !ends {
			t.Fatalf("piece %d has %d bytes and no forced cut", i, len(p.Data))
		}
		if !ends && !slices.Contains(l.Bounds, end) {
			for _, b := range l.Bounds {
				if b-p.Offset >= MinSize && b-p.Offset <= MaxSize && b < nextEdge(l, p.Offset, len(content)) {
					t.Fatalf("piece %d [%d,%d) is not cut at a bound though %d is one", i, p.Offset, end, b)
				}
			}
		}
		joined = append(joined, p.Data...)
		off = end
	}
	if !bytes.Equal(joined, content) {
		t.Fatalf("the pieces do not add up to the content: %d bytes, want %d", len(joined), len(content))
	}
}

func nextEdge(l Layout, off int64, size int) int64 {
	for _, r := range l.Prologue {
		if r.Offset > off {
			return r.Offset
		}
		if r.Offset+r.Size > off {
			return r.Offset + r.Size
		}
	}
	return int64(size)
}

func drawLayout(t *rapid.T, size int) Layout {
	var l Layout
	at := int64(0)
	step := rapid.SampledFrom([]int{50, 4 << 10, 60 << 10, 500 << 10}).Draw(t, "step")
	for {
		at += int64(rapid.IntRange(1, step).Draw(t, "gap"))
		if at > int64(size) || len(l.Bounds) > 200 {
			break
		}
		l.Bounds = append(l.Bounds, at)
	}
	at = 0
	for range rapid.IntRange(0, 3).Draw(t, "ranges") {
		r := Range{at + int64(rapid.IntRange(0, size/3).Draw(t, "skip")), int64(rapid.IntRange(1, 400<<10).Draw(t, "size"))}
		at = r.Offset + r.Size
		if at <= int64(size) {
			l.Prologue = append(l.Prologue, r)
		}
	}
	return l
}

func TestSplitKeepsItsPromisesForAnyLayout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 1<<20).Draw(t, "size")
		content := noise(rapid.Uint64().Draw(t, "seed"), size)
		if rapid.Bool().Draw(t, "zeros") {
			clear(content[size/2:])
		}
		l := drawLayout(t, size)
		got := pieces(t, bytes.NewReader(content), l)
		checkPieces(t, content, l, got)
		again := pieces(t, iotest.HalfReader(bytes.NewReader(content)), l)
		if !slices.EqualFunc(got, again, func(a, b Piece) bool { return a.Offset == b.Offset && bytes.Equal(a.Data, b.Data) }) {
			t.Fatalf("a reader that gives less at a time changes the cuts")
		}
	})
}

// archive is a content of many small resources and a few large ones.
func archive(sizes []int) (content []byte, l Layout) {
	for i, n := range sizes {
		l.Bounds = append(l.Bounds, int64(len(content)))
		content = append(content, noise(uint64(i)<<8|uint64(n), n)...)
	}
	return content, l
}

func newChunks(t *testing.T, before, after []byte, lb, la Layout) (fresh, all int) {
	t.Helper()
	seen := map[ID]bool{}
	for _, p := range pieces(t, bytes.NewReader(before), lb) {
		seen[Sum(p.Data)] = true
	}
	for _, p := range pieces(t, bytes.NewReader(after), la) {
		all++
		if !seen[Sum(p.Data)] {
			fresh++
		}
	}
	return fresh, all
}

func TestSplitInsertionMovesFewCuts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	total, worst := 0, 0
	const runs = 20
	for range runs {
		sizes := make([]int, 1500)
		for i := range sizes {
			sizes[i] = 100 + rng.IntN(16<<10)
			if rng.IntN(100) == 0 {
				sizes[i] = 1 << 20
			}
		}
		before, lb := archive(sizes)
		at := rng.IntN(len(sizes))
		insert := noise(rng.Uint64(), 1+rng.IntN(9000))
		cut := lb.Bounds[at]
		after := slices.Concat(before[:cut], insert, before[cut:])
		la := Layout{Bounds: slices.Clone(lb.Bounds[:at+1])}
		for _, b := range lb.Bounds[at:] {
			la.Bounds = append(la.Bounds, b+int64(len(insert)))
		}
		fresh, _ := newChunks(t, before, after, lb, la)
		total, worst = total+fresh, max(worst, fresh)
	}
	if mean := float64(total) / runs; mean > 6 || worst > 25 {
		t.Errorf("an inserted resource makes %.1f new chunks on average, %d at worst; want at most 6 and 25", mean, worst)
	}
}

func TestSplitPlainInsertionMovesFewCuts(t *testing.T) {
	before := noise(9, 24<<20)
	after := slices.Concat(before[:5<<20], []byte("an insertion"), before[5<<20:])
	fresh, all := newChunks(t, before, after, Layout{}, Layout{})
	if fresh == 0 || fresh > 6 {
		t.Errorf("12 bytes inserted make %d of %d chunks new; want 1 to 6", fresh, all)
	}
}

func TestSplitAverageSize(t *testing.T) {
	small := make([]int, 8000)
	for i := range small {
		small[i] = 1 + (i*7919)%8000
	}
	content, l := archive(small)
	for name, l := range map[string]Layout{"plain": {}, "small resources": l} {
		n := len(pieces(t, bytes.NewReader(content), l))
		if avg := len(content) / n; avg < AvgSize*3/4 || avg > AvgSize*5/4 {
			t.Errorf("%s: average chunk has %d bytes, want about %d", name, avg, AvgSize)
		}
	}
}

// The cuts are part of the format: two builds that cut differently would not share chunks.
func TestSplitCutsAreFixed(t *testing.T) {
	content := noise(42, 1<<20)
	l := Layout{Bounds: []int64{300, 40000, 90000, 100000, 700000}, Prologue: []Range{{0, 208}, {1000000, 48576}}}
	var plain, laid []int64
	for _, p := range pieces(t, bytes.NewReader(content), Layout{}) {
		plain = append(plain, p.Offset)
	}
	for _, p := range pieces(t, bytes.NewReader(content), l) {
		laid = append(laid, p.Offset)
	}
	if want := []int64{0, 156760, 330329, 367511, 527880, 662178, 809299, 927888}; !slices.Equal(plain, want) {
		t.Errorf("plain cuts %v, want %v", plain, want)
	}
	if want := []int64{0, 208, 90000, 244977, 367511, 527880, 700000, 883432, 927888, 1000000}; !slices.Equal(laid, want) {
		t.Errorf("cuts by layout %v, want %v", laid, want)
	}
}

func TestSplitRefusesBadLayouts(t *testing.T) {
	content := noise(3, 1000)
	for name, l := range map[string]Layout{
		"bounds out of order":   {Bounds: []int64{5, 4}},
		"negative bound":        {Bounds: []int64{-1}},
		"bound after the end":   {Bounds: []int64{1001}},
		"empty prologue":        {Prologue: []Range{{0, 0}}},
		"overlapping prologue":  {Prologue: []Range{{0, 10}, {9, 10}}},
		"negative prologue":     {Prologue: []Range{{-1, 10}}},
		"overflowing prologue":  {Prologue: []Range{{1 << 62, 1 << 62}}},
		"prologue past the end": {Prologue: []Range{{990, 11}}},
	} {
		if err := Split(bytes.NewReader(content), l, func(Piece) error { return nil }); !errors.Is(err, ErrLayout) {
			t.Errorf("%s: error %v, want ErrLayout", name, err)
		}
	}
}

func TestSplitReturnsErrors(t *testing.T) {
	boom := errors.New("boom")
	if err := Split(iotest.ErrReader(boom), Layout{}, nil); !errors.Is(err, boom) {
		t.Errorf("read error became %v", err)
	}
	if err := Split(bytes.NewReader([]byte("x")), Layout{}, func(Piece) error { return boom }); err != boom {
		t.Errorf("callback error became %v", err)
	}
}

func BenchmarkSplit(b *testing.B) {
	content := noise(7, 64<<20)
	laid := Layout{}
	for off := int64(0); off < int64(len(content)); off += 5000 {
		laid.Bounds = append(laid.Bounds, off)
	}
	for name, l := range map[string]Layout{"plain": {}, "bounds": laid} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if err := Split(bytes.NewReader(content), l, func(Piece) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestSplitAlignsCuts(t *testing.T) {
	const align = 4096
	before := noise(3, 8<<20)
	after := slices.Concat(before[:2<<20], noise(4, 3*align), before[2<<20:])
	known := map[ID]bool{}
	for _, p := range pieces(t, bytes.NewReader(before), Layout{Align: align}) {
		known[Sum(p.Data)] = true
		if p.Offset%align != 0 {
			t.Errorf("a cut at %d, want a multiple of %d", p.Offset, align)
		}
	}
	fresh := 0
	for _, p := range pieces(t, bytes.NewReader(after), Layout{Align: align}) {
		if !known[Sum(p.Data)] {
			fresh++
		}
	}
	if fresh == 0 || fresh > 6 {
		t.Errorf("%d bytes inserted make %d chunks new, want 1 to 6", 3*align, fresh)
	}
}

func TestSplitRefusesCutsOutOfStep(t *testing.T) {
	for _, align := range []int64{-1, 5000, 2 * MinSize} {
		err := Split(bytes.NewReader([]byte{1}), Layout{Align: align}, func(Piece) error { return nil })
		if !errors.Is(err, ErrLayout) {
			t.Errorf("cuts at multiples of %d: %v, want ErrLayout", align, err)
		}
	}
}

func TestEvenCutsAreAsFewAsCanBe(t *testing.T) {
	for _, size := range []int{1, MaxSize, MaxSize + 1, 5*MaxSize + 77} {
		n, want := 0, (size+MaxSize-1)/MaxSize
		err := Split(bytes.NewReader(make([]byte, size)), Layout{Even: true, Align: 4096, Bounds: []int64{1, int64(MinSize) + 5}}, func(p Piece) error {
			if p.Offset != int64(n)*MaxSize {
				t.Errorf("%d bytes: cut %d is at %d", size, n, p.Offset)
			}
			n++
			return nil
		})
		if err != nil || n != want {
			t.Errorf("%d bytes: %d chunks, want %d: %v", size, n, want, err)
		}
	}
}
