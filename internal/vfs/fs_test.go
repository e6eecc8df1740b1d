package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// eachFS runs a test on every implementation that promises the same.
func eachFS(t *testing.T, test func(t *testing.T, fsys FS)) {
	for _, name := range []string{"os", "os without openat2"} {
		t.Run(name, func(t *testing.T) {
			fsys, err := OS(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := fsys.Close(); err != nil {
					t.Error(err)
				}
			})
			fsys.(*osFS).noBeneath.Store(name != "os")
			test(t, fsys)
		})
	}
	t.Run("mem", func(t *testing.T) { test(t, NewMem()) })
	t.Run("fault", func(t *testing.T) { test(t, Fault(NewMem(), Plan{})) })
}

func put(t *testing.T, fsys FS, name, data string) {
	t.Helper()
	file, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(file, data); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, fsys FS, name string) string {
	t.Helper()
	file, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return "error: " + err.Error()
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(data)
}

func no(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPathsCannotLeaveTheRoot(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys FS) {
		no(t, fsys.Mkdir("d", 0o755))
		for name, target := range map[string]string{"up": "..", "abs": "/etc", "d/far": "../../etc", "loop": "loop"} {
			no(t, fsys.Symlink(target, name))
		}
		for _, name := range []string{
			"", "/etc/passwd", "../x", "d/../../x", "d//x", "./d", "d/", "a\x00b",
			"up/x", "abs/passwd", "d/far/passwd", "loop/x",
		} {
			calls := map[string]error{
				"mkdir":   fsys.Mkdir(name, 0o755),
				"symlink": fsys.Symlink("t", name),
				"rename":  fsys.Rename("d", name),
			}
			_, calls["open"] = fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
			_, calls["stat"] = fsys.Stat(name)
			_, calls["lstat"] = fsys.Lstat(name)
			_, calls["readdir"] = fsys.ReadDir(name)
			calls["chtimes"] = fsys.Chtimes(name, time.Time{}, time.Unix(1, 0))
			for call, err := range calls {
				if err == nil {
					t.Errorf("%s %q succeeded", call, name)
				}
			}
		}
	})
}

func TestFilesAndNames(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys FS) {
		no(t, fsys.MkdirAll("a/b/c", 0o755))
		no(t, fsys.MkdirAll("a/b/c", 0o755))
		put(t, fsys, "a/f", "hello")
		no(t, fsys.Link("a/f", "a/b/g"))
		no(t, fsys.Symlink("../f", "a/b/s"))
		if got := get(t, fsys, "a/b/s"); got != "hello" {
			t.Errorf("through a symlink: %q", got)
		}
		file, err := fsys.OpenFile("a/b/g", os.O_RDWR, 0)
		no(t, err)
		_, err = file.WriteAt([]byte("J"), 7)
		no(t, err)
		no(t, file.Truncate(6))
		no(t, file.Sync())
		no(t, file.Close())
		if got := get(t, fsys, "a/f"); got != "hello\x00" {
			t.Errorf("through a hard link: %q", got)
		}
		if target, err := fsys.Readlink("a/b/s"); target != "../f" || err != nil {
			t.Errorf("readlink: %q, %v", target, err)
		}
		no(t, fsys.Rename("a/f", "a/b/c/h"))
		var names []string
		entries, err := fsys.ReadDir("a/b")
		no(t, err)
		for _, e := range entries {
			names = append(names, fmt.Sprint(e.Name(), e.IsDir()))
		}
		if got := strings.Join(names, " "); got != "ctrue gfalse sfalse" {
			t.Errorf("readdir: %s", got)
		}
		if err := fsys.Remove("a/b"); err == nil {
			t.Error("a full directory was removed")
		}
		no(t, fsys.SyncDir("a/b"))
		no(t, fsys.SyncAll([]string{".", "a", "a/b", "a/b/c", "a/b/c/h", "a/b/g", "a/b/s", "a", "a", "a"}))
		no(t, fsys.SyncAll([]string{"a/b/s", "a/b/g"}))
		no(t, fsys.RemoveAll("a"))
		no(t, fsys.RemoveAll("a"))
		if _, err := fsys.Stat("a"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after RemoveAll: %v", err)
		}
	})
}

func TestAttributes(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys FS) {
		put(t, fsys, "f", "x")
		no(t, fsys.Symlink("f", "s"))
		no(t, fsys.Chmod("f", 0o640))
		when := time.Date(1601, 2, 3, 4, 5, 6, 700, time.UTC)
		if _, ok := fsys.(*osFS); ok {
			when = when.AddDate(400, 0, 0) // what every file system can keep
		}
		no(t, fsys.Chtimes("f", time.Time{}, when))
		no(t, fsys.Chtimes("s", when, when.Add(time.Second)))
		for name, want := range map[string]time.Time{"f": when, "s": when.Add(time.Second)} {
			info, err := fsys.Lstat(name)
			no(t, err)
			if !info.ModTime().Equal(want) {
				t.Errorf("%s: time %v, want %v", name, info.ModTime(), want)
			}
		}
		if info, err := fsys.Stat("s"); err != nil || info.Mode() != 0o640 || info.Size() != 1 {
			t.Errorf("stat: %v, %v", info, err)
		}
	})
}

