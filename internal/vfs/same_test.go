package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"pgregory.net/rapid"
)

// TestMemBehavesAsTheSystem runs the same random calls on Mem and on the real file system: both must succeed or fail alike, and
// leave the same tree.
func TestMemBehavesAsTheSystem(t *testing.T) {
	base := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		dir := fmt.Sprintf("%s/%d", base, runs)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		disk, err := OS(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer disk.Close()
		mem := NewMem()
		names := rapid.SampledFrom([]string{"a", "b", "a/a", "a/b", "b/a", "b/b", "a/b/a", "b/a/b", "a/b/b"})
		for range rapid.IntRange(1, 40).Draw(t, "calls") {
			kind := rapid.IntRange(0, 8).Draw(t, "kind")
			x, y := names.Draw(t, "x"), names.Draw(t, "y")
			n := rapid.Int64Range(0, 9000).Draw(t, "n")
			merr, derr := call(mem, kind, x, y, n), call(disk, kind, x, y, n)
			if (merr == nil) != (derr == nil) || errors.Is(merr, fs.ErrNotExist) != errors.Is(derr, fs.ErrNotExist) ||
				errors.Is(merr, fs.ErrExist) != errors.Is(derr, fs.ErrExist) {
				t.Fatalf("call %d %s %s: in memory %v, on disk %v", kind, x, y, merr, derr)
			}
		}
		if m, d := tree(mem, "."), tree(disk, "."); m != d {
			t.Fatalf("in memory:\n%s\non disk:\n%s", m, d)
		}
	})
}

func call(fsys FS, kind int, x, y string, n int64) error {
	switch kind {
	case 0:
		return fsys.Mkdir(x, 0o755)
	case 1:
		return fsys.Rename(x, y)
	case 2:
		return fsys.Remove(x)
	case 3:
		return fsys.RemoveAll(x)
	case 4:
		return fsys.MkdirAll(x, 0o755)
	}
	flag := os.O_RDWR | os.O_CREATE
	if kind == 5 {
		flag |= os.O_EXCL
	}
	file, err := fsys.OpenFile(x, flag, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	if kind == 6 {
		return file.Truncate(n)
	}
	if kind == 7 {
		_, err = file.Seek(n, 0)
		if err == nil {
			_, err = file.Write([]byte(y))
		}
		return err
	}
	_, err = file.WriteAt([]byte(x), n)
	return err
}

// tree prints everything below a directory.
func tree(fsys FS, dir string) (out string) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return err.Error()
	}
	for _, e := range entries {
		name := e.Name()
		if dir != "." {
			name = dir + "/" + name
		}
		info, err := e.Info()
		if err != nil {
			return err.Error()
		}
		out += fmt.Sprintln(name, info.Mode())
		if e.IsDir() {
			out += tree(fsys, name)
			continue
		}
		file, err := fsys.OpenFile(name, os.O_RDONLY, 0)
		if err != nil {
			return err.Error()
		}
		data := make([]byte, info.Size())
		_, err = file.ReadAt(data, 0)
		out += fmt.Sprintf("%d bytes %q %v\n", len(data), data, err)
		file.Close()
	}
	return out
}
