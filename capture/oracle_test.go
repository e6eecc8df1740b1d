//go:build linux

package capture

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

// posixTree is randomTree with what --unix-data keeps beside: modes, owners, fifos, sockets, extended attributes, holes.
func posixTree(t *testing.T, rng *rand.Rand, dir string, files, xattrs int) {
	t.Helper()
	randomTree(t, rng, dir, files)
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o620))
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	must(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	must(t, l.Close())
	must(t, os.WriteFile(filepath.Join(dir, "sparse"), nil, 0o644))
	must(t, os.Truncate(filepath.Join(dir, "sparse"), 300_000))
	path := filepath.Join(dir, "attributes")
	must(t, os.WriteFile(path, []byte("x"), 0o4755))
	for i := range xattrs {
		err := unix.Setxattr(path, fmt.Sprintf("user.name%d", i), wimtest.RandomContent(rng, rng.IntN(300)), 0)
		if err != nil && !errors.Is(err, unix.ENOTSUP) {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		must(t, os.Lchown(path, 12, 34567))
	}
}

// variant is a way to capture that both programs know.
type variant struct {
	args []string
	scan Options
	w    wim.WriterOptions
}

func variants() []variant {
	return []variant{
		{args: []string{"--compress=none"}},
		{args: []string{"--compress=XPRESS", "--unix-data", "--check"}, scan: Options{UnixData: true}, w: wim.WriterOptions{Compression: wim.XPRESS, Check: true}},
		{
			args: []string{"--compress=LZX:20", "--rpfix", "--unix-data"}, scan: Options{FixLinks: true, UnixData: true},
			w: wim.WriterOptions{Compression: wim.LZX, Level: 20},
		},
		{
			args: []string{"--compress=XPRESS", "--solid", "--solid-compress=LZX:20", "--solid-chunk-size=64K"},
			w:    wim.WriterOptions{Compression: wim.XPRESS, Solid: true, SolidCompression: wim.LZX, SolidPieceSize: 1 << 16, SolidLevel: 20},
		},
	}
}

// theirs captures with wimlib-imagex.
func (v variant) theirs(t *testing.T, dir string) *wim.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "theirs.wim")
	args := append([]string{"capture", dir, path, "name & <more>", "described"}, v.args...)
	if !v.scan.FixLinks {
		args = append(args, "--norpfix")
	}
	wimtest.Wimlib(t, args...)
	return openFile(t, path)
}

// ours captures with this package.
func (v variant) ours(t *testing.T, dir string) (string, *wim.File) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ours.wim")
	out, err := os.Create(path)
	must(t, err)
	o := WriteOptions{Scan: v.scan, Writer: v.w}
	_, err = Write(bg, out, []Source{{Dir: dir, Name: "name & <more>", Description: "described"}}, o)
	must(t, errors.Join(err, out.Close()))
	return path, openFile(t, path)
}

// dropRootLinks removes links to the tree itself: when they are fixed, wimlib-imagex makes them lead to "C:", which Windows does not take for
// a directory; here they lead to "C:\".
func dropRootLinks(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if target, e := os.Readlink(path); e == nil && target == dir {
			return os.Remove(path)
		}
		return err
	}))
}

// What both programs capture of a tree must be the same images.
func TestCapturesAreThoseOfWimlib(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	for _, v := range variants() {
		t.Run(strings.Join(v.args, " "), func(t *testing.T) {
			dir := t.TempDir()
			posixTree(t, rng, dir, 120, 1) // of several, the order is sorted here and the file system's there
			dropRootLinks(t, dir)
			if !v.scan.UnixData {
				must(t, errors.Join(os.Remove(filepath.Join(dir, "fifo")), os.Remove(filepath.Join(dir, "socket"))))
			}
			theirs := v.theirs(t, dir)
			path, ours := v.ours(t, dir)
			must(t, ours.Verify(bg, nil))
			wimtest.Wimlib(t, "verify", path)
			same(t, stored(t, theirs, 1), stored(t, ours, 1))
			a, b := theirs.Images()[0], ours.Images()[0]
			if a.Name != b.Name || a.Description != b.Description || a.DirCount != b.DirCount || a.FileCount != b.FileCount ||
				a.TotalBytes != b.TotalBytes || a.HardLinkBytes != b.HardLinkBytes {
				t.Errorf("the description is %+v, not %+v", b, a)
			}
			if (theirs.Header.Flags^ours.Header.Flags)&wim.FlagRPFix != 0 {
				t.Errorf("flags %#x, not %#x", ours.Header.Flags, theirs.Header.Flags)
			}
		})
	}
}

