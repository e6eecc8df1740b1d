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

// appendWIM goes on with the file in b and opens what comes out.
func appendWIM(t *testing.T, b []byte, opts WriterOptions, fill func(w *Writer, old *File)) ([]byte, *File) {
	t.Helper()
	m := &memFile{b: slices.Clone(b)}
	old, err := open(slices.Clone(b))
	must(t, err)
	w, err := Append(m, old, opts)
	must(t, err)
	fill(w, old)
	stats, err := w.Finish(context.Background())
	must(t, err)
	m.b = m.b[:stats.Size]
	f, err := open(m.b)
	must(t, err)
	must(t, f.Verify(context.Background(), nil))
	return m.b, f
}

// refsAreRight counts the references of all images and compares them with the blob table.
func refsAreRight(t *testing.T, f *File) {
	t.Helper()
	count := make(map[SHA1]uint32)
	for n := range f.Images() {
		img, err := f.Image(n + 1)
		must(t, err)
		must(t, img.Walk(func(d *Dentry) error {
			for _, s := range d.Streams {
				count[s.Hash]++
			}
			return nil
		}))
	}
	for _, r := range f.Resources() {
		if !r.IsMetadata() && r.Refs != count[r.Hash] {
			t.Errorf("resource %s has %d references, the table says %d", r.Hash, count[r.Hash], r.Refs)
		}
	}
}

// An image can be added, replaced, dropped and described anew in place, and all else stays.
func TestAppendKeepsWhatIsThere(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	for name, opts := range writerVariants() {
		t.Run(name, func(t *testing.T) {
			one, two, three := sourceTree(rng, "one", 12), sourceTree(rng, "two", 12), sourceTree(rng, "three", 12)
			graft(three.Root, one.Root, "both") // what the file has already
			b, f := writeWIM(t, opts, one, two)
			also := WriterOptions{Solid: opts.Solid, SolidCompression: opts.SolidCompression, SolidPieceSize: opts.SolidPieceSize, Level: 10, SolidLevel: 10}
			grown, g := appendWIM(t, b, also, func(w *Writer, _ *File) { must(t, w.Image(three, nil)) })
			if !bytes.HasPrefix(grown[HeaderSize:], b[HeaderSize:]) {
				t.Error("what was there has changed")
			}
			if g.Header.GUID != f.Header.GUID || g.Header.BootIndex != opts.BootIndex || (g.Header.Integrity.Size > 0) != opts.Check || g.Header.Flags != f.Header.Flags {
				t.Errorf("the header was %+v and is %+v", f.Header, g.Header)
			}
			refsAreRight(t, g)
			for i, img := range []*Image{one, two, three} {
				got, err := g.Image(i + 1)
				must(t, err)
				sameImage(t, img, got)
				sameContents(t, g, img)
			}
			less, h := appendWIM(t, grown, also, func(w *Writer, old *File) {
				must(t, w.Drop(1))
				img, err := old.Image(3)
				must(t, err)
				img.Root.Children = img.Root.Children[1:]
				must(t, w.Replace(2, img, nil))
				info := w.Images()[0]
				must(t, info.SetProperty("WINDOWS/EDITIONID", "Core"))
				must(t, w.SetInfo(1, info))
			})
			refsAreRight(t, h)
			if v, _ := h.Images()[0].Property("WINDOWS/EDITIONID"); len(h.Images()) != 2 || v != "Core" || h.Images()[0].Name != "two" {
				t.Errorf("%+v", h.Images())
			}
			path := filepath.Join(t.TempDir(), "x.wim")
			must(t, os.WriteFile(path, less, 0o644))
			wimtest.Wimlib(t, "verify", path)
			wimtest.Wimlib(t, "dir", path, "2", "--detailed")
		})
	}
}

// graft puts a copy of a tree into a directory.
func graft(dir, tree *Dentry, name string) {
	d := *tree
	d.Parent, d.Name, d.Children = dir, name, nil
	d.Streams = slices.Clone(d.Streams)
	dir.Children = append(dir.Children, &d)
	for _, c := range tree.Children {
		graft(&d, c, c.Name)
	}
}

// brokenFile fails at the n-th call, and every one after it. A write that fails may have written something, but never a part of a sector.
type brokenFile struct {
	memFile
	left int
}

var errBroken = errors.New("broken disk")

func (f *brokenFile) Write(p []byte) (int, error) {
	if f.left--; f.left < 0 {
		return f.memFile.Write(p[:len(p)/2&^511])
	}
	return f.memFile.Write(p)
}

func (f *brokenFile) Sync() error {
	if f.left--; f.left < 0 {
		return errBroken
	}
	return nil
}

