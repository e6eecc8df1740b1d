//go:build unix

package wim

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sample is a small tree captured to memory: the same bytes each time.
func sample(tb testing.TB, opts CaptureOptions) []byte {
	tb.Helper()
	dir := tb.TempDir()
	at := time.Unix(1.6e9, 1234567)
	for name, body := range map[string]string{
		"a": "alpha", "b": strings.Repeat("beta ", 20000), "dir/c": "gamma", "dir/same": "alpha", "dir/sub/empty": "",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			tb.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			tb.Fatal(err)
		}
	}
	for _, d := range []string{"dir/sub", "dir", "."} {
		if err := os.Chtimes(filepath.Join(dir, d), at, at); err != nil {
			tb.Fatal(err)
		}
	}
	opts.Time, opts.Name = at, "sample"
	var w memFile
	if _, err := Capture(context.Background(), &w, dir, opts); err != nil {
		tb.Fatal(err)
	}
	return w.b
}

func open(b []byte) (*File, error) { return Open(bytes.NewReader(b), int64(len(b))) }

func TestSameTreeSameBytesWhateverTheThreads(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, seeded(t), dir, 150)
	for _, c := range []Compression{None, XPRESS} {
		var want []byte
		for _, threads := range []int{1, 2, 7} {
			var w memFile
			_, err := Capture(context.Background(), &w, dir, CaptureOptions{Compression: c, Threads: threads, Check: true, Time: time.Unix(1, 0)})
			must(t, err)
			if want == nil {
				want = w.b
			}
			if !bytes.Equal(w.b, want) {
				t.Errorf("%s: %d threads give other bytes than one", c, threads)
			}
		}
	}
}

func TestCaptureIsReadBackEqual(t *testing.T) {
	rng := seeded(t)
	one, two := t.TempDir(), t.TempDir()
	randomTree(t, rng, one, 100)
	randomTree(t, rng, two, 20)
	for _, c := range []Compression{None, XPRESS} {
		_, f := captureFile(t, CaptureOptions{Compression: c, UnixData: true, Check: true}, one, two)
		must(t, f.Verify(context.Background(), nil))
		for i, src := range []string{one, two} {
			got := t.TempDir()
			extract(t, f, i+1, got, true)
			want, have := snapshot(t, src, true), snapshot(t, got, true)
			delete(want, ".") // the target's own mode and time are the caller's
			delete(have, ".")
			same(t, want, have)
		}
		if _, err := f.Image(3); !errors.As(err, new(*NoImageError)) {
			t.Errorf("image 3 of 2: %v", err)
		}
	}
}

// prologueOnly fails the test when anything but the prologue is read.
type prologueOnly struct {
	t     *testing.T
	b     []byte
	parts []Part
}

func (p *prologueOnly) ReadAt(b []byte, off int64) (int, error) {
	for _, part := range p.parts {
		if off >= part.Offset && off+int64(len(b)) <= part.End() {
			return copy(b, p.b[off:]), nil
		}
	}
	p.t.Errorf("read %d bytes at %d, outside the prologue", len(b), off)
	return 0, io.ErrUnexpectedEOF
}

func TestThePrologueIsEnoughForTheTree(t *testing.T) {
	for _, c := range []Compression{None, XPRESS} {
		b := sample(t, CaptureOptions{Compression: c, Check: true})
		full, err := open(b)
		must(t, err)
		parts := full.Layout().Prologue
		if len(parts) != 5 {
			t.Fatalf("the prologue has %d parts: %v", len(parts), parts)
		}
		f, err := Open(&prologueOnly{t, b, parts}, int64(len(b)))
		must(t, err)
		img, err := f.Image(1)
		must(t, err)
		n := 0
		must(t, img.Walk(func(*Dentry) error { n++; return nil }))
		if n != 8 {
			t.Errorf("%d dentries, want 8", n)
		}
	}
}

func TestLayoutCoversTheFile(t *testing.T) {
	b := sample(t, CaptureOptions{Compression: XPRESS, Check: true})
	f, err := open(b)
	must(t, err)
	covered := make([]bool, len(b))
	mark := func(off, size int64) {
		for i := off; i < off+size; i++ {
			if covered[i] {
				t.Fatalf("byte %d is covered twice", i)
			}
			covered[i] = true
		}
	}
	l := f.Layout()
	for _, p := range l.Prologue {
		mark(p.Offset, p.Size)
	}
	for _, r := range l.Resources {
		mark(r.Offset, r.StoredSize)
	}
	for i, c := range covered {
		if !c {
			t.Fatalf("byte %d is in no range", i)
		}
	}
}

