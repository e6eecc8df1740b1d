//go:build unix

package capture

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

var bg = context.Background()

func scan(t *testing.T, dir string, opts Options) (*wim.Image, Stats) {
	t.Helper()
	img, stats, err := Scan(bg, dir, opts)
	must(t, err)
	return img, stats
}

// find gives the dentry at path.
func find(t *testing.T, img *wim.Image, path string) *wim.Dentry {
	t.Helper()
	d := img.Root
	for name := range strings.SplitSeq(path, "/") {
		i := slices.IndexFunc(d.Children, func(c *wim.Dentry) bool { return c.Name == name })
		if i < 0 {
			t.Fatalf("%s is not in the image", path)
		}
		d = d.Children[i]
	}
	return d
}

// write makes a file and the directories it is in.
func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

func TestAScanTellsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	randomTree(t, wimtest.Seeded(t, *seedFlag), dir, 200)
	img, stats := scan(t, dir, Options{})
	want := snapshot(t, dir)
	same(t, want, described(t, img))
	if stats.Dirs+stats.Files != len(want) || stats.Skipped != 0 {
		t.Errorf("%+v of %d names", stats, len(want))
	}
	must(t, img.Walk(func(d *wim.Dentry) error {
		if !slices.IsSortedFunc(d.Children, func(a, b *wim.Dentry) int { return wim.CompareNames(a.Name, b.Name) }) {
			t.Errorf("what is in %q is not sorted", d.Path())
		}
		for _, c := range d.Children {
			if c.Parent != d {
				t.Errorf("%q does not know its parent", c.Path())
			}
		}
		return nil
	}))
}

func TestNamesOfOneFileShareASource(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "x")
	must(t, os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "b")))
	write(t, filepath.Join(dir, "c"), "y")
	must(t, os.Link(filepath.Join(dir, "c"), filepath.Join(t.TempDir(), "outside")))
	img, stats := scan(t, dir, Options{})
	a, b, c := find(t, img, "a"), find(t, img, "b"), find(t, img, "c")
	if a.Streams[0].Source != b.Streams[0].Source || a.HardLink == 0 || a.HardLink != b.HardLink {
		t.Errorf("%+v and %+v are one file", a, b)
	}
	if c.HardLink != 0 {
		t.Error("c has one name in the image, and a group")
	}
	if stats.Bytes != 2 || stats.Files != 3 {
		t.Errorf("%+v", stats)
	}
}

func TestUnixDataIsKept(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "f"), "x")
	must(t, os.Chmod(filepath.Join(dir, "f"), 0o640))
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	l, err := net.Listen("unix", filepath.Join(dir, "sock"))
	must(t, err)
	defer l.Close()
	var told []string
	img, stats := scan(t, dir, Options{Warn: func(path, what string) { told = append(told, filepath.Base(path)+" "+what) }})
	if stats.Skipped != 2 || len(img.Root.Children) != 1 || !slices.Equal(told, []string{"fifo is a fifo and was left out", "sock is a socket and was left out"}) {
		t.Errorf("%+v, told %q", stats, told)
	}
	img, stats = scan(t, dir, Options{UnixData: true})
	for name, mode := range map[string]uint32{"f": syscall.S_IFREG | 0o640, "fifo": syscall.S_IFIFO | 0o600} {
		if u, ok := find(t, img, name).Unix(); !ok || u.Mode != mode || u.UID != uint32(os.Getuid()) {
			t.Errorf("%s: %+v", name, u)
		}
	}
	if u, _ := find(t, img, "sock").Unix(); u.Mode&syscall.S_IFMT != syscall.S_IFSOCK || stats.Skipped != 0 {
		t.Errorf("socket: %+v, %+v", u, stats)
	}
}

func TestLinksIntoTheTreeAreFixed(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	root := filepath.Join(dir, "root")
	write(t, filepath.Join(root, "d", "f"), "x")
	must(t, os.Symlink(root, filepath.Join(elsewhere, "way")))
	for name, c := range map[string]struct{ target, want string }{
		"file": {root + "/d/f", "/d/f"}, "root": {root, "/"}, "slashed": {root + "//d/", "/d/"}, "missing": {root + "/no", "/no"},
		"through": {elsewhere + "/way/d", "/d"}, "dotted": {root + "/d/../d", "/d/../d"},
		"out": {"/etc/passwd", ""}, "relative": {"d/f", ""}, "beside": {root + "x", ""}, "above": {dir, ""},
	} {
		must(t, os.Symlink(c.target, filepath.Join(root, name)))
		for _, fix := range []bool{true, false} {
			img, _ := scan(t, root, Options{FixLinks: fix})
			d := find(t, img, name)
			l, err := wim.ParseSymlink(d.ReparseTag, content(t, d))
			must(t, err)
			want, flags := c.target, uint16(1)
			if fix && c.want != "" {
				want, flags = c.want, 0
			}
			if l.Target != want || d.ReparseFlags != flags {
				t.Errorf("%s, fix %v: target %q flags %d, want %q %d", name, fix, l.Target, d.ReparseFlags, want, flags)
			}
		}
		must(t, os.Remove(filepath.Join(root, name)))
	}
}

