//go:build linux

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
	"sync"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
)

// kindsOfFile are the arguments by which wimlib-imagex captures every kind of WIM file there is.
func kindsOfFile() (all [][]string) {
	for _, c := range []struct {
		name  string
		sizes []int
	}{{"none", []int{0}}, {"XPRESS", []int{12, 16}}, {"LZX", []int{15, 17, 21}}, {"LZMS", []int{15, 18}}} {
		for _, n := range c.sizes {
			args := []string{"--compress=" + c.name}
			if n > 0 {
				args = append(args, fmt.Sprint("--chunk-size=", 1<<n))
			}
			all = append(all, args, append(args[:len(args):len(args)], "--check", "--pipable"))
			if n > 0 {
				all = append(all, []string{"--solid", "--solid-compress=" + c.name, fmt.Sprint("--solid-chunk-size=", 1<<n)})
			}
		}
	}
	return all
}

// What wimlib writes in any way, this package must read as an equal tree.
func TestEveryKindOfFileIsRead(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := t.TempDir()
	randomTree(t, rng, src, 24)
	want := snapshot(t, src, false)
	for _, args := range kindsOfFile() {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "theirs.wim")
			wimtest.Wimlib(t, append([]string{"capture", src, path, "--norpfix"}, args...)...)
			f := openFile(t, path)
			must(t, f.Verify(context.Background(), nil))
			got := t.TempDir()
			extract(t, f, 1, got, false)
			same(t, want, snapshot(t, got, false))
			readAnywhere(t, rng, f)
		})
	}
}

// readAnywhere reads parts of resources from several goroutines, and compares them with what is read from start to end.
func readAnywhere(t *testing.T, rng *rand.Rand, f *File) {
	t.Helper()
	resources := f.Layout().Resources
	var g sync.WaitGroup
	defer g.Wait()
	for range 4 {
		own := rand.New(rand.NewPCG(rng.Uint64(), 2))
		g.Go(func() {
			for range 20 {
				res := resources[own.IntN(len(resources))]
				whole, err := f.Open(res)
				if err != nil {
					t.Error(err)
					return
				}
				b, err := io.ReadAll(whole)
				off := own.Int64N(res.Size)
				part := make([]byte, own.Int64N(res.Size-off)+1)
				if _, err2 := whole.ReadAt(part, off); err != nil || err2 != nil || !bytes.Equal(part, b[off:off+int64(len(part))]) {
					t.Errorf("%s at %d: %v, %v, or other bytes", res.Hash, off, err, err2)
				}
			}
		})
	}
}

// A file that was appended to has several solid runs, whose members wimlib counts on from run to run.
func TestSeveralSolidRuns(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	path := filepath.Join(t.TempDir(), "solid.wim")
	var want []map[string]string
	for i := range 3 {
		src := t.TempDir()
		randomTree(t, rng, src, 30)
		want = append(want, snapshot(t, src, false))
		wimtest.Wimlib(t, []string{"capture", "append", "append"}[i], src, path, fmt.Sprint("image ", i), "--norpfix", "--solid", fmt.Sprint("--solid-chunk-size=", 1<<(15+i)))
	}
	f := openFile(t, path)
	must(t, f.Verify(context.Background(), nil))
	runs := 0
	for _, r := range f.Layout().Runs {
		if r.Solid {
			runs++
		}
	}
	if runs != 3 {
		t.Errorf("%d solid runs", runs)
	}
	for i, w := range want {
		got := t.TempDir()
		extract(t, f, i+1, got, false)
		same(t, w, snapshot(t, got, false))
	}
}

// inputs opens files for OpenSet.
func inputs(t *testing.T, paths ...string) (in []Input) {
	t.Helper()
	for _, p := range paths {
		r, err := os.Open(p)
		must(t, err)
		t.Cleanup(func() { r.Close() })
		info, err := r.Stat()
		must(t, err)
		in = append(in, Input{R: r, Size: info.Size(), Name: filepath.Base(p)})
	}
	return in
}

// splitSet captures a tree with contents of some MB, and splits it; parts are in no order.
func splitSet(t *testing.T, rng *rand.Rand, src string, args ...string) []string {
	t.Helper()
	whole := filepath.Join(t.TempDir(), "whole.wim")
	wimtest.Wimlib(t, append([]string{"capture", src, whole, "--norpfix"}, args...)...)
	dir := t.TempDir()
	wimtest.Wimlib(t, "split", whole, filepath.Join(dir, "part.swm"), "1", "--check")
	paths, err := filepath.Glob(filepath.Join(dir, "*.swm"))
	must(t, err)
	if len(paths) < 3 {
		t.Fatalf("%d parts", len(paths))
	}
	rng.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	return paths
}

