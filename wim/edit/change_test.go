package edit

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Size()
}

func TestDeleteImage(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := makeWIM(t, rng, wim.WriterOptions{Compression: wim.XPRESS, BootIndex: 2, Check: true}, 20_000, twoImages...)
	all := look(t, src)
	for _, soft := range []bool{false, true} {
		first, second := clone(t, src), clone(t, src)
		_, err := Delete(bg, first, 1, DeleteOptions{Soft: soft})
		must(t, err)
		got := look2(t, first, soft)
		if len(got.Images) != 1 || got.Boot != 1 || !got.Integrity || got.Images[0].Metadata != all.Images[1].Metadata {
			t.Errorf("soft %v: the file has %+v", soft, got)
		}
		if smaller := size(t, first) < size(t, src); smaller == soft {
			t.Errorf("soft %v: the file has %d bytes after %d", soft, size(t, first), size(t, src))
		}
		_, err = Delete(bg, second, 2, DeleteOptions{Soft: soft, Options: Options{Integrity: DropIntegrity}})
		must(t, err)
		if got = look2(t, second, soft); got.Boot != 0 || got.Integrity {
			t.Errorf("soft %v: the file has %+v", soft, got)
		}
		_, err = Delete(bg, second, All, DeleteOptions{Soft: soft})
		must(t, err)
		if got = look2(t, second, soft); len(got.Images) != 0 {
			t.Errorf("soft %v: the file has %+v", soft, got)
		}
		_, err = Delete(bg, second, 1, DeleteOptions{Soft: soft})
		var none *wim.NoImageError
		if !errors.As(err, &none) {
			t.Errorf("delete what is not there: %v", err)
		}
		_, err = Optimize(bg, first, Storage{}, Options{})
		must(t, err)
		if got = look(t, first); len(got.Resources) != 3 || got.Boot != 1 {
			t.Errorf("optimised, the file has %+v", got)
		}
		if info, err := os.Stat(first); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("the mode became %v", info.Mode())
		}
		alone(t, first)
	}
}

// look2 is look, for a file that may have lost images softly: then it has no more resources than references.
func look2(t *testing.T, path string, soft bool) state {
	t.Helper()
	s := look(t, path)
	for hash, refs := range s.Resources {
		if refs == 0 && !soft {
			t.Errorf("resource %s is there, and no image has it", hash)
		}
	}
	return s
}

func TestOptimize(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := makeWIM(t, rng, wim.WriterOptions{Compression: wim.XPRESS, BootIndex: 1, Check: true}, 100_000, twoImages...)
	want := look(t, src)
	guid := openWIM(t, src).Header.GUID
	for _, s := range []Storage{
		{},
		{Recompress: true},
		{Compression: Compress(wim.XPRESS)},
		{Compression: Compress(wim.LZX), Level: 30},
		{PieceSize: 8192},
		{Solid: true, SolidCompression: wim.LZX, SolidPieceSize: 64 << 10},
	} {
		path := clone(t, src)
		stats, err := Optimize(bg, path, s, Options{})
		must(t, err)
		if raw := stats.Copied == stats.Bytes; raw != (s == Storage{}) {
			t.Errorf("%+v: %d bytes of %d were copied as they are", s, stats.Copied, stats.Bytes)
		}
		if openWIM(t, path).Header.GUID != guid {
			t.Errorf("%+v: it got another GUID", s)
		}
		got := look(t, path)
		if got.Solid != s.Solid {
			t.Errorf("%+v: solid is %v", s, got.Solid)
		}
		got.Kind, got.PieceSize, got.Solid = want.Kind, want.PieceSize, want.Solid
		equal(t, "optimize", want, got)
		alone(t, path)
	}
}

// After appends and soft deletes there are holes and contents of nobody; optimising gives a file as if it had been written at once.
func TestOptimizeDropsHoles(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := makeWIM(t, rng, wim.WriterOptions{Compression: wim.XPRESS}, 50_000, twoImages...)
	plain := clone(t, src)
	must1(t)(Optimize(bg, plain, Storage{}, Options{}))
	for range 3 {
		must1(t)(Update(bg, src, 1, parse(t, "rename a b\nrename b a"), UpdateOptions{}))
		name := "more"
		must1(t)(Export(bg, openWIM(t, src), 2, src, ExportOptions{Name: &name}))
		must1(t)(Delete(bg, src, 3, DeleteOptions{Soft: true}))
	}
	if size(t, src) <= size(t, plain) {
		t.Errorf("there are no holes: %d bytes, %d without", size(t, src), size(t, plain))
	}
	must1(t)(Optimize(bg, src, Storage{}, Options{}))
	if d := size(t, src) - size(t, plain); d < -100 || d > 100 {
		t.Errorf("optimised it has %d bytes, %d without holes", size(t, src), size(t, plain))
	}
	equal(t, "optimised", look(t, plain), look(t, src))
}