// Whichever write an append fails at, the file opens and verifies: as it was, or complete.
func TestAppendThatFailsLeavesTheFileAsItWas(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	one, two := sourceTree(rng, "one", 20), sourceTree(rng, "two", 20)
	two.Root.Children = append(two.Root.Children, &Dentry{Name: "z", Parent: two.Root, Streams: []Stream{
		{Source: &memSource{path: "z", data: bytes.Repeat([]byte("0123456789"), 400_000)}},
	}})
	b, _ := writeWIM(t, WriterOptions{Check: true}, one)
	for n := 0; ; n++ {
		old, err := open(slices.Clone(b))
		must(t, err)
		file := &brokenFile{memFile: memFile{b: slices.Clone(b)}, left: n}
		w, err := Append(shortWrites{file}, old, WriterOptions{})
		must(t, err)
		must(t, w.Image(two, nil))
		_, werr := w.Finish(context.Background())
		f, err := open(file.b)
		must(t, err)
		must(t, f.Verify(context.Background(), nil))
		if werr == nil {
			if len(f.Images()) != 2 || n < 5 {
				t.Errorf("%d images after %d calls", len(f.Images()), n)
			}
			return
		}
	}
}

// shortWrites makes an error of every write that is short.
type shortWrites struct{ *brokenFile }

func (f shortWrites) Write(p []byte) (int, error) {
	n, err := f.brokenFile.Write(p)
	if n < len(p) && err == nil {
		err = errBroken
	}
	return n, err
}

// Images and resources can be copied from other files, whatever codecs both have, as they are stored where those agree.
func TestCopiesFromOtherFiles(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	files := fewerIfShort(10)
	one, two := sourceTree(rng, "one", files), sourceTree(rng, "two", files)
	now := time.Unix(1e9, 0)
	for from, fromOpts := range writerVariants() {
		_, f := writeWIM(t, fromOpts, one, two)
		for to, opts := range writerVariants() {
			opts.Time, opts.Level, opts.SolidLevel, opts.BootIndex, opts.Check = now, 5, 5, 0, false
			m := &memFile{}
			w, err := Create(m, opts)
			must(t, err)
			must(t, w.CopyImage(f, 2, f.Images()[1]))
			stats, err := w.Finish(context.Background())
			must(t, err)
			g, err := open(m.b)
			must(t, err)
			must(t, g.Verify(context.Background(), nil))
			refsAreRight(t, g)
			img, err := g.Image(1)
			must(t, err)
			sameImage(t, two, img)
			sameContents(t, g, two)
			if !sameFields(g.Images()[0], f.Images()[1]) {
				t.Errorf("%s to %s: described as %+v", from, to, g.Images()[0])
			}
			if (stats.Copied == stats.Bytes) != (from == to || strings.HasPrefix(from, "none") && strings.HasPrefix(to, "none")) && !opts.Solid {
				t.Errorf("%s to %s: %d of %d bytes were copied as they are", from, to, stats.Copied, stats.Bytes)
			}
		}
	}
}

// A solid run of which most is wanted is copied whole; else what is wanted is packed anew.
func TestSolidRunsAreCopiedWhole(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	opts := WriterOptions{Compression: LZX, Solid: true, SolidCompression: LZX, SolidPieceSize: 1 << 16, Level: 5, SolidLevel: 5}
	small, big := sourceTree(rng, "small", 5), sourceTree(rng, "big", 60)
	big.Root.Children = append(big.Root.Children, &Dentry{Name: "z", Parent: big.Root, Streams: []Stream{
		{Source: &memSource{path: "z", data: wimtest.RandomContent(rng, 8<<20)}},
	}})
	_, f := writeWIM(t, opts, small, big)
	for n, whole := range map[int]bool{1: false, 2: true} {
		m := &memFile{}
		w, err := Create(m, opts)
		must(t, err)
		must(t, w.CopyImage(f, n, f.Images()[n-1]))
		stats, err := w.Finish(context.Background())
		must(t, err)
		g, err := open(m.b)
		must(t, err)
		must(t, g.Verify(context.Background(), nil))
		if whole != (stats.Copied == stats.Bytes) || !whole && stats.Copied != 0 {
			t.Errorf("image %d: %d of %d bytes were copied as they are", n, stats.Copied, stats.Bytes)
		}
	}
}

