package edit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

// An export to a new file copies everything as it is stored, metadata and description too.
func TestExportCopiesAsItIs(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	for _, opts := range []wim.WriterOptions{
		{},
		{Compression: wim.XPRESS, Flags: wim.FlagRPFix},
		{Compression: wim.LZX, Check: true},
		{Compression: wim.LZX, PieceSize: 64 << 10, Solid: true, SolidCompression: wim.LZX, SolidPieceSize: 1 << 20},
	} {
		src := makeWIM(t, rng, opts, 100_000, twoImages...)
		want := look(t, src)
		dest := filepath.Join(t.TempDir(), "new.wim")
		stats, err := Export(bg, openWIM(t, src), All, dest, ExportOptions{})
		must(t, err)
		if stats.Copied != stats.Bytes || stats.Bytes == 0 {
			t.Errorf("%d bytes of %d were copied as they are", stats.Copied, stats.Bytes)
		}
		want.Integrity = false
		equal(t, "export", want, look(t, dest))
		f := openWIM(t, dest)
		if v, _ := f.Images()[1].Property("UNKNOWN/ELEMENT"); v != "kept & <safe>" {
			t.Errorf("an unknown element became %q", v)
		}
		if f.Header.Flags&wim.FlagRPFix != opts.Flags {
			t.Errorf("the flags are %#x", f.Header.Flags)
		}
	}
}

func TestExportOfOneImageTakesWhatItNeeds(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := makeWIM(t, rng, wim.WriterOptions{Compression: wim.XPRESS, BootIndex: 2}, 5000, twoImages...)
	dest := filepath.Join(t.TempDir(), "new.wim")
	_, err := Export(bg, openWIM(t, src), 2, dest, ExportOptions{Boot: true})
	must(t, err)
	got := look(t, dest)
	if len(got.Images) != 1 || got.Images[0].Name != "second" || got.Boot != 1 || len(got.Resources) != 3 {
		t.Errorf("the file has %+v", got)
	}
	alone(t, dest)

	// A second one goes behind it, with the name that is given, and shares contents.
	name, words := "other", "said of it"
	_, err = Export(bg, openWIM(t, src), 1, dest, ExportOptions{Name: &name, Description: &words})
	must(t, err)
	got = look(t, dest)
	if len(got.Images) != 2 || got.Images[1].Name != name || got.Images[1].Description != words || got.Boot != 1 || got.Integrity {
		t.Errorf("the file has %+v", got)
	}
	must1(t)(Export(bg, openWIM(t, src), All, filepath.Join(t.TempDir(), "all.wim"), ExportOptions{Boot: true}))

	// Rebuilt with another image, it has an integrity table, and the new image boots.
	name = "third"
	_, err = Export(bg, openWIM(t, src), 1, dest, ExportOptions{Name: &name, Boot: true, Rebuild: true, Options: Options{Integrity: AddIntegrity}})
	must(t, err)
	if got = look(t, dest); got.Boot != 3 || !got.Integrity || len(got.Images) != 3 {
		t.Errorf("the file has %+v", got)
	}
	alone(t, dest)
}