// What is captured here and applied by the other program, or the other way, must be the tree that it was.
func TestTreesSurviveBothPrograms(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	for _, v := range variants() {
		t.Run(strings.Join(v.args, " "), func(t *testing.T) {
			dir := t.TempDir()
			posixTree(t, rng, dir, 80, 1+rng.IntN(4))
			if !v.scan.UnixData {
				must(t, errors.Join(os.Remove(filepath.Join(dir, "fifo")), os.Remove(filepath.Join(dir, "socket"))))
			}
			path, first := v.ours(t, dir)
			got := filepath.Join(t.TempDir(), "got")
			args := []string{"apply", path, "1", got}
			if v.scan.UnixData {
				args = append(args, "--unix-data")
			}
			wimtest.Wimlib(t, args...)
			_, again := v.ours(t, got)
			same(t, recaptured(t, first), recaptured(t, again))

			target := t.TempDir()
			applyFile(t, v.theirs(t, dir), target, v.scan.FixLinks)
			_, again = v.ours(t, target)
			want, have := recaptured(t, first), recaptured(t, again)
			delete(want, "/attributes") // package apply does not set extended attributes
			delete(have, "/attributes")
			same(t, want, have)
		})
	}
}

// applyFile applies the only image of a file with package apply.
func applyFile(t *testing.T, f *wim.File, dir string, fix bool) {
	t.Helper()
	fsys, err := vfs.OS(dir)
	must(t, err)
	defer fsys.Close()
	opts := apply.FileOptions{Rules: wim.Rules{AllowCaseClash: true, AllowWindowsNames: true}}
	if fix {
		opts.LinkRoot = dir
	}
	_, err = apply.File(bg, f, 1, fsys, opts)
	must(t, err)
}

// recaptured is stored without what an apply cannot bring back: holes, the kinds of links (which lead elsewhere when they are captured
// again), the root's own mode and time, and special files.
func recaptured(t *testing.T, f *wim.File) map[string]string {
	t.Helper()
	m := stored(t, f, 1)
	img, err := f.Image(1)
	must(t, err)
	must(t, img.Walk(func(d *wim.Dentry) error {
		d.Attributes &^= wim.AttrSparse | wim.AttrNormal
		if d.IsSymlink() {
			d.Attributes &^= wim.AttrDirectory
		}
		u, _ := d.Unix()
		if kind := u.Mode & syscall.S_IFMT; d.Parent == nil || kind == syscall.S_IFIFO || kind == syscall.S_IFSOCK {
			delete(m, "/"+d.Path())
			return nil
		}
		line := m["/"+d.Path()]
		_, rest, _ := strings.Cut(line, " ")
		m["/"+d.Path()] = fmt.Sprintf("%x %s", d.Attributes, rest)
		return nil
	}))
	return m
}

// The canary: a difference must show.
func TestADifferenceShows(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, wimtest.Seeded(t, *seedFlag), dir, 30)
	v := variants()[0]
	_, before := v.ours(t, dir)
	write(t, filepath.Join(dir, "new"), "x")
	_, after := v.ours(t, dir)
	a, b := recaptured(t, before), recaptured(t, after)
	if maps.Equal(a, b) || len(slices.Collect(maps.Keys(b))) != len(a)+1 {
		t.Error("a new file is not seen")
	}
}