func TestSetInfo(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := makeWIM(t, rng, wim.WriterOptions{Compression: wim.XPRESS}, 5000, twoImages...)
	path := clone(t, src)
	done, err := SetInfo(bg, path, 2, InfoOptions{Boot: true, Properties: []Property{
		{"NAME", "renamed"}, {"DESCRIPTION", "a & b"}, {"WINDOWS/VERSION/MAJOR", "10"}, {"UNKNOWN/ELEMENT", "kept & <safe>"},
	}})
	must(t, err)
	if len(done.Properties) != 3 || !done.Boot {
		t.Errorf("it did %+v", done)
	}
	want := look(t, src)
	want.Boot, want.Images[1].Name, want.Images[1].Description = 2, "renamed", "a & b"
	equal(t, "info", want, look(t, path))
	info := openWIM(t, path).Images()[1]
	for p, want := range map[string]string{"WINDOWS/VERSION/MAJOR": "10", "UNKNOWN/ELEMENT": "kept & <safe>"} {
		if v, _ := info.Property(p); v != want {
			t.Errorf("%s is %q", p, v)
		}
	}

	// Nothing to do: nothing is written, and not what is wrong.
	before := digest(t, path)
	for _, c := range []struct {
		n    int
		opts InfoOptions
		want string
	}{
		{2, InfoOptions{Boot: true, Properties: []Property{{"NAME", "renamed"}}, Options: Options{Integrity: AddIntegrity}}, ""},
		{2, InfoOptions{Properties: []Property{{"NAME", "first"}}}, "image 1 has the name"},
		{3, InfoOptions{Properties: []Property{{"NAME", "x"}}}, "find image 3"},
		{0, InfoOptions{Properties: []Property{{"NAME", "x"}}}, "find image 0"},
		{1, InfoOptions{Properties: []Property{{"a b", "x"}}}, "a b"},
		{1, InfoOptions{Properties: []Property{{"X[3]", "x"}}}, "X"},
		{1, InfoOptions{Properties: []Property{{"NAME", "\x01"}}}, "plain text"},
	} {
		_, err := SetInfo(bg, path, c.n, c.opts)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("info %d %+v: %v, want %q", c.n, c.opts.Properties, err, c.want)
		}
	}
	if digest(t, path) != before {
		t.Error("the file changed")
	}
	must1(t)(SetInfo(bg, path, 0, InfoOptions{Boot: true, Options: Options{Integrity: AddIntegrity}}))
	if got := look(t, path); got.Boot != 0 || !got.Integrity {
		t.Errorf("the file has %+v", got)
	}
}

