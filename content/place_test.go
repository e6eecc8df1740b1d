package content

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/content/device"
	"github.com/wimcast/wimcast/internal/looptest"
	"github.com/wimcast/wimcast/internal/wimtest"
)

// packed is a content with its manifest.
type packed struct {
	cut
	signed *catalog.SignedManifest
}

func pack(t testing.TB, path string, kind catalog.Kind) packed {
	t.Helper()
	p := packed{cut: cutAll(t, path, OpenConfig{Kind: kind, Name: "x"})}
	m := &catalog.Manifest{Name: "x", Version: "1", Kind: p.kind, Size: uint64(len(p.all))}
	src, err := Open(t.Context(), path, OpenConfig{Kind: kind, Name: "x", Scratch: t.TempDir()})
	must(t, err)
	must(t, src.Split(t.Context(), func(c chunk.Piece, id chunk.ID) error {
		m.Chunks = append(m.Chunks, catalog.ManifestChunk{ID: id, Size: uint32(len(c.Data)), Prologue: c.Prologue})
		return nil
	}))
	must(t, src.Close())
	p.signed, err = catalog.SignManifest(m, catalog.KeyFromSeed(make([]byte, 32)))
	must(t, err)
	return p
}

// blocks are the content's, in some order.
func (p packed) blocks(rng *rand.Rand) []chunk.Block {
	var out []chunk.Block
	for i := range uint32(p.signed.Layout.Len()) {
		if p.signed.Layout.IsBlock(i) {
			out = append(out, chunk.Block(i))
		}
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// feed puts up to n blocks of those that the sink needs, in the order given, and commits now and then. It says whether nothing is needed
// any more.
func feed(t testing.TB, s Sink, p packed, order []chunk.Block, n int) bool {
	t.Helper()
	for {
		need, final, err := s.Needs()
		must(t, err)
		if len(need) == 0 && final {
			return true
		}
		for i, b := range order {
			if !slices.Contains(need, b) {
				continue
			}
			if n--; n < 0 {
				return false
			}
			must(t, s.Put(t.Context(), b, bytes.Clone(p.pieces[b])))
			if i%5 == 0 {
				_, err := s.Commit()
				must(t, err)
			}
		}
		_, err = s.Commit()
		must(t, err)
	}
}

// Whatever order blocks come in, and wherever it stops in between, the bytes are the same.
func TestDiskIsTheSameInEveryOrder(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	const size = 24 << 20
	image := sparse(t, size, map[int64][]byte{0: noise(1, 900_000), 9 << 20: noise(2, 2<<20), size - 3: []byte("end")})
	p := pack(t, image, catalog.KindDisk)
	device := looptestOrFile(t, size+4096)
	for name, disk := range map[string]string{"file": filepath.Join(t.TempDir(), "disk.img"), "device": device} {
		t.Run(name, func(t *testing.T) {
			for round := range 3 {
				must(t, scribble(disk, round))
				to := Target{Disk: disk, State: filepath.Join(t.TempDir(), "state"), Overwrite: true}
				for stop := rng.IntN(8); ; stop += 1 + rng.IntN(20) {
					place, err := OpenPlace(to)
					must(t, err)
					s, err := place.Sink(p.signed)
					must(t, err)
					done := feed(t, s, p, p.blocks(rng), stop)
					if done {
						report, err := s.Finish(t.Context(), nil)
						must(t, err)
						if report.ReadBack != size {
							t.Errorf("read back %d bytes", report.ReadBack)
						}
					}
					must(t, s.Close()) // a kill loses what was not committed; what was, the next run finds
					must(t, place.Close(done))
					if done {
						break
					}
					to.Overwrite = false // it is ours
				}
				got, err := os.ReadFile(disk)
				must(t, err)
				if !bytes.Equal(got[:size], p.all) {
					t.Fatal("the disk has other bytes than the image")
				}
			}
		})
	}
}

// looptestOrFile gives a block device where there can be one, else a file.
func looptestOrFile(t *testing.T, size int64) string {
	t.Helper()
	if os.Geteuid() == 0 {
		return looptest.New(t, size)
	}
	return filepath.Join(t.TempDir(), "device.img")
}

// scribble has something stand on a disk.
func scribble(disk string, round int) error {
	f, err := os.OpenFile(disk, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(bytes.Repeat([]byte{byte(0x11 * round)}, 5<<20))
	return errors.Join(err, f.Close())
}

func TestFolderIsTheSameInEveryOrder(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	dir := tree(t, map[string][]byte{"a/b/c": noise(1, 1<<20), "d": noise(2, 100), "e": noise(3, 400_000), "f/g": nil})
	p := pack(t, dir, 0)
	for range 4 {
		to := Target{Dir: filepath.Join(t.TempDir(), "target")}
		for stop := 1 + rng.IntN(6); ; stop += 1 + rng.IntN(6) {
			place, err := OpenPlace(to)
			must(t, err)
			s, err := place.Sink(p.signed)
			must(t, err)
			done := feed(t, s, p, p.blocks(rng), stop)
			if done {
				report, err := s.Finish(t.Context(), nil)
				must(t, err)
				if report.Apply == nil || report.Apply.Files != 4 {
					t.Errorf("applied %+v", report.Apply)
				}
			}
			must(t, s.Close())
			must(t, place.Close(done))
			if done {
				break
			}
		}
		diff, err := apply.Compare(dir, to.Dir, false)
		if err != nil || len(diff) > 0 {
			t.Fatalf("the folder is another: %v, %v", diff, err)
		}
	}
}

func TestAnOutputMakesAnyContentAFile(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	path := filepath.Join(t.TempDir(), "x.wim")
	p := pack(t, tree(t, map[string][]byte{"a": noise(1, 1000)}), catalog.KindFolder)
	o, err := OpenOutput(path, false)
	must(t, err)
	defer o.Close()
	s, err := o.Sink(p.signed)
	must(t, err)
	if !feed(t, s, p, p.blocks(rng), 1000) {
		t.Fatal("it needs more than there is")
	}
	_, err = s.Finish(t.Context(), nil)
	must(t, err)
	must(t, s.Close())
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, p.all) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := o.Sink(p.signed); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if _, err := OpenOutput(path, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
}

func TestUnfitPlacesAreRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, []byte("something"), 0o600))
	full := tree(t, map[string][]byte{"something": nil})
	disk := pack(t, sparse(t, 5<<20, map[int64][]byte{0: noise(1, 100)}), catalog.KindDisk)
	folder := pack(t, tree(t, map[string][]byte{"a": noise(1, 10)}), 0)
	plain := pack(t, file, 0)
	old := plain
	manifest := *old.signed.Manifest
	manifest.Kind = catalog.KindFolder // a package of an earlier version: any file
	old.signed = &catalog.SignedManifest{Manifest: &manifest, Layout: old.signed.Layout}
	dir := t.TempDir()
	for _, c := range []struct {
		to   Target
		p    packed
		err  error
		says string
	}{
		{Target{Disk: file}, disk, device.ErrHolds, "data"},
		{Target{Dir: dir}, disk, ErrNotToDir, "a disk"},
		{Target{Disk: filepath.Join(dir, "new")}, folder, ErrNotToDisk, "a folder"},
		{Target{Disk: filepath.Join(dir, "new")}, plain, ErrNotToDisk, "a file"},
		{Target{Dir: full}, folder, apply.ErrNotEmpty, "something"},
		{Target{Dir: dir}, old, nil, "plain file"},
	} {
		c.to.State = filepath.Join(dir, "state")
		place, err := OpenPlace(c.to)
		if err == nil {
			_, err = place.Sink(c.p.signed)
			must(t, place.Close(false))
		}
		if err == nil || c.err != nil && !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v to %+v: %v, want %v with %q", c.p.kind, c.to, err, c.err, c.says)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "something" {
		t.Errorf("the file has %q, %v", got, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A journal allows to go on only with its own content.
func TestAnotherContentNeedsTheWordAgain(t *testing.T) {
	image := sparse(t, 3<<20, map[int64][]byte{0: noise(1, 1<<20), 2 << 20: noise(2, 1<<19)})
	p := pack(t, image, catalog.KindDisk)
	to := Target{Disk: filepath.Join(t.TempDir(), "disk.img"), State: filepath.Join(t.TempDir(), "a [dir]")}
	place, err := OpenPlace(to)
	must(t, err)
	s, err := place.Sink(p.signed)
	must(t, err)
	feed(t, s, p, p.blocks(rand.New(rand.NewPCG(1, 2))), 3)
	must(t, errors.Join(s.Close(), place.Close(false)))
	other := *p.signed
	other.Hash = catalog.ManifestHash{2}
	for _, c := range []struct {
		signed *catalog.SignedManifest
		err    error
	}{{&other, device.ErrHolds}, {p.signed, nil}} {
		place, err := OpenPlace(to)
		must(t, err)
		s, err := place.Sink(c.signed)
		if !errors.Is(err, c.err) {
			t.Errorf("content %v: %v, want %v", c.signed.Hash, err, c.err)
		}
		if s != nil {
			must(t, s.Close())
		}
		must(t, place.Close(false))
	}
}
