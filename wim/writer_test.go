//go:build unix

package wim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/wimtest"
)

// memSource is a Source in memory.
type memSource struct {
	path  string
	data  []byte
	told  int64 // the size that it tells; 0: the right one
	fail  error // of Close
	gone  bool
	opens int
}

func (s *memSource) Path() string { return s.path }

func (s *memSource) Size() int64 {
	if s.told != 0 {
		return s.told
	}
	return int64(len(s.data))
}

func (s *memSource) Open() (io.ReadCloser, error) {
	s.opens++
	if s.gone {
		return nil, os.ErrNotExist
	}
	return memReader{bytes.NewReader(s.data), s.fail}, nil
}

type memReader struct {
	io.Reader
	fail error
}

func (r memReader) Close() error { return r.fail }

// sourceTree makes an image of files with contents of many sizes, some of them equal, some hard-linked, with named streams, reparse points and
// all else that a dentry may have.
func sourceTree(rng *rand.Rand, name string, files int) *Image {
	img := &Image{Info: ImageInfo{Name: name, Description: "of <" + name + "> & more"}, Root: newDir("")}
	img.Security = [][]byte{{1, 2, 3}, bytes.Repeat([]byte{7}, 80)}
	dirs := []*Dentry{img.Root}
	var sources []*memSource
	source := func(path string) *memSource {
		sizes := []int{0, 1, 100, 4096, 32767, 32768, 32769, 100_000, smallContent, smallContent + 1, 1<<20 + 5}
		if len(sources) > 0 && rng.IntN(6) == 0 {
			return &memSource{path: path, data: sources[rng.IntN(len(sources))].data}
		}
		s := &memSource{path: path, data: wimtest.RandomContent(rng, sizes[min(rng.IntN(len(sizes)), rng.IntN(len(sizes)))])}
		sources = append(sources, s)
		return s
	}
	for i := range files {
		in := dirs[rng.IntN(len(dirs))]
		d := newDir(fmt.Sprintf("%03d ünï 𝄞.%d", i, i%5))
		d.Parent, d.SecurityID = in, int32(rng.IntN(3)-1)
		d.Created, d.Accessed, d.Modified = Filetime(rng.Uint64()>>2), Filetime(rng.Uint64()>>2), Filetime(rng.Uint64()>>2)
		in.Children = append(in.Children, d)
		if rng.IntN(8) > 0 {
			d.Attributes = AttrArchive
		}
		if decorate(rng, d, source); d.IsDir() && !d.IsReparse() {
			dirs = append(dirs, d)
		}
		if !d.IsDir() && !d.IsReparse() && rng.IntN(10) == 0 {
			d.HardLink = uint64(i + 1)
			link := *d
			link.Name = "link to " + d.Name
			in.Children = append(in.Children, &link)
		}
	}
	return img
}

func newDir(name string) *Dentry {
	return &Dentry{Name: name, Attributes: AttrDirectory, SecurityID: -1}
}

// decorate gives a dentry streams and what else it may have.
func decorate(rng *rand.Rand, d *Dentry, source func(string) *memSource) {
	path := d.Path()
	switch kind := rng.IntN(8); {
	case kind == 0:
		d.Attributes |= AttrReparse
		d.ReparseTag, d.ReparseReserved, d.ReparseFlags = rng.Uint32(), uint16(rng.IntN(9)), uint16(rng.IntN(2))
		d.Streams = append(d.Streams, Stream{Kind: StreamReparse, Source: &memSource{path: path, data: []byte("target of " + path)}})
		if !d.IsDir() && rng.IntN(2) == 0 {
			d.Streams = append(d.Streams, Stream{Kind: StreamData, Source: source(path)})
		}
	case kind == 1 && !d.IsDir():
		d.Attributes |= AttrEncrypted
		d.Streams = append(d.Streams, Stream{Kind: StreamRaw, Source: source(path)})
	case !d.IsDir():
		d.Streams = append(d.Streams, Stream{Kind: StreamData, Source: source(path)})
	}
	for i := range rng.IntN(6) - 3 {
		d.Streams = append(d.Streams, Stream{Kind: StreamNamed, Name: fmt.Sprintf("ströme %d", i), Source: source(path + ":s")})
	}
	d.sortStreams()
	if rng.IntN(4) == 0 {
		d.ShortName = "SHÖRT~1"
	}
	switch rng.IntN(4) {
	case 0:
		d.Tagged = UnixData{1, 2, 0o100644, 4}.Item()
	case 1:
		d.Tagged = append([]byte{9, 9, 9, 9, 5, 0, 0, 0}, "12345678"...)
	}
}