// Two changes of one file at a time would destroy it.
func TestAFileIsChangedByOneAtATime(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	path := makeWIM(t, rng, wim.WriterOptions{}, 1000, twoImages...)
	h, err := openHandle(path)
	must(t, err)
	before := digest(t, path)
	for what, err := range map[string]error{
		"export":   second(Export(bg, openWIM(t, path), 1, path, ExportOptions{})),
		"delete":   second(Delete(bg, path, 1, DeleteOptions{})),
		"optimize": second(Optimize(bg, path, Storage{}, Options{})),
		"info":     second(SetInfo(bg, path, 1, InfoOptions{Properties: []Property{{"NAME", "x"}}})),
		"update":   second(Update(bg, path, 1, parse(t, "delete a"), UpdateOptions{})),
	} {
		if !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if digest(t, path) != before {
		t.Error("the file changed")
	}
	must(t, h.close())

	// Whoever chose an image before the file was locked can look again.
	changed := errors.New("it changed")
	locked := Options{Locked: func(f *wim.File) error {
		if len(f.Images()) != 2 {
			t.Errorf("the file has %d images", len(f.Images()))
		}
		return changed
	}}
	for what, err := range map[string]error{
		"delete": second(Delete(bg, path, 1, DeleteOptions{Options: locked})),
		"info":   second(SetInfo(bg, path, 1, InfoOptions{Options: locked, Boot: true})),
		"update": second(Update(bg, path, 1, parse(t, "delete a"), UpdateOptions{Options: locked})),
	} {
		if !errors.Is(err, changed) || digest(t, path) != before {
			t.Errorf("%s: %v", what, err)
		}
	}
	must1(t)(Delete(bg, path, 1, DeleteOptions{}))

	// A file that was replaced before it was locked is not the one that is changed.
	stale, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer stale.Close()
	must1(t)(Optimize(bg, path, Storage{}, Options{}))
	must1(t)(SetInfo(bg, path, 1, InfoOptions{Properties: []Property{{"NAME", "x"}}}))
	if got := look(t, path); got.Images[0].Name != "x" {
		t.Errorf("the image has the name %q", got.Images[0].Name)
	}
}

// What may not be changed is refused, as is what is no file.
func TestWhatMayNotBeChanged(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	readOnly := makeWIM(t, rng, wim.WriterOptions{Flags: wim.FlagReadOnly}, 1000, twoImages...)
	parts, err := Split(bg, makeWIM(t, rng, wim.WriterOptions{}, 1000, twoImages...), filepath.Join(t.TempDir(), "s.swm"), 5000, Options{})
	must(t, err)
	dir := t.TempDir()
	for path, want := range map[string]error{readOnly: ErrReadOnly, parts[0]: ErrReadOnly, parts[1]: ErrReadOnly, filepath.Join(dir, "nope"): fs.ErrNotExist, dir: nil} {
		for what, err := range map[string]error{
			"delete":   second(Delete(bg, path, 1, DeleteOptions{})),
			"optimize": second(Optimize(bg, path, Storage{}, Options{})),
			"info":     second(SetInfo(bg, path, 1, InfoOptions{Boot: true})),
			"update":   second(Update(bg, path, 1, parse(t, "delete a"), UpdateOptions{})),
		} {
			if err == nil || want != nil && !errors.Is(err, want) {
				t.Errorf("%s %s: %v, want %v", what, path, err, want)
			}
		}
	}
}

// A link to a file stays one.
func TestALinkedFileIsChangedWhereItIs(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	path := makeWIM(t, rng, wim.WriterOptions{}, 1000, twoImages...)
	link := filepath.Join(t.TempDir(), "link.wim")
	must(t, os.Symlink(path, link))
	must1(t)(Optimize(bg, link, Storage{}, Options{}))
	must1(t)(Delete(bg, link, 1, DeleteOptions{}))
	if got := look(t, path); len(got.Images) != 1 {
		t.Errorf("the file has %d images", len(got.Images))
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link became %v", info)
	}
}

// Whenever a change is interrupted, the file is what it was.
func TestInterruptedChangesLeaveTheFile(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	path := makeWIM(t, rng, wim.WriterOptions{Compression: wim.XPRESS, Check: true}, 100_000, twoImages...)
	before := digest(t, path)
	ctx, cancel := context.WithCancel(bg)
	cancel()
	name := "x"
	for what, err := range map[string]error{
		"export":         second(Export(ctx, openWIM(t, path), 1, path, ExportOptions{Name: &name})),
		"export rebuild": second(Export(ctx, openWIM(t, path), 1, path, ExportOptions{Name: &name, Rebuild: true})),
		"delete":         second(Delete(ctx, path, 1, DeleteOptions{})),
		"soft delete":    second(Delete(ctx, path, 1, DeleteOptions{Soft: true})),
		"optimize":       second(Optimize(ctx, path, Storage{Recompress: true}, Options{})),
		"info":           second(SetInfo(ctx, path, 1, InfoOptions{Properties: []Property{{"NAME", "x"}}})),
		"update":         second(Update(ctx, path, 1, parse(t, "delete a"), UpdateOptions{})),
		"split":          second(Split(ctx, path, path+"s", 1000, Options{})),
		"join":           second(Join(ctx, path+"j", []string{path}, Options{})),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if digest(t, path) != before {
		t.Error("the file changed")
	}
	alone(t, path)

	// And with part of the new bytes written.
	broken := &brokenSource{content{"broken", make([]byte, 1<<20)}}
	scan := func(context.Context, string, AddOptions) (*wim.Image, error) {
		img := one()
		img.Root.Streams = []wim.Stream{{Kind: wim.StreamData, Source: broken}}
		return img, nil
	}
	for _, rebuild := range []bool{false, true} {
		cmds := parse(t, "rename a z\nadd broken /new")
		if _, err := Update(bg, path, 1, cmds, UpdateOptions{Scan: scan, Rebuild: rebuild}); !errors.Is(err, errBroken) {
			t.Errorf("update with a file that cannot be read: %v", err)
		}
		if digest(t, path) != before {
			t.Error("the file changed")
		}
		alone(t, path)
	}
}

// What a change that was killed left behind the end of the file goes with the next one.
func TestLeftoversAreCutOff(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	path := makeWIM(t, rng, wim.WriterOptions{Compression: wim.XPRESS}, 1000, twoImages...)
	want, plain := look(t, path), size(t, path)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.Write(make([]byte, 1<<20))
	must(t, err)
	must(t, f.Close())
	must1(t)(SetInfo(bg, path, 1, InfoOptions{Boot: true}))
	want.Boot = 1
	equal(t, "info", want, look(t, path))
	if got := size(t, path); got > plain+20_000 {
		t.Errorf("the file has %d bytes, at first %d", got, plain)
	}
}
