//go:build unix

package wim

import (
	"bytes"
	"crypto/sha1"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/wimtest"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the random trees; 0: draw one")

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// randomTree fills dir with files of all kinds that a POSIX user may make.
func randomTree(t *testing.T, rng *rand.Rand, dir string, files int) {
	t.Helper()
	dirs, names := []string{dir}, []string(nil)
	sizes := []int{0, 1, 5, 4096, 32767, 32768, 32769, 65536, 100000, 400000}
	var last []byte
	for i := range files {
		parent := dirs[rng.IntN(len(dirs))]
		path := filepath.Join(parent, fmt.Sprintf("%s %d", []string{"file", "ünï", "𝄞", "Ａ.txt", "a:b\\c", ".dot", "x."}[rng.IntN(7)], i))
		switch k := rng.IntN(12); {
		case k == 0:
			must(t, os.Mkdir(path, 0o755))
			dirs = append(dirs, path)
			continue
		case k == 1 && len(names) > 0:
			must(t, os.Link(names[rng.IntN(len(names))], path))
			continue
		case k == 2:
			target := []string{"../x", "/etc/passwd", "a\\b", "nowhere/ünï", ".", dirs[0]}[rng.IntN(6)]
			must(t, os.Symlink(target, path))
			continue
		case k == 3 && last != nil:
			must(t, os.WriteFile(path, last, 0o600))
		case k == 4 && i%8 == 0:
			last = wimtest.RandomContent(rng, 1<<20+rng.IntN(2<<20))
			must(t, os.WriteFile(path, last, 0o644))
		default:
			last = wimtest.RandomContent(rng, sizes[rng.IntN(len(sizes))])
			must(t, os.WriteFile(path, last, os.FileMode(0o400+rng.IntN(0o400))|0o400))
		}
		at := time.Unix(rng.Int64N(4e9)-1e9, rng.Int64N(1e7)*100)
		must(t, os.Chtimes(path, at, at))
		names = append(names, path)
	}
	for i, d := range dirs {
		at := time.Unix(1e9+int64(i), 123456700)
		must(t, os.Chtimes(d, at, at))
	}
}

// snapshot describes a tree: one line a path, times to 100 ns. Modes are told if asked for.
func snapshot(t *testing.T, dir string, modes bool) map[string]string {
	t.Helper()
	m := make(map[string]string)
	var files []fs.FileInfo
	var first []string
	must(t, filepath.Walk(dir, func(path string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		line := fmt.Sprint(info.Mode().Type(), " ", info.ModTime().UnixNano()/100)
		if modes && info.Mode()&fs.ModeSymlink == 0 {
			line += fmt.Sprint(" ", info.Mode())
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + target
		case info.Mode().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %x", sha1.Sum(b))
			if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
				at := rel
				for i, o := range files {
					if os.SameFile(o, info) {
						at = first[i]
					}
				}
				if at == rel {
					files, first = append(files, info), append(first, rel)
				}
				line += " = " + at
			}
		}
		m[rel] = line
		return nil
	}))
	return m
}

// same compares two snapshots.
func same(t *testing.T, want, got map[string]string) {
	t.Helper()
	for p, w := range want {
		if got[p] != w {
			t.Errorf("%q: want %q, got %q", p, w, got[p])
		}
	}
	for p := range got {
		if _, ok := want[p]; !ok {
			t.Errorf("%q: should not be there", p)
		}
	}
}

func openFile(t *testing.T, path string) *File {
	t.Helper()
	r, err := os.Open(path)
	must(t, err)
	t.Cleanup(func() { r.Close() })
	info, err := r.Stat()
	must(t, err)
	f, err := Open(r, info.Size())
	must(t, err)
	return f
}

// extract writes an image to dir, in the plainest way there is.
func extract(t *testing.T, f *File, n int, dir string, modes bool) {
	t.Helper()
	img, err := f.Image(n)
	must(t, err)
	must(t, checkTree(t, img, Rules{AllowCaseClash: true, AllowWindowsNames: true}))
	first := make(map[*Dentry]*Dentry)
	for _, g := range img.HardLinks() {
		for _, d := range g[1:] {
			first[d] = g[0]
		}
	}
	path := func(d *Dentry) string { return filepath.Join(dir, d.Path()) }
	must(t, img.Walk(func(d *Dentry) error {
		switch {
		case d.Parent == nil:
			return nil
		case d.IsSymlink():
			l, err := ParseSymlink(d.ReparseTag, content(t, f, d.Reparse()))
			must(t, err)
			must(t, os.Symlink(l.Target, path(d)))
			return touchLink(path(d), d.Modified.Time())
		case d.IsDir():
			return os.Mkdir(path(d), 0o755)
		case first[d] != nil:
			return os.Link(path(first[d]), path(d))
		}
		must(t, os.WriteFile(path(d), content(t, f, d.Data()), 0o644))
		return os.Chtimes(path(d), d.Modified.Time(), d.Modified.Time())
	}))
	must(t, img.Walk(func(d *Dentry) error {
		if d.IsSymlink() {
			return nil
		}
		if u, ok := d.Unix(); ok && modes {
			must(t, os.Chmod(path(d), os.FileMode(u.Mode&0o777)))
		}
		if !d.IsDir() {
			return nil
		}
		return os.Chtimes(path(d), d.Modified.Time(), d.Modified.Time())
	}))
}

// content reads a resource, which checks its SHA-1.
func content(t *testing.T, f *File, hash SHA1) []byte {
	t.Helper()
	if hash.IsZero() {
		return nil
	}
	res, ok := f.Lookup(hash)
	if !ok {
		t.Fatalf("resource %s is missing", hash)
	}
	r, err := f.Open(res)
	must(t, err)
	b, err := io.ReadAll(r)
	must(t, err)
	return b
}

// memFile is a file in memory that a Writer can write.
type memFile struct {
	b   []byte
	pos int64
}

func (m *memFile) Write(p []byte) (int, error) {
	if need := m.pos + int64(len(p)); need > int64(len(m.b)) {
		m.b = append(m.b, make([]byte, need-int64(len(m.b)))...)
	}
	copy(m.b[m.pos:], p)
	m.pos += int64(len(p))
	return len(p), nil
}

func (m *memFile) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += m.pos
	case io.SeekEnd:
		off += int64(len(m.b))
	}
	m.pos = off
	return off, nil
}

func (m *memFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.b).ReadAt(p, off)
}
