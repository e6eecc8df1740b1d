package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// osFS is the file system below a directory, held by os.Root.
type osFS struct {
	root *os.Root
	dir  *os.File // the root itself: for syncfs, which tells each descriptor of errors since it was opened

	noBeneath atomic.Bool // Linux: there is no openat2
}

// OS returns the file system below the existing directory dir.
func OS(dir string) (FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	self, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &osFS{root: root, dir: self}, nil
}

// LockFile locks an open file as Lock does, until it is closed. Locks are advisory: whoever does not ask for one is not kept off.
func LockFile(file *os.File) error { return lockFile(file) }

// local turns a path of this package into one of the system.
func local(op, name string) (string, error) {
	if err := checkPath(op, name); err != nil {
		return "", err
	}
	if filepath.Separator == '/' {
		return name, nil
	}
	l, err := filepath.Localize(name)
	if err != nil {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return l, nil
}

func (f *osFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	l, err := local("open", name)
	if err != nil {
		return nil, err
	}
	file, err := f.openFile(l, flag, perm)
	if err != nil {
		return nil, err // not file: a nil *os.File is not a nil File
	}
	return file, nil
}

// one runs a call that takes one path.
func one(op, name string, call func(string) error) error {
	l, err := local(op, name)
	if err != nil {
		return err
	}
	return call(l)
}

// two runs a call that takes two paths.
func two(op, a, b string, call func(a, b string) error) error {
	la, err := local(op, a)
	if err != nil {
		return err
	}
	lb, err := local(op, b)
	if err != nil {
		return err
	}
	return call(la, lb)
}

func (f *osFS) Mkdir(name string, perm fs.FileMode) error {
	return one("mkdir", name, func(l string) error { return f.root.Mkdir(l, perm) })
}

func (f *osFS) MkdirAll(name string, perm fs.FileMode) error {
	return one("mkdir", name, func(l string) error { return f.root.MkdirAll(l, perm) })
}

func (f *osFS) Rename(oldname, newname string) error {
	return two("rename", oldname, newname, f.root.Rename)
}

func (f *osFS) Remove(name string) error    { return one("remove", name, f.root.Remove) }
func (f *osFS) RemoveAll(name string) error { return one("remove", name, f.root.RemoveAll) }

func (f *osFS) Link(oldname, newname string) error { return two("link", oldname, newname, f.root.Link) }

func (f *osFS) Symlink(target, newname string) error {
	return one("symlink", newname, func(l string) error { return f.root.Symlink(target, l) })
}

func (f *osFS) Readlink(name string) (target string, err error) {
	err = one("readlink", name, func(l string) (err error) {
		target, err = f.root.Readlink(l)
		return err
	})
	return target, err
}

func (f *osFS) Stat(name string) (info fs.FileInfo, err error) {
	err = one("stat", name, func(l string) (err error) {
		info, err = f.root.Stat(l)
		return err
	})
	return info, err
}

func (f *osFS) Lstat(name string) (info fs.FileInfo, err error) {
	err = one("lstat", name, func(l string) (err error) {
		info, err = f.root.Lstat(l)
		return err
	})
	return info, err
}

func (f *osFS) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = one("readdir", name, func(l string) error {
		dir, err := f.root.Open(l)
		if err != nil {
			return err
		}
		defer dir.Close()
		entries, err = dir.ReadDir(-1)
		return err
	})
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// Path returns a name's path on the system, for calls of the system that this package does not have. Callers find it by type assertion. Nothing
// keeps such a call from following a symlink out of the root: they must know that there is none.
func (f *osFS) Path(name string) (path string, err error) {
	err = one("path", name, func(l string) error {
		path = filepath.Join(f.root.Name(), l)
		return nil
	})
	return path, err
}

// Lchown sets owner and group of name itself: a symlink is not followed. Callers find it by type assertion: a tree in
// memory has no owners.
func (f *osFS) Lchown(name string, uid, gid int) error {
	return one("lchown", name, func(l string) error { return f.root.Lchown(l, uid, gid) })
}

func (f *osFS) Chmod(name string, perm fs.FileMode) error {
	return one("chmod", name, func(l string) error { return f.root.Chmod(l, perm) })
}

func (f *osFS) Chtimes(name string, atime, mtime time.Time) error {
	return one("chtimes", name, func(l string) error { return f.chtimes(l, atime, mtime) })
}

func (f *osFS) SyncDir(name string) error {
	return one("sync", name, f.syncDir)
}

// syncOne makes a file or a directory durable by itself.
func (f *osFS) syncOne(l string) error {
	info, err := f.root.Lstat(l)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return f.syncDir(l)
	case !info.Mode().IsRegular():
		return nil // durable with its directory
	}
	return f.syncFile(l)
}

func (f *osFS) Lock(name string) (lock io.Closer, err error) {
	err = one("lock", name, func(l string) error {
		for range lockTries {
			if lock, err = f.tryLock(l); lock != nil || err != nil {
				return err
			}
		}
		return &fs.PathError{Op: "lock", Path: name, Err: errors.New("the file is removed again and again")}
	})
	return lock, err
}

// lockTries bounds how often Lock starts again because the file it opened has lost its name meanwhile.
const lockTries = 10

// tryLock returns nil and no error if the file lost its name between open and lock.
func (f *osFS) tryLock(l string) (io.Closer, error) {
	file, err := f.root.OpenFile(l, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(file); err != nil {
		file.Close()
		return nil, &fs.PathError{Op: "lock", Path: l, Err: err}
	}
	mine, err := file.Stat()
	if err == nil {
		var named fs.FileInfo
		if named, err = f.root.Stat(l); err == nil && os.SameFile(mine, named) {
			return file, nil
		}
	}
	file.Close()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return nil, nil
}

func (f *osFS) Close() error {
	if err := errors.Join(f.dir.Close(), f.root.Close()); err != nil {
		return fmt.Errorf("close %s: %w", f.root.Name(), err)
	}
	return nil
}