// The parts of a split set are written one by one, and open as one.
func TestSplitParts(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	img := sourceTree(rng, "one", 40)
	for name, opts := range writerVariants() {
		t.Run(name, func(t *testing.T) {
			opts.BootIndex = 0
			_, f := writeWIM(t, opts, img)
			opts.GUID, opts.Parts, opts.Check = [16]byte{1, 2, 3}, 3, true
			dir := t.TempDir()
			var inputs []Input
			for n := 1; n <= 3; n++ {
				opts.Part = n
				m := &memFile{}
				w, err := Create(m, opts)
				must(t, err)
				must(t, w.CopyImage(f, 1, f.Images()[0]))
				for i, r := range f.Resources() {
					if !r.IsMetadata() && (i%3 == n-1 && !r.Solid || r.Solid && n == 2) {
						must(t, w.Resource(f, i))
					}
				}
				_, err = w.Finish(context.Background())
				must(t, err)
				inputs = append(inputs, Input{R: bytes.NewReader(m.b), Size: int64(len(m.b)), Name: fmt.Sprint(n)})
				must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("x%s.swm", []string{"", "", "2", "3"}[n])), m.b, 0o644))
			}
			g, err := OpenSet(inputs[0], inputs[1:]...)
			must(t, err)
			must(t, g.Verify(context.Background(), nil))
			must(t, g.VerifyIntegrity(context.Background()))
			refsAreRight(t, g)
			got, err := g.Image(1)
			must(t, err)
			sameImage(t, img, got)
			wimtest.Wimlib(t, "verify", filepath.Join(dir, "x.swm"), "--ref="+filepath.Join(dir, "x*.swm"))
		})
	}
}

// A delta has what its base lacks, and opens with it.
func TestDeltas(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	one, two := sourceTree(rng, "one", 40), sourceTree(rng, "two", 10)
	graft(two.Root, one.Root, "both")
	for _, opts := range []WriterOptions{{Compression: XPRESS}, {Compression: LZX, Level: 5, Solid: true, SolidCompression: LZX, SolidPieceSize: 1 << 15}} {
		baseBytes, base := writeWIM(t, opts, one)
		opts.Base = []*File{base}
		b, f := writeWIM(t, opts, two)
		for _, r := range f.Resources() {
			if _, ok := base.Lookup(r.Hash); ok && !r.IsMetadata() {
				t.Errorf("resource %s is in both", r.Hash)
			}
		}
		in := func(b []byte) Input { return Input{R: bytes.NewReader(b), Size: int64(len(b))} }
		g, err := OpenSet(in(b), in(baseBytes))
		must(t, err)
		must(t, g.Verify(context.Background(), nil))
		sameContents(t, g, two)
		if g.Images()[0].TotalBytes == 0 || g.Images()[0].TotalBytes < base.Images()[0].TotalBytes {
			t.Errorf("%d bytes, the base has %d", g.Images()[0].TotalBytes, base.Images()[0].TotalBytes)
		}
		m := &memFile{}
		w, err := Create(m, WriterOptions{})
		must(t, err)
		must(t, w.CopyImage(f, 1, f.Images()[0]))
		if _, err := w.Finish(context.Background()); !errors.Is(err, ErrMissing) {
			t.Errorf("a delta was copied without its base: %v", err)
		}
	}
}

// Going on with any file that opens gives a file that opens, or an error.
func FuzzAppend(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4)) // seeds are the same each time
	for _, opts := range []WriterOptions{{Check: true, Time: time.Unix(1e9, 0)}, {Compression: XPRESS, Solid: true, SolidCompression: XPRESS, Time: time.Unix(1e9, 0)}} {
		b, _ := writeWIM(f, opts, sourceTree(rng, "one", 6), sourceTree(rng, "two", 3))
		f.Add(b, byte(7))
	}
	f.Fuzz(func(t *testing.T, b []byte, how byte) {
		old, err := open(b)
		if err != nil {
			return
		}
		m := &memFile{b: slices.Clone(b)}
		w, err := Append(m, old, WriterOptions{Threads: 1, Solid: how&4 != 0, SolidCompression: XPRESS, Check: how&8 != 0})
		if err != nil {
			return
		}
		if how&1 != 0 && len(w.Images()) > 0 && w.Drop(1) != nil {
			t.Fatal("the first image cannot be dropped")
		}
		img := &Image{Info: ImageInfo{Name: "new"}, Root: newDir("")}
		img.Root.Children = []*Dentry{{Name: "f", Streams: []Stream{{Source: &memSource{path: "f", data: []byte("fuzz")}}}}}
		if how&2 != 0 && w.Image(img, nil) != nil {
			t.Fatal("an image cannot be added")
		}
		images := len(w.Images())
		if _, err := w.Finish(context.Background()); err != nil {
			if again, err := open(m.b); err != nil || len(again.Images()) != len(old.Images()) {
				t.Fatalf("after a failure the file does not open: %v", err)
			}
			return
		}
		again, err := open(m.b)
		if err != nil {
			t.Fatalf("what was written does not open: %v", err)
		}
		if len(again.Images()) != images {
			t.Fatalf("%d images, not %d", len(again.Images()), images)
		}
	})
}

