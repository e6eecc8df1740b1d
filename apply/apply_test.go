package apply

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

var bg = context.Background()

// sampleTree fills dir with files of all kinds and sizes.
func sampleTree(t testing.TB, dir string, seed uint64, large int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	text := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdefgh"[rng.Uint32N(8)&rng.Uint32()&7]
		}
		for range n / 5000 { // noise, so that pieces differ in size
			i := rng.IntN(n)
			for j := i; j < min(n, i+700); j++ {
				b[j] = byte(rng.Uint32())
			}
		}
		return b
	}
	dirs := []string{dir}
	for i := range 6 {
		d := filepath.Join(dirs[rng.IntN(len(dirs))], fmt.Sprintf("dir%d", i))
		must(os.Mkdir(d, 0o755))
		dirs = append(dirs, d)
	}
	var files []string
	add := func(b []byte) {
		name := filepath.Join(dirs[rng.IntN(len(dirs))], fmt.Sprintf("file%d", len(files)))
		must(os.WriteFile(name, b, 0o644))
		files = append(files, name)
	}
	for range 30 {
		add(text(1 + rng.IntN(20000)))
	}
	big := text(large)
	add(big)
	add(big) // a large content that two files share
	add(text(large / 3))
	add(make([]byte, large)) // repeats itself
	add(nil)
	add([]byte("same"))
	add([]byte("same"))
	for i := range 3 {
		must(os.Link(files[rng.IntN(len(files))], filepath.Join(dirs[rng.IntN(len(dirs))], fmt.Sprintf("link%d", i))))
	}
	must(os.Link(files[30], filepath.Join(dir, "biglink")))
	must(os.Symlink("../nowhere", filepath.Join(dirs[2], "rel")))
	must(os.Symlink("dir0", filepath.Join(dir, "todir")))
	for i, f := range append(files, dirs...) {
		at := time.Unix(1.6e9+int64(i), int64(rng.IntN(1e7))*100)
		must(os.Chtimes(f, at, at))
	}
}

