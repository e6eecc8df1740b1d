package apply

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// unixTree makes what only POSIX has, as far as the user may, and says whether that was all.
func unixTree(t *testing.T, dir string) (all bool) {
	t.Helper()
	root := os.Geteuid() == 0
	do := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	set := func(name, attr, data string) { do(unix.Lsetxattr(path(name), attr, []byte(data), 0)) }
	do(os.MkdirAll(path("dir/closed"), 0o755), os.WriteFile(path("dir/file"), []byte("contents"), 0o644), os.WriteFile(path("empty"), nil, 0o644))
	do(os.WriteFile(path("read only"), []byte("r"), 0o644), os.WriteFile(path("program"), []byte("#!"), 0o755))
	do(unix.Mkfifo(path("dir/fifo"), 0o600), os.Link(path("dir/fifo"), path("another name")), os.Symlink("nowhere", path("link")))
	do(unix.Mknod(path("socket"), unix.S_IFSOCK|0o600, 0))
	set("dir/file", "user.note", "of a file")
	set("dir", "user.note", "of a directory")
	set("empty", "user.none", "")
	set("read only", "user.binary", "\x00\xff\n=")
	if root {
		// An ACL: version 2, the owner rwx, user 4711 r-x, the group r--, the mask rwx, others none.
		acl := "\x02\x00\x00\x00\x01\x00\x07\x00\xff\xff\xff\xff\x02\x00\x05\x00\x67\x12\x00\x00\x04\x00\x04\x00\xff\xff\xff\xff\x10\x00\x07\x00\xff\xff\xff\xff\x20\x00\x00\x00\xff\xff\xff\xff"
		for name, id := range map[string]int{"program": 100, "dir/file": 200, "link": 300, "dir/fifo": 400, "dir": 500} {
			do(os.Lchown(path(name), id, id+1))
		}
		set("program", "security.capability", "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00") // cap_net_raw=ep
		set("dir", "system.posix_acl_default", acl)
		set("dir/file", "system.posix_acl_access", acl)
		set("link", "trusted.of.a.link", "x")
		set("socket", "trusted.of.a.socket", "y")
		do(unix.Mknod(path("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))), unix.Mknod(path("disk"), unix.S_IFBLK|0o600, int(unix.Mkdev(259, 70_000))))
	}
	do(os.Chmod(path("dir"), 0o755|fs.ModeSticky|fs.ModeSetgid), os.Chmod(path("read only"), 0o400), os.Chmod(path("dir/fifo"), 0o622), os.Chmod(path("socket"), 0o711))
	do(os.Chmod(path("dir/closed"), 0o500))
	old := unix.NsecToTimespec(time.Date(2001, 2, 3, 4, 5, 6, 700, time.UTC).UnixNano())
	for _, name := range []string{"dir/fifo", "socket", "link", "dir/closed", "dir/file", "dir", "."} {
		do(unix.UtimesNanoAt(unix.AT_FDCWD, path(name), []unix.Timespec{old, old}, unix.AT_SYMLINK_NOFOLLOW))
	}
	return root
}

// listUnix tells all that POSIX has of the files in a directory, a line each.
func listUnix(t *testing.T, dir string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		buf := make([]byte, 64<<10)
		n, err := unix.Llistxattr(path, buf)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %v %d:%d %d %d %v", strings.TrimPrefix(path, dir), info.Mode(), st.Uid, st.Gid, st.Rdev, st.Nlink, info.ModTime().Truncate(100))
		names := strings.FieldsFunc(string(buf[:n]), func(r rune) bool { return r == 0 })
		slices.Sort(names)
		for _, name := range names {
			n, err := unix.Lgetxattr(path, name, buf)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %s=%q", name, buf[:n])
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// unixImage captures a tree with all that POSIX has.
func unixImage(t *testing.T, dir string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "unix.wim")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := capture.Write(bg, f, []capture.Source{{Dir: dir}}, capture.WriteOptions{Scan: capture.Options{UnixData: true}}); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestWhatUnixDataKeepsComesBackWhole(t *testing.T) {
	src := t.TempDir()
	unixTree(t, src)
	want := listUnix(t, src)
	image := unixImage(t, src)
	fsys, dir := osTarget(t)
	rep := applyFile(t, image, fsys, FileOptions{})
	sameLines(t, listUnix(t, dir), want)
	if rep.Lost != (Lost{}) {
		t.Errorf("lost %+v", rep.Lost)
	}
	over := t.TempDir()
	if err := os.MkdirAll(filepath.Join(over, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(over, "socket"), []byte("in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	wf, err := wim.Open(bytes.NewReader(image), int64(len(image)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Over(bg, wf, 1, over, FileOptions{}); err != nil {
		t.Fatal(err)
	}
	sameLines(t, listUnix(t, over), want)
}

// unlinking is a target on which the first symbolic link fails.
type unlinking struct {
	vfs.FS
	failed bool
}

func (f *unlinking) Symlink(target, name string) error {
	if !f.failed {
		f.failed = true
		return vfs.IOError
	}
	return f.FS.Symlink(target, name)
}

func (f *unlinking) Mknod(name string, mode, dev uint32) error {
	return f.FS.(nodes).Mknod(name, mode, dev)
}

func (f *unlinking) Lchown(name string, uid, gid int) error {
	return f.FS.(owners).Lchown(name, uid, gid)
}

func (f *unlinking) Lsetxattr(name, attr string, b []byte) error {
	return f.FS.(vfs.Xattrs).Lsetxattr(name, attr, b)
}

func (f *unlinking) Lgetxattr(name, attr string) ([]byte, error) {
	return f.FS.(vfs.Xattrs).Lgetxattr(name, attr)
}

func TestSpecialFilesAreMadeOnceWhereAnApplyGoesOn(t *testing.T) {
	src := t.TempDir()
	unixTree(t, src)
	image := unixImage(t, src)
	fsys, dir := osTarget(t)
	broken := &unlinking{FS: fsys}
	if _, err := fileOf(image, 1, broken, FileOptions{}); !errors.Is(err, vfs.IOError) {
		t.Fatalf("apply that fails: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "dir", "fifo")); err != nil {
		t.Fatal("the test fails too early: ", err)
	}
	applyFile(t, image, broken, FileOptions{})
	sameLines(t, listUnix(t, dir), listUnix(t, src))
}

func TestWhatPOSIXRefusesIsCounted(t *testing.T) {
	src := t.TempDir()
	all := unixTree(t, src)
	image := unixImage(t, src)
	specials := 2 // fifo, socket
	if all {
		specials += 2
	}
	// A tree in memory has neither owners nor special files, and takes any xattr.
	rep := applyFile(t, image, vfs.NewMem(), FileOptions{})
	if rep.Lost.Special != specials || rep.Lost.Xattrs != 0 {
		t.Errorf("in memory: lost %+v, want %d special files", rep.Lost, specials)
	}
	fsys, dir := osTarget(t)
	rep = applyFile(t, image, fsys, FileOptions{NoUnix: true})
	if rep.Lost != (Lost{Special: specials}) {
		t.Errorf("without what POSIX has: lost %+v, want %d special files", rep.Lost, specials)
	}
	for _, line := range listUnix(t, dir) {
		if strings.Contains(line, "user.") || strings.Contains(line, "security.capability") {
			t.Errorf("not asked for: %s", line)
		}
	}
	odd := testFile("odd", []byte("x"))
	odd.tagged = wim.AppendItem(nil, wim.TagEAs, wim.AppendEAs(nil, []wim.EA{{Name: "OF.WINDOWS", Value: []byte("1")}, {Name: "user.kept"}, {Name: "system.nobody.has"}}))
	fsys, dir = osTarget(t)
	rep = applyFile(t, buildWIM(testDir("", odd)), fsys, FileOptions{})
	if rep.Lost != (Lost{Xattrs: 2}) {
		t.Errorf("of Windows: lost %+v, want 2 xattrs", rep.Lost)
	}
	if lines := listUnix(t, dir); !strings.HasSuffix(lines[len(lines)-1], ` user.kept=""`) {
		t.Errorf("there is %s", lines)
	}
}