// Options that make no sense, and more than there may be, are refused before anything is written.
func TestWriterRefusesWhatItCannotDo(t *testing.T) {
	for name, o := range map[string]WriterOptions{
		"piece size":        {Compression: XPRESS, PieceSize: 1 << 17},
		"small pieces":      {Compression: LZX, PieceSize: 1 << 14},
		"uneven pieces":     {Compression: XPRESS, PieceSize: 5000},
		"pieces of nothing": {PieceSize: 1 << 15},
		"solid pieces":      {Solid: true, SolidCompression: LZX, SolidPieceSize: 1 << 22},
		"compression":       {Compression: 9},
		"level":             {Level: 101},
		"negative level":    {SolidLevel: -1},
		"threads":           {Threads: MaxThreads + 1},
		"part":              {Part: 3, Parts: 2},
		"parts":             {Part: 1, Parts: MaxParts + 1},
		"flags":             {Flags: FlagLZX},
		"boot":              {BootIndex: -2},
		"check":             {Check: true, NoCheck: true},
		"check size":        {Check: true, CheckSize: minIntegrityPiece - 1},
		"large check size":  {Check: true, CheckSize: maxIntegrityPiece + 1},
	} {
		if _, err := Create(&memFile{}, o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	most := WriterOptions{Threads: MaxThreads, Part: MaxParts, Parts: MaxParts, Level: 100, SolidLevel: 100, Check: true, CheckSize: maxIntegrityPiece}
	if _, err := Create(&memFile{}, most); err != nil {
		t.Errorf("every option at its maximum: %v", err)
	}
	if _, err := Create(struct{ io.WriteSeeker }{&memFile{}}, WriterOptions{Check: true}); err == nil {
		t.Error("an integrity table without reading: no error")
	}
	img := func(name string) *Image { return &Image{Info: ImageInfo{Name: name}, Root: newDir("")} }
	for name, fill := range map[string]func(w *Writer) error{
		"boot image":     func(w *Writer) error { w.opts.BootIndex = 2; return w.Image(img("x"), nil) },
		"equal names":    func(w *Writer) error { return errors.Join(w.Image(img("x"), nil), w.Image(img("x"), nil)) },
		"name":           func(w *Writer) error { return w.Image(img("a\x01"), nil) },
		"missing":        func(w *Writer) error { return w.Image(withHash(img("x"), SHA1{1}), nil) },
		"source in part": func(w *Writer) error { w.opts.Parts = 2; return w.Image(withSource(img("x")), nil) },
	} {
		m := &memFile{}
		w, err := Create(m, WriterOptions{})
		must(t, err)
		must(t, fill(w))
		if _, err := w.Finish(context.Background()); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := open(m.b); err == nil {
			t.Errorf("%s: what is left opens", name)
		}
		if _, err := w.Finish(context.Background()); err == nil {
			t.Errorf("%s: finished twice", name)
		}
	}
	w, err := Create(&memFile{}, WriterOptions{})
	must(t, err)
	for range MaxImages {
		must(t, w.Image(img(""), nil))
	}
	if w.Image(img(""), nil) == nil || w.Drop(0) == nil || w.Drop(MaxImages+1) == nil || w.Replace(0, img(""), nil) == nil || w.SetInfo(0, ImageInfo{}) == nil {
		t.Error("images that cannot be are taken")
	}
}

func withHash(img *Image, hash SHA1) *Image {
	img.Root.Children = []*Dentry{{Name: "f", Parent: img.Root, Streams: []Stream{{Hash: hash}}}}
	return img
}

func withSource(img *Image) *Image {
	img.Root.Children = []*Dentry{{Name: "f", Parent: img.Root, Streams: []Stream{{Source: &memSource{path: "f", data: []byte("x")}}}}}
	return img
}

// The header of a damaged file may say that something empty stands far behind its end. What is appended does not go there.
func TestAppendGoesBehindWhatIsThere(t *testing.T) {
	b, f := writeWIM(t, WriterOptions{}, sourceTree(wimtest.Seeded(t, *seedFlag), "one", 5))
	h := f.Header
	for _, at := range []*Location{&h.BootMetadata, &h.Integrity} {
		at.Offset = 1 << 40
	}
	copy(b, h.append(nil))
	after, _ := appendWIM(t, b, WriterOptions{}, func(w *Writer, _ *File) { must(t, w.Image(sourceTree(wimtest.Seeded(t, *seedFlag), "two", 5), nil)) })
	if len(after) > 1<<30 {
		t.Errorf("%d bytes became %d", len(b), len(after))
	}
}
