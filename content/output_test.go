package content

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk/disk"
	"github.com/wimcast/wimcast/content/device"
	"github.com/wimcast/wimcast/internal/vfs"
)

// put puts all of a content into a sink.
func put(t *testing.T, s Sink, p packed) {
	t.Helper()
	if !feed(t, s, p, p.blocks(rand.New(rand.NewPCG(1, 2))), 1000) {
		t.Fatal("it needs more than there is")
	}
	_, err := s.Finish(t.Context(), nil)
	must(t, err)
	must(t, s.Close())
}

// A link is followed, to a file that is there, one that is not, and over another link; it stays a link.
func TestAnOutputFollowsLinks(t *testing.T) {
	p := pack(t, tree(t, map[string][]byte{"a": noise(1, 1000)}), catalog.KindFolder)
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "sub", "there"), []byte("old"), 0o600))
	for link, to := range map[string]string{
		"a":     "sub/there",
		"b":     filepath.Join(dir, "sub", "not-yet"),
		"c":     "b2",
		"b2":    "sub/../sub/last",
		"sub/d": "../up",
	} {
		must(t, os.Symlink(filepath.FromSlash(to), filepath.Join(dir, filepath.FromSlash(link))))
	}
	for link, real := range map[string]string{"a": "sub/there", "b": "sub/not-yet", "c": "sub/last", "sub/d": "up"} {
		path := filepath.Join(dir, filepath.FromSlash(link))
		o, err := OpenOutput(path, true)
		must(t, err)
		s, err := o.Sink(p.signed)
		must(t, err)
		put(t, s, p)
		must(t, o.Close())
		if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", link, err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(real))); err != nil || !bytes.Equal(got, p.all) {
			t.Errorf("%s: %d bytes, %v", real, len(got), err)
		}
	}
}

// What cannot be an output is refused, and nothing is made or changed.
func TestUnfitOutputsAreRefused(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.Mkdir(path("dir"), 0o700))
	must(t, os.WriteFile(path("file"), []byte("old"), 0o600))
	must(t, os.WriteFile(path("protected"), []byte("old"), 0o444))
	must(t, os.Symlink("dir", path("to-dir")))
	must(t, os.Symlink("round", path("round")))
	must(t, os.Symlink("nowhere/file", path("lost")))
	must(t, os.Symlink("protected", path("to-protected")))
	must(t, os.Symlink(os.DevNull, path("to-null")))
	before := names(t, dir)
	for _, c := range []struct {
		path    string
		replace bool
		err     error
	}{
		{path("dir"), true, ErrNoFile},
		{path("to-dir"), true, ErrNoFile},
		{path("new") + string(filepath.Separator), false, ErrNoFile},
		{"", false, ErrNoFile},
		{path("file"), false, fs.ErrExist},
		{path("protected"), true, ErrProtected},
		{path("to-protected"), true, ErrProtected},
		{path("round"), true, nil},
		{path("lost"), true, fs.ErrNotExist},
		{path("nowhere/file"), true, fs.ErrNotExist},
		{os.DevNull, true, ErrNoFile},
		{path("to-null"), true, ErrNoFile},
	} {
		o, err := OpenOutput(c.path, c.replace)
		if err == nil {
			o.Close()
		}
		if err == nil || c.err != nil && !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.path, err, c.err)
		}
	}
	if after := names(t, dir); !slices.Equal(before, after) {
		t.Errorf("there is %v, and was %v", after, before)
	}
	if got, err := os.ReadFile(path("protected")); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := OpenPlace(Target{Disk: path("protected"), Overwrite: true}); !errors.Is(err, device.ErrReadOnly) {
		t.Errorf("a disk that is a protected file: %v", err)
	}
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// roomFS says that so many bytes fit.
type roomFS struct {
	vfs.FS
	room int64
}

func (f roomFS) Room() (int64, bool) { return f.room, true }

// What does not fit is refused before anything is made; holes need no room, and what is there already counts.
func TestWhatDoesNotFitIsRefusedFirst(t *testing.T) {
	image := sparse(t, 8<<20, map[int64][]byte{0: noise(1, 1<<20)})
	p := pack(t, image, catalog.KindFile)
	dir := t.TempDir()
	fsys, err := vfs.OS(dir)
	must(t, err)
	defer fsys.Close()
	r := received{p.signed.Manifest, p.signed.Hash, p.signed.Layout}
	if _, err := fileSink(roomFS{fsys, 1 << 19}, "x", r, false); !errors.Is(err, vfs.ErrNoRoom) {
		t.Errorf("a megabyte of data into half of one: %v", err)
	}
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	s, err := fileSink(roomFS{fsys, 2 << 20}, "x", r, false)
	if err != nil {
		t.Fatalf("a megabyte of data and seven of holes into two: %v", err)
	}
	if !feed(t, s, p, p.blocks(rand.New(rand.NewPCG(1, 2))), 1000) {
		t.Fatal("it needs more than there is")
	}
	must(t, s.Close())
	if disk.Begun(fsys, "x") > 0 { // a file system of memory may not say
		if s, err = fileSink(roomFS{fsys, 1 << 18}, "x", r, false); err != nil {
			t.Fatalf("what is there already does not count: %v", err)
		}
		must(t, s.Close())
	}
}

// An image is measured by what arrives of it, and one of several by its files once its tree is known; before the target is touched.
func TestAnImageThatDoesNotFitLeavesTheTargetAlone(t *testing.T) {
	p := pack(t, tree(t, map[string][]byte{"a": noise(1, 1<<20), "b": noise(1, 1<<20), "c": noise(2, 1<<20)}), catalog.KindFolder)
	for _, c := range []struct {
		image      int
		room       int64
		sink, fits bool // it is known when the sink is made; when the tree is
	}{
		{0, 1 << 20, false, false},
		{0, 5 << 19, true, false}, // what is twice in it comes once
		{0, 4 << 20, true, true},
		{1, 1 << 20, true, false},
		{1, 4 << 20, true, true},
	} {
		dir := t.TempDir()
		place, err := OpenPlace(Target{Dir: dir, Image: c.image})
		must(t, err)
		place.fsys = roomFS{place.fsys, c.room}
		s, err := place.Sink(p.signed)
		if errors.Is(err, vfs.ErrNoRoom) == c.sink {
			t.Errorf("3 MiB of files, image %d, into %d bytes: %v", c.image, c.room, err)
		}
		if err == nil {
			for _, b := range p.blocks(rand.New(rand.NewPCG(3, 4))) {
				if err = s.Put(t.Context(), b, bytes.Clone(p.pieces[b])); err != nil {
					break
				}
			}
			must(t, s.Close())
		}
		must(t, place.Close(false))
		if errors.Is(err, vfs.ErrNoRoom) == c.fits {
			t.Errorf("3 MiB of files, image %d, into %d bytes: %v", c.image, c.room, err)
		}
		if left := names(t, dir); !c.fits && len(left) > 0 {
			t.Errorf("the target has %v", left)
		}
	}
}