// wimOf makes a WIM of dir.
func wimOf(t testing.TB, dir string, c wim.Compression) []byte {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "t.wim"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := capture.Write(bg, f, []capture.Source{{Dir: dir}}, capture.WriteOptions{Writer: wim.WriterOptions{Compression: c}}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// cutRandom cuts an image into chunks of random sizes; equal ones become repetitions.
func cutRandom(image []byte, rng *rand.Rand, low, high int) Content {
	c := Content{ID: chunk.Sum(image)}
	first := map[string]chunk.Block{}
	for off := 0; off < len(image); {
		n := min(low+rng.IntN(high-low+1), len(image)-off)
		key := string(image[off : off+n])
		block, ok := first[key]
		if !ok {
			block = chunk.Block(len(c.Chunks))
			first[key] = block
		}
		c.Chunks = append(c.Chunks, Chunk{Block: block, Size: uint32(n)})
		off += n
	}
	return c
}

// onlyPrologue is an image of which nothing but the prologue can be read.
type onlyPrologue struct {
	image []byte
	parts []wim.Part
}

// prologueOf opens an image from its prologue.
func prologueOf(t testing.TB, image []byte) *wim.File {
	t.Helper()
	f, err := wim.Open(&onlyPrologue{image, openWIM(t, image).Layout().Prologue}, int64(len(image)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func openWIM(t testing.TB, image []byte) *wim.File {
	t.Helper()
	f, err := wim.Open(bytes.NewReader(image), int64(len(image)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// fileOf is File of an image in memory.
func fileOf(image []byte, number int, target vfs.FS, opts FileOptions) (Report, error) {
	return fileAtOf(bytes.NewReader(image), int64(len(image)), number, target, opts)
}

func fileAtOf(r io.ReaderAt, size int64, number int, target vfs.FS, opts FileOptions) (Report, error) {
	f, err := wim.Open(r, size)
	if err != nil {
		return Report{}, err
	}
	return File(bg, f, number, target, opts)
}

func (p *onlyPrologue) ReadAt(b []byte, off int64) (int, error) {
	end := off + int64(len(b))
	for _, part := range p.parts {
		if off >= part.Offset && end <= part.End() {
			return copy(b, p.image[off:]), nil
		}
	}
	return 0, fmt.Errorf("bytes %d to %d are not of the prologue", off, end)
}

func blockData(c Content, image []byte, block chunk.Block) []byte {
	off := 0
	for _, ch := range c.Chunks[:block] {
		off += int(ch.Size)
	}
	return slices.Clone(image[off : off+int(c.Chunks[block].Size)])
}

func osTarget(t testing.TB) (vfs.FS, string) {
	t.Helper()
	dir := t.TempDir()
	fsys, err := vfs.OS(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	return fsys, dir
}

func wantSame(t testing.TB, want, got string) {
	t.Helper()
	diff, err := Compare(want, got, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diff {
		t.Errorf("%s: %s", d.Path, d.What)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// putShuffled puts all needed blocks in random order, with commits now and then; what the spool refuses comes later.
func putShuffled(p *Job, c Content, image []byte, rng *rand.Rand) error {
	queue := p.Needs()
	rng.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	for len(queue) > 0 {
		b := queue[0]
		queue = queue[1:]
		err := p.Put(b, blockData(c, image, b))
		if errors.Is(err, ErrSpoolFull) {
			queue = append(p.Urgent(4), append(queue, b)...)
			continue
		}
		if err != nil {
			return err
		}
		if rng.IntN(8) == 0 {
			if _, err := p.Commit(); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestEveryOrderGivesTheSameTree(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	sampleTree(t, src, 1, 900_000)
	for _, comp := range []wim.Compression{wim.None, wim.XPRESS} {
		image := wimOf(t, src, comp)
		for seed := range uint64(12) {
			t.Run(fmt.Sprintf("%v/seed=%d", comp, seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 2))
				high := []int{3000, 40_000, chunk.MaxSize, 4096}[seed%4]
				low := []int{750, 10_000, chunk.MinSize, 4096}[seed%4] // the last: many chunks repeat
				c := cutRandom(image, rng, low, high)
				fsys, dir := osTarget(t)
				p, err := New(bg, Config{Target: fsys, Image: 1, Content: c, Workers: 1 + int(seed%3)}, prologueOf(t, image))
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				if err := putShuffled(p, c, image, rng); err != nil {
					t.Fatal(err)
				}
				rep, err := p.Finish(bg)
				if err != nil {
					t.Fatal(err)
				}
				wantSame(t, src, dir)
				if rep.Files != 37 || rep.Links != 4 || rep.Symlinks != 2 || rep.Dirs != 7 {
					t.Errorf("report: %+v", rep)
				}
			})
		}
	}
}

func TestFileIsTheSamePath(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	sampleTree(t, src, 3, 3_000_000)
	image := wimOf(t, src, wim.XPRESS)
	fsys, dir := osTarget(t)
	var last int64
	_, err := fileOf(image, 1, fsys, FileOptions{
		Progress: func(done, total int64) {
			if last = done; done > total {
				t.Errorf("done %d of %d", done, total)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, src, dir)
	if last == 0 {
		t.Error("progress was not told")
	}
}

// dump gives everything that can be seen of a tree on an FS.
func dump(t testing.TB, fsys vfs.FS) map[string]string {
	t.Helper()
	out := map[string]string{}
	links := map[string]string{}
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := fsys.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := path.Join(dir, e.Name())
			info, err := fsys.Lstat(name)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case info.IsDir():
				out[name] = fmt.Sprint("dir ", info.ModTime().UnixNano())
				walk(name)
			case info.Mode()&fs.ModeSymlink != 0:
				target, err := fsys.Readlink(name)
				if err != nil {
					t.Fatal(err)
				}
				out[name] = "link " + target
			default:
				f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(f)
				if err != nil {
					t.Fatal(err)
				}
				f.Close()
				out[name] = fmt.Sprintf("file %d %d %x", info.Size(), info.ModTime().UnixNano(), sha256.Sum256(b))
				links[name] = out[name]
			}
		}
	}
	walk(".")
	return out
}

func wantDump(t testing.TB, want, got map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s: %q, want %q", name, got[name], want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			t.Errorf("%s should not be there", name)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

func TestTargetIsRefused(t *testing.T) {
	image := buildWIM(testDir("", testFile("a", []byte("abc")), testFile("b", []byte("bcd"))))
	c := cutRandom(image, rand.New(rand.NewPCG(1, 1)), 100, 200)
	cfg := func(fsys vfs.FS) Config { return Config{Target: fsys, Image: 1, Content: c} }
	pro := prologueOf(t, image)

	full, _ := osTarget(t)
	write(t, full, "mine", "x")
	if _, err := New(bg, cfg(full), pro); !errors.Is(err, ErrNotEmpty) || !strings.Contains(err.Error(), "mine") {
		t.Errorf("not empty: %v", err)
	}
	if _, err := full.Lstat(markerName); err == nil {
		t.Error("a refused target was marked")
	}

	fsys, _ := osTarget(t)
	if err := fsys.Mkdir("lost+found", 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := New(bg, cfg(fsys), pro)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(bg, cfg(fsys), pro); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("two at once: %v", err)
	}
	if _, err := p.Finish(bg); !errors.Is(err, ErrIncomplete) {
		t.Errorf("finish too early: %v", err)
	}
	if err := p.Put(0, []byte("x")); err == nil {
		t.Error("a block of a wrong size was taken")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	other := cfg(fsys)
	other.Content.ID = chunk.Sum([]byte("other"))
	if _, err := New(bg, other, pro); !errors.Is(err, ErrOther) {
		t.Errorf("other content: %v", err)
	}
	write(t, fsys, "intruder", "x")
	if _, err := New(bg, cfg(fsys), pro); !errors.Is(err, ErrNotEmpty) || !strings.Contains(err.Error(), "intruder") {
		t.Errorf("intruder: %v", err)
	}
	if err := fsys.Remove("intruder"); err != nil {
		t.Fatal(err)
	}
	p, err = New(bg, cfg(fsys), pro)
	if err != nil {
		t.Fatal(err)
	}
	if err := putShuffled(p, c, image, rand.New(rand.NewPCG(1, 1))); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finish(bg); err != nil {
		t.Fatal(err)
	}
	if _, err := fsys.Lstat(markerName); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("mark after the end: %v", err)
	}
	if _, err := New(bg, cfg(fsys), pro); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("again after the end: %v", err)
	}
}

func write(t testing.TB, fsys vfs.FS, name, text string) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedResourceLeavesNoFile(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	for name, data := range map[string][]byte{"small": []byte("precious"), "large": large} {
		image := buildWIM(testDir("", testFile("victim", data)))
		image[bytes.Index(image, data)+5] ^= 1
		c := cutRandom(image, rand.New(rand.NewPCG(1, 1)), 100_000, 200_000)
		fsys := vfs.NewMem()
		p, err := New(bg, Config{Target: fsys, Image: 1, Content: c}, prologueOf(t, image))
		if err != nil {
			t.Fatal(err)
		}
		err = putShuffled(p, c, image, rand.New(rand.NewPCG(1, 1)))
		if err == nil {
			_, err = p.Finish(bg)
		}
		if !errors.Is(err, wim.ErrHash) || !strings.Contains(err.Error(), "victim") {
			t.Errorf("%s: %v", name, err)
		}
		p.Close()
		for n := range dump(t, fsys) {
			if strings.Contains(n, "victim") || strings.Contains(n, "part-") {
				t.Errorf("%s: %s was left", name, n)
			}
		}
	}
}

func TestTargetThatVanishesIsAnErrorThatNamesIt(t *testing.T) {
	image := buildWIM(testDir("", testDir("sub", testFile("late", []byte("abc")))))
	c := cutRandom(image, rand.New(rand.NewPCG(1, 1)), 100, 200)
	fsys, dir := osTarget(t)
	p, err := New(bg, Config{Target: fsys, Image: 1, Content: c}, prologueOf(t, image))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err = putShuffled(p, c, image, rand.New(rand.NewPCG(1, 1))); err == nil {
		_, err = p.Finish(bg)
	}
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "create sub/late") {
		t.Errorf("vanished: %v", err)
	}
}

func TestClosedPlanTakesNothing(t *testing.T) {
	image := buildWIM(testDir("", testFile("a", []byte("abc"))))
	c := cutRandom(image, rand.New(rand.NewPCG(1, 1)), 100, 200)
	p, err := New(bg, Config{Target: vfs.NewMem(), Image: 1, Content: c}, prologueOf(t, image))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Put(0, nil); !errors.Is(err, errClosed) {
		t.Errorf("put: %v", err)
	}
	if _, err := p.Commit(); !errors.Is(err, errClosed) {
		t.Errorf("commit: %v", err)
	}
	if _, err := p.Finish(bg); !errors.Is(err, errClosed) {
		t.Errorf("finish: %v", err)
	}
}

func TestSpoolIsBounded(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	rng := rand.New(rand.NewPCG(9, 9))
	b := make([]byte, 24<<20)
	for i := range b {
		b[i] = byte(rng.Uint32N(64)) // compresses a little
	}
	if err := os.WriteFile(filepath.Join(src, "huge"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	image := wimOf(t, src, wim.XPRESS)
	c := cutRandom(image, rng, 50_000, 100_000)
	fsys, dir := osTarget(t)
	p, err := New(bg, Config{Target: fsys, Image: 1, Content: c, Spool: minSpool}, prologueOf(t, image))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	needs := p.Needs()
	slices.Reverse(needs) // the piece table comes last
	refused := 0
	for _, n := range needs {
		if refused == 1 {
			if u := p.Urgent(1); len(u) != 1 || u[0] > 1 {
				t.Errorf("urgent: %v, want the block of the piece table", u)
			}
		}
		err := p.Put(n, blockData(c, image, n))
		if errors.Is(err, ErrSpoolFull) {
			refused++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if refused == 0 {
		t.Fatal("24 MiB without a piece table went into a spool of 4 MiB")
	}
	if err := putShuffled(p, c, image, rng); err != nil {
		t.Fatal(err)
	}
	rep, err := p.Finish(bg)
	if err != nil {
		t.Fatal(err)
	}
	if rep.SpoolPeak > minSpool+2*chunk.MaxSize {
		t.Errorf("spool peak %d, limit %d", rep.SpoolPeak, minSpool)
	}
	wantSame(t, src, dir)
}

func TestCompareSeesEveryDifference(t *testing.T) {
	for what, change := range map[string]func(dir string) error{
		"missing":     func(d string) error { return os.Remove(filepath.Join(d, "x")) },
		"not in the":  func(d string) error { return os.WriteFile(filepath.Join(d, "new"), nil, 0o644) },
		"contents":    func(d string) error { return os.WriteFile(filepath.Join(d, "x"), []byte("two"), 0o644) },
		"size":        func(d string) error { return os.WriteFile(filepath.Join(d, "x"), []byte("three"), 0o644) },
		"modified":    func(d string) error { return os.Chtimes(filepath.Join(d, "x"), time.Time{}, time.Unix(5, 0)) },
		"mode":        func(d string) error { return os.Chmod(filepath.Join(d, "x"), 0o600) },
		"is a link":   func(d string) error { return os.Link(filepath.Join(d, "x"), filepath.Join(d, "y")) },
		"leads":       func(d string) error { os.Remove(filepath.Join(d, "l")); return os.Symlink("b", filepath.Join(d, "l")) },
		"is d":        func(d string) error { os.Remove(filepath.Join(d, "x")); return os.Mkdir(filepath.Join(d, "x"), 0o755) },
		"(no change)": func(string) error { return nil },
	} {
		var dirs [2]string
		for i := range dirs {
			dirs[i] = t.TempDir()
			if err := os.WriteFile(filepath.Join(dirs[i], "x"), []byte("one"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("a", filepath.Join(dirs[i], "l")); err != nil {
				t.Fatal(err)
			}
		}
		if err := change(dirs[1]); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(1.6e9, 0)
		for _, d := range dirs {
			fsys, err := vfs.OS(d)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []string{"x", "l", "."} {
				if what != "modified" || n != "x" {
					fsys.Chtimes(n, at, at) // x may be missing
				}
			}
			fsys.Close()
		}
		got, err := Compare(dirs[0], dirs[1], true)
		if err != nil {
			t.Fatal(err)
		}
		if what == "(no change)" && len(got) > 0 || what != "(no change)" && !strings.Contains(fmt.Sprint(got), what) {
			t.Errorf("%s: %v", what, got)
		}
	}
}