// Whoever has any bytes of a resource can decode the pieces in them, in any order.
func TestPiecesDecodeOneByOne(t *testing.T) {
	for _, c := range []Compression{None, XPRESS} {
		b := sample(t, CaptureOptions{Compression: c})
		f, err := open(b)
		must(t, err)
		dec, err := NewDecoder(f.Header.Compression, f.Header.PieceSize)
		must(t, err)
		for _, res := range f.Layout().Resources {
			stored := b[res.Offset:res.End()]
			table, err := ParsePieceTable(res.Run, stored[:res.PieceTableSize()])
			must(t, err)
			got := make([]byte, res.Size)
			for i := table.Count() - 1; i >= 0; i-- {
				p := table.Piece(i)
				must(t, dec.DecodePiece(got[p.Offset:p.Offset+p.Size], stored[p.StoredOffset:p.StoredOffset+p.StoredSize]))
			}
			if SHA1(sha1.Sum(got)) != res.Hash {
				t.Errorf("%s: resource %s differs", c, res.Hash)
			}
			checkFind(t, &table, int64(len(stored)))
		}
	}
}

// checkFind compares the searches of a table with plain loops.
func checkFind(t *testing.T, table *PieceTable, stored int64) {
	t.Helper()
	for off := int64(0); off < stored; off += stored/50 + 1 {
		for n := int64(1); off+n <= stored; n += stored/40 + 1 {
			var touched, within []int
			for i := range table.Count() {
				p := table.Piece(i)
				if p.StoredOffset < off+n && off < p.StoredOffset+p.StoredSize {
					touched = append(touched, i)
				}
				if p.StoredOffset >= off && p.StoredOffset+p.StoredSize <= off+n {
					within = append(within, i)
				}
			}
			first, end := table.Find(off, n)
			if end-first != len(touched) || len(touched) > 0 && first != touched[0] {
				t.Fatalf("Find(%d, %d) = %d, %d; want %v", off, n, first, end, touched)
			}
			first, end = table.Within(off, n)
			if end-first != len(within) || len(within) > 0 && first != within[0] {
				t.Fatalf("Within(%d, %d) = %d, %d; want %v", off, n, first, end, within)
			}
		}
	}
	first, end := table.FindContent(0, 1<<62)
	if first != 0 || end != table.Count() {
		t.Errorf("FindContent of all = %d, %d", first, end)
	}
}

func TestReaderAgreesWithItselfAtAnyOffset(t *testing.T) {
	rng := seeded(t)
	b := sample(t, CaptureOptions{Compression: XPRESS})
	f, err := open(b)
	must(t, err)
	res, ok := f.Lookup(sha1.Sum([]byte(strings.Repeat("beta ", 20000))))
	if !ok || res.Compression != XPRESS || res.StoredSize >= res.Size {
		t.Fatalf("resource is %+v", res)
	}
	r, err := f.Open(res)
	must(t, err)
	for range 500 {
		off, n := rng.Int64N(res.Size), rng.IntN(70000)
		p := make([]byte, n)
		k, err := r.ReadAt(p, off)
		if want := min(int64(n), res.Size-off); int64(k) != want || (err != nil) != (want < int64(n)) {
			t.Fatalf("ReadAt(%d bytes, %d) = %d, %v", n, off, k, err)
		}
		for i, c := range p[:k] {
			if c != "beta "[(off+int64(i))%5] {
				t.Fatalf("byte %d is %q", off+int64(i), c)
			}
		}
	}
}

func TestFlippedContentIsNoticed(t *testing.T) {
	for _, c := range []Compression{None, XPRESS} {
		b := sample(t, CaptureOptions{Compression: c})
		f, err := open(b)
		must(t, err)
		for _, res := range f.Layout().Resources {
			bad := bytes.Clone(b)
			bad[res.Offset+res.StoredSize-1-res.StoredSize/3] ^= 0x10
			f, err := open(bad)
			must(t, err)
			if err := f.Verify(context.Background(), nil); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: a flipped bit gave %v", c, err)
			}
		}
	}
}

