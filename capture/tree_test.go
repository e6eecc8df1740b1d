//go:build unix

package capture

import (
	"crypto/sha1"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the random trees; 0: draw one")

// randomTree fills dir with files of all kinds that a POSIX user may make.
func randomTree(t *testing.T, rng *rand.Rand, dir string, files int) {
	t.Helper()
	dirs, names := []string{dir}, []string(nil)
	sizes := []int{0, 1, 5, 4096, 32767, 32768, 32769, 65536, 100000, 400000}
	var last []byte
	for i := range files {
		parent := dirs[rng.IntN(len(dirs))]
		path := filepath.Join(parent, fmt.Sprintf("%s %d", []string{"file", "ünï", "𝄞", "Ａ.txt", "a:b\\c", ".dot", "x.", "$x", strings.Repeat("ß", 60)}[rng.IntN(9)], i))
		switch k := rng.IntN(13); {
		case k == 0, k == 1 && i%3 == 0:
			must(t, os.Mkdir(path, 0o755))
			dirs = append(dirs, path)
			if rng.IntN(8) == 0 { // deep
				for range 30 {
					path = filepath.Join(path, "d")
					must(t, os.Mkdir(path, 0o700))
					dirs = append(dirs, path)
				}
			}
			continue
		case k == 1 && len(names) > 0:
			must(t, os.Link(names[rng.IntN(len(names))], path))
			continue
		case k == 2:
			target := []string{"../x", "/etc/passwd", "a\\b", "nowhere/ünï", ".", dirs[0], dirs[len(dirs)-1], path}[rng.IntN(8)]
			must(t, os.Symlink(target, path))
			must(t, touchLink(path, time.Unix(1e9+int64(i), 700)))
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

// content reads a stream of an image that was scanned.
func content(t testing.TB, d *wim.Dentry) []byte {
	t.Helper()
	if len(d.Streams) == 0 {
		return nil
	}
	r, err := d.Streams[0].Source.Open()
	must(t, err)
	b, err := io.ReadAll(r)
	must(t, err)
	must(t, r.Close())
	if int64(len(b)) != d.Streams[0].Source.Size() {
		t.Errorf("%s: %d bytes, told to be %d", d.Path(), len(b), d.Streams[0].Source.Size())
	}
	return b
}

// described gives a line for every path of an image that was scanned, in the words of snapshot.
func described(t *testing.T, img *wim.Image) map[string]string {
	t.Helper()
	m := make(map[string]string)
	first := make(map[uint64]string)
	must(t, img.Walk(func(d *wim.Dentry) error {
		line := d.Modified.Time().UTC().Format(time.RFC3339Nano)
		switch {
		case d.IsSymlink():
			l, err := wim.ParseSymlink(d.ReparseTag, content(t, d))
			must(t, err)
			line += " -> " + l.Target
		case d.IsDir():
			line += " dir"
		default:
			line += fmt.Sprintf(" %x", sha1.Sum(content(t, d)))
			if d.HardLink != 0 {
				if first[d.HardLink] == "" {
					first[d.HardLink] = d.Path()
				}
				line += " = " + first[d.HardLink]
			}
		}
		m[d.Path()] = line
		return nil
	}))
	return m
}

// snapshot describes a tree on disk. Names of one file are told by the first of them in the order of images.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := make(map[string]string)
	first := make(map[fileID]string)
	var walk func(rel string)
	walk = func(rel string) {
		path := filepath.Join(dir, rel)
		info, err := os.Lstat(path)
		must(t, err)
		line := wim.FiletimeOf(info.ModTime()).Time().Format(time.RFC3339Nano)
		switch {
		case info.IsDir():
			line += " dir"
			entries, err := os.ReadDir(path)
			must(t, err)
			slices.SortFunc(entries, func(a, b fs.DirEntry) int { return wim.CompareNames(a.Name(), b.Name()) })
			for _, e := range entries {
				walk(strings.TrimPrefix(rel+"/"+e.Name(), "/"))
			}
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			must(t, err)
			line += " -> " + target
		default:
			b, err := os.ReadFile(path)
			must(t, err)
			line += fmt.Sprintf(" %x", sha1.Sum(b))
			if id, ok := linkID(info); ok {
				if first[id] == "" {
					first[id] = rel
				}
				line += " = " + first[id]
			}
		}
		m[rel] = line
	}
	walk("")
	return m
}

// same compares two descriptions.
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
