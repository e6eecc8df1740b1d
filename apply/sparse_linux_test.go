package apply

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// sparseTree makes files with holes of all sizes and places, and one of zeros that are no hole.
func sparseTree(t *testing.T, dir string, rng *rand.Rand) {
	t.Helper()
	write := func(name string, size int64, at ...int64) {
		t.Helper()
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		for _, off := range at {
			b := make([]byte, 1+rng.IntN(9000))
			for i := range b {
				b[i] = byte(rng.Uint32()) | 1
			}
			if _, err := f.WriteAt(b[:min(int64(len(b)), size-off)], off); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("nothing but a hole", 5_000_001)
	write("small", 12_288, 8192)
	write("hole at the end", 300_000, 0)
	write("hole at the start", 300_000, 299_999)
	write("large", 40_000_000, 1, 7_654_321, 20_000_000, 39_999_990)
	write("same as large", 0)
	b, err := os.ReadFile(filepath.Join(dir, "large"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "same as large"), b, 0o644); err != nil { // without holes
		t.Fatal(err)
	}
	// A hole, and so many blocks beyond the end that blocks alone do not tell of it.
	f, err := os.Create(filepath.Join(dir, "blocks beyond the end"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(200_000); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("end"), 199_990); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 200_000, 1_000_000); err != nil {
		t.Fatal(err)
	}
}

// dataOf gives the bytes of a file that are in no hole.
func dataOf(t *testing.T, path string) (n int64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for off := int64(0); ; {
		start, err := unix.Seek(int(f.Fd()), off, unix.SEEK_DATA)
		if err == syscall.ENXIO {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		if off, err = unix.Seek(int(f.Fd()), start, unix.SEEK_HOLE); err != nil {
			t.Fatal(err)
		}
		n += off - start
	}
}

// sameHoles fails where files have more data than they had; one without holes may have got some.
func sameHoles(t *testing.T, want, got string) {
	t.Helper()
	err := filepath.WalkDir(want, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if had, has := dataOf(t, path), dataOf(t, filepath.Join(got, e.Name())); has > had {
			t.Errorf("%s has %d bytes of data, and had %d", e.Name(), has, had)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestHolesStayHoles(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	src := t.TempDir()
	sparseTree(t, src, rng)
	for _, w := range []wim.WriterOptions{
		{},
		{Compression: wim.XPRESS, Level: 1},
		{Compression: wim.LZX, Level: 1, Solid: true, SolidCompression: wim.XPRESS, SolidPieceSize: 64 << 10, SolidLevel: 1},
	} {
		t.Run(fmt.Sprintf("%v solid %t", w.Compression, w.Solid), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sparse.wim")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := capture.Write(bg, f, []capture.Source{{Dir: src}}, capture.WriteOptions{Writer: w}); err != nil {
				t.Fatal(err)
			}
			image, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			fsys, dir := osTarget(t)
			rep := applyFile(t, image, fsys, FileOptions{})
			wantSame(t, src, dir)
			sameHoles(t, src, dir)
			if rep.Lost != (Lost{}) {
				t.Errorf("lost %+v", rep.Lost)
			}
			cast := applyCast(t, image, rng)
			wantSame(t, src, cast)
			sameHoles(t, src, cast)
		})
	}
}

// applyCast applies an image from chunks that come in any order.
func applyCast(t *testing.T, image []byte, rng *rand.Rand) string {
	t.Helper()
	fsys, dir := osTarget(t)
	c := cutRandom(image, rng, 100_000, 256<<10)
	j, err := New(bg, Config{Target: fsys, Image: 1, Content: c}, prologueOf(t, image))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	needs := j.Needs()
	rng.Shuffle(len(needs), func(a, b int) { needs[a], needs[b] = needs[b], needs[a] })
	for _, b := range needs {
		if err := j.Put(b, blockData(c, image, b)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.Finish(bg); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A file is of holes in memory as well: that what is left out reads as zeros does not depend on the system.
func TestSparseFilesHaveTheirBytesEverywhere(t *testing.T) {
	f := testFile("sparse", append(make([]byte, 100_000), 1))
	f.attrs = wim.AttrSparse
	g := testFile("zeros", make([]byte, 9000))
	g.attrs = wim.AttrSparse
	mem := vfs.NewMem()
	if rep := applyFile(t, buildWIM(testDir("", f, g)), mem, FileOptions{UnixXattrs: true}); rep.Lost != (Lost{}) {
		t.Errorf("lost %+v", rep.Lost)
	}
	for name, want := range map[string]string{"sparse": strings.Repeat("\x00", 100_000) + "\x01", "zeros": strings.Repeat("\x00", 9000)} {
		in, err := mem.OpenFile(name, os.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, len(want)+1)
		if n, _ := in.ReadAt(b, 0); string(b[:n]) != want { // it ends there
			t.Errorf("%s has %d bytes, or others", name, n)
		}
	}
}