func TestDereferencedLinksAreWhatTheyLeadTo(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	write(t, filepath.Join(other, "f"), "content")
	write(t, filepath.Join(other, "sub", "g"), "more")
	must(t, os.Symlink(filepath.Join(other, "f"), filepath.Join(dir, "link")))
	must(t, os.Symlink(other, filepath.Join(dir, "dir")))
	img, stats := scan(t, dir, Options{Dereference: true})
	if got := content(t, find(t, img, "link")); string(got) != "content" {
		t.Errorf("link holds %q", got)
	}
	if got := content(t, find(t, img, "dir/sub/g")); string(got) != "more" || stats.Files != 3 || stats.Dirs != 3 {
		t.Errorf("dir/sub/g holds %q; %+v", got, stats)
	}
	must(t, os.Symlink(dir, filepath.Join(dir, "loop")))
	if _, _, err := Scan(bg, dir, Options{Dereference: true}); err == nil || !strings.Contains(err.Error(), "leads back") {
		t.Errorf("a loop: %v", err)
	}
	must(t, os.Remove(filepath.Join(dir, "loop")))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	if _, _, err := Scan(bg, dir, Options{Dereference: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a dangling link: %v", err)
	}
}

func TestChangesAfterTheScanAreNoticed(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"grown":    func(p string) error { return os.WriteFile(p, []byte("longer than it was"), 0o644) },
		"cut":      func(p string) error { return os.Truncate(p, 1) },
		"gone":     os.Remove,
		"a link":   func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/etc/passwd", p)) },
		"a folder": func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o755)) },
		"a fifo":   func(p string) error { return errors.Join(os.Remove(p), syscall.Mkfifo(p, 0o644)) },
		"another": func(p string) error {
			return errors.Join(os.WriteFile(p+"x", []byte("1234"), 0o644), os.Rename(p+"x", p))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "f")
			write(t, path, "1234")
			img, _ := scan(t, dir, Options{})
			must(t, change(path))
			r, err := find(t, img, "f").Streams[0].Source.Open()
			if err == nil {
				r.Close()
			}
			if !errors.Is(err, wim.ErrChanged) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestChangesWhileReadingAreNoticed(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"cut":   func(p string) error { return os.Truncate(p, 100) },
		"grown": func(p string) error { return os.Truncate(p, 300_000) },
	} {
		path := filepath.Join(t.TempDir(), "f")
		write(t, path, strings.Repeat("x", 200_000))
		img, _ := scan(t, filepath.Dir(path), Options{})
		r, err := find(t, img, "f").Streams[0].Source.Open()
		must(t, err)
		buf := make([]byte, 50)
		_, err = r.Read(buf)
		must(t, err)
		must(t, change(path))
		for err == nil {
			_, err = r.Read(buf)
		}
		if r.Close(); !errors.Is(err, wim.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatCannotBeCapturedIsRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "sub", "f"), "x")
	for _, bad := range []string{filepath.Join(dir, "nothing"), filepath.Join(dir, "sub", "f")} {
		if _, _, err := Scan(bg, bad, Options{}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if _, _, err := Scan(ctx, dir, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, "sub", "f"))
	must(t, err)
	if _, _, err := Scan(bg, dir, Options{Output: info}); err == nil || !strings.Contains(err.Error(), "is the output") {
		t.Errorf("the output in the tree: %v", err)
	}
	write(t, filepath.Join(dir, "bad\xffname"), "")
	if _, _, err := Scan(bg, dir, Options{}); err == nil || !strings.Contains(err.Error(), "not UTF-8") {
		t.Errorf("a name that is not UTF-8: %v", err)
	}
}

func TestDepthIsBounded(t *testing.T) {
	dir := t.TempDir()
	at := dir
	for range wim.MaxDepth - 1 {
		at += "/d"
	}
	must(t, os.MkdirAll(at, 0o755))
	if _, stats := scan(t, dir, Options{}); stats.Dirs != wim.MaxDepth {
		t.Errorf("%+v", stats)
	}
	must(t, os.Mkdir(at+"/d", 0o755))
	if _, _, err := Scan(bg, dir, Options{}); err == nil || !strings.Contains(err.Error(), "nest deeper") {
		t.Errorf("one too deep: %v", err)
	}
}

func TestItemsAreLaidOverEachOther(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	write(t, filepath.Join(one, "f"), "one")
	write(t, filepath.Join(one, "d", "g"), "one")
	write(t, filepath.Join(two, "f"), "two")
	write(t, filepath.Join(two, "d", "h"), "two")
	must(t, os.Link(filepath.Join(one, "f"), filepath.Join(one, "f2")))
	img, stats, err := ScanItems(bg, []Item{{one, "/"}, {two, ""}, {filepath.Join(one, "d"), "x/y\\z/"}, {filepath.Join(one, "f"), "d/i"}}, Options{})
	must(t, err)
	for path, want := range map[string]string{"f": "two", "f2": "one", "d/g": "one", "d/h": "two", "x/y/z/g": "one", "d/i": "one"} {
		if got := content(t, find(t, img, path)); !bytes.Equal(got, []byte(want)) {
			t.Errorf("%s holds %q, not %q", path, got, want)
		}
	}
	if find(t, img, "f").HardLink != 0 || find(t, img, "f2").HardLink == 0 || find(t, img, "f2").HardLink != find(t, img, "d/i").HardLink {
		t.Error("links are wrong")
	}
	if stats.Files != 6 || stats.Dirs != 5 {
		t.Errorf("%+v", stats)
	}
	for _, bad := range [][]Item{nil, {{one, "../x"}}, {{one, "/"}, {one, "f"}}, {{one, "/"}, {one, "f/x"}}, {{filepath.Join(one, "f"), "/"}}} {
		if _, _, err := ScanItems(bg, bad, Options{}); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}
