//go:build unix

package wim

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/wimtest"
)

// sample is a small file: the same bytes each time.
func sample(tb testing.TB, opts WriterOptions) []byte {
	tb.Helper()
	opts.Time = time.Unix(1.6e9, 1234567)
	root := newDir("")
	for _, d := range []struct{ name, body string }{
		{"a", "alpha"}, {"b", strings.Repeat("beta ", 20000)}, {"dir/c", "gamma"}, {"dir/same", "alpha"}, {"dir/sub/empty", ""},
	} {
		at := root
		names := strings.Split(d.name, "/")
		for i, name := range names {
			last := i == len(names)-1
			if n := len(at.Children); n > 0 && at.Children[n-1].Name == name {
				at = at.Children[n-1]
				continue
			}
			c := newDir(name)
			c.Modified, c.Parent = FiletimeOf(opts.Time), at
			if last {
				c.Attributes = AttrNormal
				c.Tagged = UnixData{Mode: 0o100644}.Item()
				c.Streams = []Stream{{Kind: StreamData, Source: &memSource{path: d.name, data: []byte(d.body)}}}
			}
			at.Children = append(at.Children, c)
			at = c
		}
	}
	b, _ := writeWIM(tb, opts, &Image{Info: ImageInfo{Name: "sample"}, Root: root})
	return b
}

func open(b []byte) (*File, error) { return Open(bytes.NewReader(b), int64(len(b))) }

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
		b := sample(t, WriterOptions{Compression: c, Check: true})
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
	b := sample(t, WriterOptions{Compression: XPRESS, Check: true})
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
		b := sample(t, WriterOptions{Compression: c})
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
}

func TestReaderAgreesWithItselfAtAnyOffset(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	b := sample(t, WriterOptions{Compression: XPRESS})
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
		b := sample(t, WriterOptions{Compression: c})
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
		b := sample(t, WriterOptions{})
		change(b)
		_, err := open(b)
		if !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrCorrupt) || err != nil && !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
}

// The resources say whether they are compressed: a header that forgets it does no harm.
func TestResourceFlagsCountNotTheHeaders(t *testing.T) {
	b := sample(t, WriterOptions{Compression: XPRESS})
	b[16] &^= byte(FlagCompressed)
	f, err := open(b)
	must(t, err)
	must(t, f.Verify(context.Background(), nil))
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