func largeTree(t *testing.T, rng *rand.Rand) string {
	t.Helper()
	src := t.TempDir()
	randomTree(t, rng, src, 40)
	for i := range 4 {
		b := make([]byte, 700_000+rng.IntN(200_000))
		for j := range b {
			b[j] = byte(rng.Uint32())
		}
		must(t, os.WriteFile(filepath.Join(src, fmt.Sprint("large", i)), b, 0o644))
	}
	return src
}

func TestSplitSetsAreReadInAnyOrder(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := largeTree(t, rng)
	for _, args := range [][]string{{"--compress=LZX"}, {"--compress=XPRESS"}, {"--compress=none"}} {
		paths := splitSet(t, rng, src, args...)
		in := inputs(t, paths...)
		f, err := OpenSet(in[0], in[1:]...)
		must(t, err)
		must(t, f.Verify(context.Background(), nil))
		got := t.TempDir()
		extract(t, f, 1, got, false)
		same(t, snapshot(t, src, false), snapshot(t, got, false))
		again, err := io.ReadAll(io.NewSectionReader(f.ReaderAt(), 0, f.Size()))
		must(t, err)
		for _, r := range f.Layout().Runs {
			if !bytes.Equal(again[r.Offset:r.End()], at(t, f, r)) {
				t.Errorf("the run at %d is other bytes", r.Offset)
			}
		}
	}
}

// at reads the stored bytes of a run by themselves.
func at(t *testing.T, f *File, r *Run) []byte {
	t.Helper()
	b := make([]byte, r.StoredSize)
	_, err := f.ReaderAt().ReadAt(b, r.Offset)
	must(t, err)
	return b
}

func TestSetsThatAreNotOneAreRefused(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := largeTree(t, rng)
	in := inputs(t, splitSet(t, rng, src, "--compress=none")...)
	other := inputs(t, splitSet(t, rng, src, "--compress=XPRESS")...)
	if _, err := OpenSet(in[0], in[1:len(in)-1]...); !errors.Is(err, ErrMissing) {
		t.Errorf("a missing part: %v", err)
	}
	if _, err := OpenSet(in[0], append(in[1:], in[0])...); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a part that is there twice: %v", err)
	}
	if _, err := OpenSet(in[0], append(in[1:], other[0])...); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a part of another set: %v", err)
	}
	for _, p := range in {
		f, err := Open(p.R, p.Size)
		must(t, err)
		if len(f.Images()) != 1 || f.Images()[0].FileCount == 0 {
			t.Errorf("%s alone says %+v", p.Name, f.Images())
		}
		img, err := f.Image(1)
		if f.Header.Part > 1 {
			if !errors.Is(err, ErrMissing) {
				t.Errorf("the image of part %d: %v", f.Header.Part, err)
			}
			continue
		}
		must(t, err)
		missing := 0
		must(t, img.Walk(func(d *Dentry) error {
			if h := d.Data(); !h.IsZero() {
				if _, err := f.Find(h); errors.Is(err, ErrMissing) {
					missing++
				}
			}
			return nil
		}))
		if missing == 0 {
			t.Error("nothing is missing in one part")
		}
	}
}

// A delta and its base, which is whole or split.
func TestDeltasAreReadWithTheirBase(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := largeTree(t, rng)
	dir := t.TempDir()
	base, delta := filepath.Join(dir, "base.wim"), filepath.Join(dir, "delta.wim")
	wimtest.Wimlib(t, "capture", src, base, "--norpfix", "--compress=LZX")
	must(t, os.WriteFile(filepath.Join(src, "new"), wimtest.RandomContent(rng, 100_000), 0o644))
	wimtest.Wimlib(t, "capture", src, delta, "--norpfix", "--compress=XPRESS", "--delta-from="+base)
	parts := splitSet(t, rng, src)
	for _, bases := range [][]string{{base}, parts} {
		in := inputs(t, append([]string{delta}, bases...)...)
		f, err := OpenSet(in[0], in[1:]...)
		must(t, err)
		must(t, f.Verify(context.Background(), nil))
		got := t.TempDir()
		extract(t, f, 1, got, false)
		same(t, snapshot(t, src, false), snapshot(t, got, false))
	}
	if err := openFile(t, delta).Verify(context.Background(), nil); !errors.Is(err, ErrMissing) {
		t.Errorf("a delta alone: %v", err)
	}
}