// What is refused leaves the destination as it was, to the byte.
func TestExportThatIsRefusedChangesNothing(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := makeWIM(t, rng, wim.WriterOptions{Compression: wim.XPRESS}, 3000, twoImages...)
	dest := filepath.Join(t.TempDir(), "dest.wim")
	must1(t)(Export(bg, openWIM(t, src), 1, dest, ExportOptions{}))
	before := digest(t, dest)
	name := "x"
	for _, c := range []struct {
		n    int
		opts ExportOptions
		want string
	}{
		{1, ExportOptions{}, `an image with the name "first" already`},
		{1, ExportOptions{Rebuild: true}, `an image with the name "first" already`},
		{All, ExportOptions{}, `an image with the name "first" already`},
		{All, ExportOptions{Name: &name}, "is for one image"},
		{All, ExportOptions{Boot: true}, "none of the source's images boots"},
		{3, ExportOptions{}, "find image 3"},
		{-1, ExportOptions{}, "find image -1"},
		{2, ExportOptions{Storage: Storage{Compression: Compress(wim.LZX)}}, "it has XPRESS compression"},
		{2, ExportOptions{Base: []*wim.File{openWIM(t, src)}}, "only a new file"},
	} {
		if _, err := Export(bg, openWIM(t, src), c.n, dest, c.opts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("export %d: %v, want %q", c.n, err, c.want)
		}
	}
	if digest(t, dest) != before {
		t.Error("the destination changed")
	}
	alone(t, dest)

	// So does a source that is damaged, where that shows.
	b, err := os.ReadFile(src)
	must(t, err)
	for _, r := range openWIM(t, src).Layout().Resources {
		for k := r.Offset; k < r.Offset+r.StoredSize; k++ {
			b[k] ^= 0x55
		}
	}
	bad := filepath.Join(t.TempDir(), "bad.wim")
	must(t, os.WriteFile(bad, b, 0o644))
	for _, opts := range []ExportOptions{
		{Storage: Storage{Recompress: true}},
		{Rebuild: true, Storage: Storage{Recompress: true}},
	} {
		if _, err := Export(bg, openWIM(t, bad), 2, dest, opts); !errors.Is(err, wim.ErrCorrupt) {
			t.Errorf("export from a damaged file: %v", err)
		}
	}
	if digest(t, dest) != before {
		t.Error("the destination changed")
	}
	alone(t, dest)
}

func TestExportChangesCompression(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := makeWIM(t, rng, wim.WriterOptions{Compression: wim.XPRESS}, 100_000, twoImages...)
	want := look(t, src)
	for _, s := range []Storage{
		{Compression: Compress(wim.None)},
		{Compression: Compress(wim.LZX), Level: 20},
		{Compression: Compress(wim.XPRESS), PieceSize: 4096},
		{Solid: true, SolidCompression: wim.XPRESS, SolidPieceSize: 64 << 10},
		{Recompress: true},
	} {
		dest := filepath.Join(t.TempDir(), "new.wim")
		stats, err := Export(bg, openWIM(t, src), All, dest, ExportOptions{Storage: s})
		must(t, err)
		if stats.Copied != 0 {
			t.Errorf("%+v: %d bytes were copied as they are", s, stats.Copied)
		}
		got := look(t, dest)
		if s.Compression != nil && got.Kind != *s.Compression || s.PieceSize != 0 && got.PieceSize != s.PieceSize || got.Solid != s.Solid {
			t.Errorf("%+v: the file has %v in %d, solid %v", s, got.Kind, got.PieceSize, got.Solid)
		}
		got.Kind, got.PieceSize, got.Solid = want.Kind, want.PieceSize, want.Solid
		equal(t, "export", want, got)

		// And back.
		again := filepath.Join(t.TempDir(), "again.wim")
		must1(t)(Export(bg, openWIM(t, dest), All, again, ExportOptions{Storage: Storage{Compression: Compress(wim.XPRESS), PieceSize: 32 << 10}}))
		if got = look(t, again); got.Solid && !s.Solid {
			t.Error("it is solid")
		}
		got.Solid = false
		equal(t, "export back", want, got)
	}
}

// A delta is of use only together with its base, which OpenSet takes.
func TestDelta(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	base := makeWIM(t, rng, wim.WriterOptions{Compression: wim.LZX}, 50_000, twoImages[0])
	src := makeWIM(t, rng, wim.WriterOptions{Compression: wim.LZX}, 50_000, "delta: a d/ d/b new")
	delta := filepath.Join(t.TempDir(), "delta.wim")
	must1(t)(Export(bg, openWIM(t, src), 1, delta, ExportOptions{Base: []*wim.File{openWIM(t, base)}}))
	f := openWIM(t, delta)
	if n := f.Count() - 1; n < 1 || n >= 3 {
		t.Errorf("the delta has %d resources", n)
	}
	set := openWIM(t, delta, base)
	must(t, set.Verify(bg, nil))
	whole := filepath.Join(t.TempDir(), "whole.wim")
	must1(t)(Export(bg, set, 1, whole, ExportOptions{}))
	equal(t, "delta and base", look(t, src), look(t, whole))
	if _, err := Export(bg, f, 1, filepath.Join(t.TempDir(), "x.wim"), ExportOptions{}); err == nil {
		t.Error("a delta is exported without its base")
	}
	if _, err := Optimize(bg, delta, Storage{}, Options{}); err == nil {
		t.Error("a delta is optimised without its base")
	}
}