func TestXattrsDoNotFollowSymlinks(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys FS) {
		x, ok := fsys.(Xattrs)
		if !ok {
			t.Skip("this system has no extended attributes")
		}
		put(t, fsys, "f", "")
		no(t, fsys.Symlink("f", "s"))
		if _, err := x.Lgetxattr("f", "user.none"); !errors.Is(err, ErrNoXattr) {
			t.Fatalf("an attribute that is not there: %v", err)
		}
		no(t, x.Lsetxattr("f", "user.a", []byte("value")))
		if got, err := x.Lgetxattr("f", "user.a"); err != nil || string(got) != "value" {
			t.Errorf("got %q, %v", got, err)
		}
		if _, err := x.Lgetxattr("s", "user.a"); err == nil {
			t.Error("the symlink was followed")
		}
	})
}

func TestLockExcludesASecondHolder(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys FS) {
		lock, err := fsys.Lock("L")
		no(t, err)
		put(t, fsys, "L", "still writable")
		if _, err := fsys.Lock("L"); !errors.Is(err, ErrLocked) {
			t.Fatalf("second lock: %v", err)
		}
		no(t, lock.Close())
		lock, err = fsys.Lock("L")
		no(t, err)
		no(t, lock.Close())
	})
}

func TestFaultFailsThePlannedCall(t *testing.T) {
	script := func(fsys FS) error {
		file, err := fsys.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		for range 3 {
			if _, err := file.Write(bytes.Repeat([]byte("x"), 10)); err != nil {
				return err
			}
		}
		return errors.Join(file.Sync(), file.Close())
	}
	count := Fault(NewMem(), Plan{})
	no(t, script(count))
	if count.Calls() != 5 || count.Hit() {
		t.Fatalf("%d calls, want 5", count.Calls())
	}
	for at := 1; at <= 5; at++ {
		fsys := Fault(NewMem(), Plan{At: at, Err: NoSpace})
		var pe *fs.PathError
		if err := script(fsys); !errors.Is(err, NoSpace) || !errors.As(err, &pe) || pe.Path != "f" {
			t.Errorf("call %d: error %v", at, err)
		}
		no(t, script(fsys))
	}
	short := Fault(NewMem(), Plan{At: 2, Ops: OpWrite, Err: IOError, Short: true})
	if err := script(short); !errors.Is(err, IOError) || len(get(t, short, "f")) != 15 {
		t.Errorf("short write: %v, %d bytes", err, len(get(t, short, "f")))
	}
	sticky := Fault(NewMem(), Plan{At: 1, Ops: OpWrite, Err: NoSpace, Sticky: true})
	for range 2 {
		if script(sticky) == nil {
			t.Error("a sticky fault went away")
		}
	}
	sticky.Heal()
	no(t, script(sticky))
	crash := Fault(NewMem(), Plan{At: 3, Ops: OpMutate, Err: ErrCrashed})
	if err := script(crash); !errors.Is(err, ErrCrashed) {
		t.Errorf("crash: %v", err)
	}
	crash.Heal()
	if _, err := crash.Stat("f"); !errors.Is(err, ErrCrashed) {
		t.Errorf("after a crash: %v", err)
	}
}

func TestCreatorIsTheOtherCalls(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys FS) {
		c := NewCreator(fsys)
		defer c.Close()
		at := time.Unix(1_500_000_000, 123_456_700)
		no(t, c.Mkdir("d", 0o755))
		for i := range 200 { // more directories than a creator holds
			dir := fmt.Sprintf("d/%d", i)
			no(t, c.Mkdir(dir, 0o755))
			no(t, c.Create(dir+"/f", []byte(dir), 0o644, time.Time{}, at))
			no(t, c.Create(dir+"/empty", nil, 0o644, time.Time{}, time.Time{}))
			no(t, c.Chtimes(dir, at, at))
		}
		for i := range 200 {
			dir := fmt.Sprintf("d/%d", i)
			if got := get(t, fsys, dir+"/f"); got != dir {
				t.Fatalf("%s/f has %q", dir, got)
			}
			for _, name := range []string{dir, dir + "/f"} {
				if info, err := fsys.Lstat(name); err != nil || !info.ModTime().Equal(at) {
					t.Fatalf("%s: %v %v", name, info, err)
				}
			}
		}
		if err := c.Create("d/0/f", []byte("new"), 0o644, at, at); !errors.Is(err, fs.ErrExist) {
			t.Errorf("create what is there: %v", err)
		}
		if got := get(t, fsys, "d/0/f"); got != "d/0" {
			t.Errorf("what was there is %q now", got)
		}
		no(t, fsys.Symlink("0", "d/link"))
		no(t, fsys.Symlink("f", "d/0/dangling"))
		for _, name := range []string{"../x", "/x", "d/../x", "d/0/dangling", "", "none/x"} {
			if err := c.Create(name, []byte("x"), 0o644, at, at); err == nil {
				t.Errorf("create %q: no error", name)
			}
		}
	})
}

func TestPathOfTheSystem(t *testing.T) {
	dir := t.TempDir()
	fsys, err := OS(dir)
	no(t, err)
	defer fsys.Close()
	at := fsys.(interface{ Path(string) (string, error) })
	if got, err := at.Path("a/b"); err != nil || got != filepath.Join(dir, "a", "b") {
		t.Errorf("path of a/b: %q, %v", got, err)
	}
	for _, name := range []string{"..", "/x", "a/../../x", ""} {
		if got, err := at.Path(name); err == nil {
			t.Errorf("path of %q: %q", name, got)
		}
	}
}