// writeWIM writes images to a new file in memory, and opens it.
func writeWIM(t testing.TB, opts WriterOptions, images ...*Image) ([]byte, *File) {
	t.Helper()
	m := &memFile{}
	w, err := Create(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, img := range images {
		if err := w.Image(img, nil); err != nil {
			t.Fatal(err)
		}
	}
	stats, err := w.Finish(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if stats.Size != int64(len(m.b)) || stats.Images != len(images) {
		t.Errorf("%+v for %d bytes", stats, len(m.b))
	}
	f, err := open(m.b)
	if err != nil {
		t.Fatal(err)
	}
	return m.b, f
}

// describeImage gives a line for every dentry with all that it has; contents by their hash.
func describeImage(img *Image) (lines []string) {
	_ = img.Walk(func(d *Dentry) error {
		line := fmt.Sprintf("%q %q %x %d %d %d %d link %d reparse %x %d %d tagged %x:", d.Path(), d.ShortName, d.Attributes, d.SecurityID,
			d.Created, d.Accessed, d.Modified, d.HardLink, d.ReparseTag, d.ReparseReserved, d.ReparseFlags, d.Tagged)
		for _, s := range d.Streams {
			if s.Kind == StreamNamed || !s.Hash.IsZero() {
				line += fmt.Sprintf(" %d %q %s", s.Kind, s.Name, s.Hash)
			}
		}
		lines = append(lines, line)
		return nil
	})
	return append(lines, fmt.Sprintf("%x", img.Security))
}

// sameImage compares two trees in all that they have.
func sameImage(t *testing.T, want, got *Image) {
	t.Helper()
	w, g := describeImage(want), describeImage(got)
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			t.Fatalf("line %d of %d and %d:\nwant %.400s\ngot  %.400s", i, len(w), len(g), lineAt(w, i), lineAt(g, i))
		}
	}
}

func lineAt(s []string, i int) string {
	if i < len(s) {
		return s[i]
	}
	return "nothing"
}

// writerVariants are the ways to write a file.
func writerVariants() map[string]WriterOptions {
	return map[string]WriterOptions{
		"none":            {},
		"none, check":     {Check: true, CheckSize: 4096},
		"XPRESS":          {Compression: XPRESS},
		"XPRESS 4K":       {Compression: XPRESS, PieceSize: 4096, Level: 10, Check: true},
		"XPRESS 64K":      {Compression: XPRESS, PieceSize: 65536, Level: 100},
		"LZX":             {Compression: LZX, Level: 20, BootIndex: 2, Flags: FlagRPFix},
		"LZX 2M":          {Compression: LZX, PieceSize: 2 << 20, Level: 10},
		"solid LZX":       {Compression: LZX, Solid: true, SolidCompression: LZX, SolidPieceSize: 1 << 15, Level: 10, SolidLevel: 10},
		"solid XPRESS":    {Solid: true, SolidCompression: XPRESS, Check: true},
		"LZMS":            {Compression: LZMS, Level: 10},
		"solid LZMS":      {Compression: LZMS, PieceSize: 1 << 15, Level: 10, Solid: true, SolidLevel: 10, SolidPieceSize: 1 << 20},
		"solid LZX large": {Compression: XPRESS, Solid: true, SolidCompression: LZX, SolidPieceSize: 1 << 20, SolidLevel: 10},
	}
}

// What is written must read back equal, whatever the options, and be the same bytes whatever the number of threads. wimlib must take it too.
// fewerIfShort is for what the race detector makes ten times as slow.
func fewerIfShort(files int) int {
	if testing.Short() {
		return files / 4
	}
	return files
}