func TestHeadersThatMakeNoSenseAreRefused(t *testing.T) {
	for word, change := range map[string]func(b []byte){
		"pipable":      func(b []byte) { copy(b, "WLPWM") },
		"part 1 of 0":  func(b []byte) { b[42] = 0 },
		"part 3 of 2":  func(b []byte) { b[40], b[42] = 3, 2 },
		"LZMS has":     func(b []byte) { b[16], b[18] = 2, 8 },
		"LZX has":      func(b []byte) { b[16], b[18], b[21], b[22] = 2, 4, 0, 0x40 },
		"XPRESS has":   func(b []byte) { b[16], b[18], b[21] = 2, 2, 8 },
		"compressions": func(b []byte) { b[18] = 6 },
		"unknown":      func(b []byte) { b[16] |= 2 },
		"version":      func(b []byte) { b[13] = 0x99 },
		"solid run":    func(b []byte) { b[55] |= byte(ResourceSolid) },
		"0 solid runs": func(b []byte) { b[binary.LittleEndian.Uint64(b[56:])+57] |= byte(ResourceSolid) },
		"not say how":  func(b []byte) { b[binary.LittleEndian.Uint64(b[56:])+57] |= byte(ResourceCompressed) },
	} {
		b := sample(t, CaptureOptions{})
		change(b)
		_, err := open(b)
		if !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrCorrupt) || err != nil && !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
}

// The resources say whether they are compressed: a header that forgets it does no harm.
func TestResourceFlagsCountNotTheHeaders(t *testing.T) {
	b := sample(t, CaptureOptions{Compression: XPRESS})
	b[16] &^= byte(FlagCompressed)
	f, err := open(b)
	must(t, err)
	must(t, f.Verify(context.Background(), nil))
}

func TestCaptureRefusesBadOptions(t *testing.T) {
	dir := t.TempDir()
	for name, opts := range map[string]CaptureOptions{
		"LZX": {Compression: LZX}, "threads": {Threads: maxThreads + 1}, "negative": {Threads: -1}, "boot": {BootIndex: 2}, "name": {Name: "a\x01b"},
	} {
		if _, err := Capture(context.Background(), &memFile{}, dir, opts); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	twice := []CaptureSource{{Dir: dir, Name: "x"}, {Dir: dir, Name: "x"}}
	if _, err := CaptureImages(context.Background(), &memFile{}, twice, CaptureOptions{}); err == nil {
		t.Error("two images of one name: taken")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Capture(ctx, &memFile{}, dir, CaptureOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	f, err := os.Create(filepath.Join(dir, "out.wim"))
	must(t, err)
	defer f.Close()
	if _, err := Capture(context.Background(), f, dir, CaptureOptions{}); err == nil || !strings.Contains(err.Error(), "output") {
		t.Errorf("output inside the tree: %v", err)
	}
}

// growing is an output that lets a file of the tree change as soon as something is written.
type growing struct {
	memFile
	path string
	done bool
}

func (g *growing) Write(p []byte) (int, error) {
	if !g.done {
		g.done = true
		if err := os.WriteFile(g.path, []byte("changed"), 0o644); err != nil {
			return 0, err
		}
	}
	return g.memFile.Write(p)
}

func TestAFileThatChangesIsNamed(t *testing.T) {
	dir := t.TempDir()
	for i := range 40 { // more than all segments together can hold
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d", i)), randomContent(seeded(t), segmentSize+i), 0o644))
	}
	w := &growing{path: filepath.Join(dir, "39")}
	_, err := Capture(context.Background(), w, dir, CaptureOptions{Threads: 1})
	if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), w.path) {
		t.Errorf("got %v", err)
	}
}

func TestFiletimes(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 0), time.Unix(-1, 999999900), time.Unix(1.7e9, 123456700), time.Date(1601, 1, 1, 0, 0, 0, 100, time.UTC)} {
		if got := FiletimeOf(at).Time(); !got.Equal(at) {
			t.Errorf("%v became %v", at, got)
		}
	}
	if FiletimeOf(time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC)) != 0 {
		t.Error("a time before 1601 is not zero")
	}
	if y := Filetime(1<<64 - 1).Time().Year(); y != 30828 {
		t.Errorf("the largest time is in the year %d", y)
	}
}