func TestWriterRoundTrips(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	for name, opts := range writerVariants() {
		t.Run(name, func(t *testing.T) {
			opts.Time = time.Unix(1e9, 0)
			one, two := sourceTree(rng, "one", fewerIfShort(40)), sourceTree(rng, "two", fewerIfShort(10))
			opts.Threads = 1
			b, f := writeWIM(t, opts, one, two)
			must(t, f.Verify(context.Background(), nil))
			for i, img := range []*Image{one, two} {
				got, err := f.Image(i + 1)
				must(t, err)
				sameImage(t, img, got)
				sameContents(t, f, img)
				if got.Info.Name != img.Info.Name || got.Info.Description != img.Info.Description {
					t.Errorf("described as %+v", got.Info)
				}
			}
			for _, n := range []int{3} {
				opts.Threads = n
				if again, _ := writeWIM(t, opts, one, two); !bytes.Equal(b, again) {
					t.Fatalf("%d threads give other bytes", n)
				}
			}
			path := filepath.Join(t.TempDir(), "x.wim")
			must(t, os.WriteFile(path, b, 0o644))
			wimtest.Wimlib(t, "verify", path)
			wimtest.Wimlib(t, "dir", path, "1", "--detailed")
		})
	}
}

// sameContents compares every stream with its source.
func sameContents(t *testing.T, f *File, img *Image) {
	t.Helper()
	must(t, img.Walk(func(d *Dentry) error {
		for _, s := range d.Streams {
			if src, ok := s.Source.(*memSource); ok && !bytes.Equal(content(t, f, s.Hash), src.data) {
				t.Errorf("%q, stream %d %q: other contents", d.Path(), s.Kind, s.Name)
			}
		}
		return nil
	}))
}

// A source that is not what it was when it was scanned must fail the whole, and leave nothing that opens.
func TestSourcesThatChangeAreRefused(t *testing.T) {
	big := bytes.Repeat([]byte("x"), smallContent+100)
	for name, src := range map[string]*memSource{
		"short":       {data: []byte("abc"), told: 4},
		"long":        {data: []byte("abc"), told: 2},
		"large short": {data: big, told: int64(len(big) + 1)},
		"large long":  {data: big, told: int64(len(big) - 1)},
		"gone":        {data: []byte("abc"), gone: true},
		"close":       {data: []byte("abc"), fail: ErrChanged},
		"empty":       {data: []byte("abc"), told: -1},
	} {
		for _, solid := range []bool{false, true} {
			src.path = "some/file"
			img := &Image{Root: newDir("")}
			img.Root.Children = []*Dentry{{Name: "f", Parent: img.Root, Streams: []Stream{{Source: src}}}}
			m := &memFile{}
			w, err := Create(m, WriterOptions{Compression: XPRESS, Solid: solid, SolidCompression: LZX})
			must(t, err)
			must(t, w.Image(img, nil))
			_, err = w.Finish(context.Background())
			if err == nil || !strings.Contains(err.Error(), "some/file") || name != "empty" && !errors.Is(err, ErrChanged) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := open(m.b); err == nil {
				t.Errorf("%s: what is left opens", name)
			}
		}
	}
}

// Equal contents are stored once, and one Source is read once.
func TestEqualContentsAreStoredOnce(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), smallContent/5)
	shared := &memSource{path: "shared", data: []byte("once")}
	img := &Image{Root: newDir("")}
	for i, src := range []*memSource{shared, {path: "b", data: big}, {path: "c", data: slices.Clone(big)}, shared, {path: "e", data: []byte("once")}} {
		img.Root.Children = append(img.Root.Children, &Dentry{Name: fmt.Sprint(i), Parent: img.Root, Streams: []Stream{{Source: src}}})
	}
	_, f := writeWIM(t, WriterOptions{Compression: XPRESS}, img)
	if n := f.Count(); n != 3 {
		t.Errorf("%d resources, want metadata and two contents", n)
	}
	if shared.opens != 1 {
		t.Errorf("one source was opened %d times", shared.opens)
	}
	for _, d := range img.Root.Children {
		r, ok := f.Lookup(d.Data())
		if want := map[int64]uint32{4: 3, int64(len(big)): 2}[r.Size]; !ok || r.Refs != want {
			t.Errorf("%q: %d references, want %d", d.Name, r.Refs, want)
		}
	}
	if info := f.Images()[0]; info.FileCount != 5 || info.DirCount != 1 || info.TotalBytes != int64(12+2*len(big)) {
		t.Errorf("%+v", info)
	}
}
