package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Op is a set of kinds of calls.
type Op uint32

// Kinds of calls that a Plan can pick.
const (
	OpOpen   Op = 1 << iota // OpenFile of what is there, Lock
	OpRead                  // Read, ReadAt
	OpStat                  // Stat, Lstat, ReadDir, Readlink, Lgetxattr, File.Stat, Seek
	OpWrite                 // Write, WriteAt
	OpSync                  // File.Sync, SyncAll
	OpDir                   // SyncDir
	OpMeta                  // Truncate, Chmod, Chtimes, Lsetxattr
	OpCreate                // OpenFile with O_CREATE, Mkdir, MkdirAll, Link, Symlink
	OpRename                // Rename
	OpRemove                // Remove, RemoveAll

	// OpMutate is every call that changes something or makes it durable: the crash points.
	OpMutate = OpWrite | OpSync | OpDir | OpMeta | OpCreate | OpRename | OpRemove
	// OpAll is every call but Close, which never fails on purpose.
	OpAll = OpMutate | OpOpen | OpRead | OpStat
)

// Plan says which calls fail, and how.
type Plan struct {
	At     int   // the At-th call of the kinds in Ops fails, counted from 1; 0: none
	Ops    Op    // the kinds that count; 0: OpAll
	Err    error // NoSpace, IOError, or ErrCrashed: the call and all later ones of any kind fail
	Short  bool  // a write that fails has written half of its bytes
	Sticky bool  // later calls of the kinds in Ops fail too, until Heal
}

// Faulty is an FS that fails as planned. It has extended attributes if what it wraps has.
type Faulty struct {
	fs FS

	mu     sync.Mutex
	plan   Plan
	calls  int
	healed bool
	hit    bool
}

var (
	_ FS     = (*Faulty)(nil)
	_ Xattrs = (*Faulty)(nil)
)

// Fault wraps fsys.
func Fault(fsys FS, plan Plan) *Faulty {
	if plan.Ops == 0 {
		plan.Ops = OpAll
	}
	return &Faulty{fs: fsys, plan: plan}
}

// Calls returns how many calls of the kinds in the plan's Ops there were.
func (f *Faulty) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Hit reports whether a call has failed.
func (f *Faulty) Hit() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hit
}

// Heal ends all faults: calls succeed from now on, unless the plan was a crash that has come.
func (f *Faulty) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.healed = true
}

// fail counts a call and returns the error it must fail with, or nil.
func (f *Faulty) fail(kind Op, action, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	crashed := f.hit && errors.Is(f.plan.Err, ErrCrashed)
	if kind&f.plan.Ops != 0 {
		f.calls++
		at := f.calls == f.plan.At || f.plan.Sticky && f.hit
		f.hit = f.hit || at && !f.healed
		if at && !f.healed {
			return &fs.PathError{Op: action, Path: name, Err: f.plan.Err}
		}
	}
	if crashed {
		return &fs.PathError{Op: action, Path: name, Err: ErrCrashed}
	}
	return nil
}

// OpenFile implements FS.
func (f *Faulty) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	kind := OpOpen
	if flag&(os.O_CREATE|os.O_TRUNC) != 0 {
		kind = OpCreate
	}
	if err := f.fail(kind, "open", name); err != nil {
		return nil, err
	}
	file, err := f.fs.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultyFile{f, file, name}, nil
}

// Mkdir implements FS.
func (f *Faulty) Mkdir(name string, perm fs.FileMode) error {
	if err := f.fail(OpCreate, "mkdir", name); err != nil {
		return err
	}
	return f.fs.Mkdir(name, perm)
}

// MkdirAll implements FS.
func (f *Faulty) MkdirAll(name string, perm fs.FileMode) error {
	if err := f.fail(OpCreate, "mkdir", name); err != nil {
		return err
	}
	return f.fs.MkdirAll(name, perm)
}

// Rename implements FS.
func (f *Faulty) Rename(oldname, newname string) error {
	if err := f.fail(OpRename, "rename", oldname); err != nil {
		return err
	}
	return f.fs.Rename(oldname, newname)
}

// Remove implements FS.
func (f *Faulty) Remove(name string) error {
	if err := f.fail(OpRemove, "remove", name); err != nil {
		return err
	}
	return f.fs.Remove(name)
}

// RemoveAll implements FS.
func (f *Faulty) RemoveAll(name string) error {
	if err := f.fail(OpRemove, "remove", name); err != nil {
		return err
	}
	return f.fs.RemoveAll(name)
}

// Link implements FS.
func (f *Faulty) Link(oldname, newname string) error {
	if err := f.fail(OpCreate, "link", newname); err != nil {
		return err
	}
	return f.fs.Link(oldname, newname)
}

// Symlink implements FS.
func (f *Faulty) Symlink(target, newname string) error {
	if err := f.fail(OpCreate, "symlink", newname); err != nil {
		return err
	}
	return f.fs.Symlink(target, newname)
}

// Readlink implements FS.
func (f *Faulty) Readlink(name string) (string, error) {
	if err := f.fail(OpStat, "readlink", name); err != nil {
		return "", err
	}
	return f.fs.Readlink(name)
}

// Stat implements FS.
func (f *Faulty) Stat(name string) (fs.FileInfo, error) {
	if err := f.fail(OpStat, "stat", name); err != nil {
		return nil, err
	}
	return f.fs.Stat(name)
}

// Lstat implements FS.
func (f *Faulty) Lstat(name string) (fs.FileInfo, error) {
	if err := f.fail(OpStat, "lstat", name); err != nil {
		return nil, err
	}
	return f.fs.Lstat(name)
}

// ReadDir implements FS.
func (f *Faulty) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.fail(OpStat, "readdir", name); err != nil {
		return nil, err
	}
	return f.fs.ReadDir(name)
}

// Chmod implements FS.
func (f *Faulty) Chmod(name string, perm fs.FileMode) error {
	if err := f.fail(OpMeta, "chmod", name); err != nil {
		return err
	}
	return f.fs.Chmod(name, perm)
}

// Chtimes implements FS.
func (f *Faulty) Chtimes(name string, atime, mtime time.Time) error {
	if err := f.fail(OpMeta, "chtimes", name); err != nil {
		return err
	}
	return f.fs.Chtimes(name, atime, mtime)
}

// SyncDir implements FS.
func (f *Faulty) SyncDir(name string) error {
	if err := f.fail(OpDir, "sync", name); err != nil {
		return err
	}
	return f.fs.SyncDir(name)
}

// SyncAll implements FS.
func (f *Faulty) SyncAll(names []string) error {
	if err := f.fail(OpSync, "sync", "."); err != nil {
		return err
	}
	return f.fs.SyncAll(names)
}

// Lock implements FS.
func (f *Faulty) Lock(name string) (io.Closer, error) {
	if err := f.fail(OpOpen, "lock", name); err != nil {
		return nil, err
	}
	return f.fs.Lock(name)
}

// Lsetxattr implements Xattrs.
func (f *Faulty) Lsetxattr(name, attr string, data []byte) error {
	if err := f.fail(OpMeta, "setxattr", name); err != nil {
		return err
	}
	x, ok := f.fs.(Xattrs)
	if !ok {
		return &fs.PathError{Op: "setxattr", Path: name, Err: errors.ErrUnsupported}
	}
	return x.Lsetxattr(name, attr, data)
}

// Lgetxattr implements Xattrs.
func (f *Faulty) Lgetxattr(name, attr string) ([]byte, error) {
	if err := f.fail(OpStat, "getxattr", name); err != nil {
		return nil, err
	}
	x, ok := f.fs.(Xattrs)
	if !ok {
		return nil, &fs.PathError{Op: "getxattr", Path: name, Err: errors.ErrUnsupported}
	}
	return x.Lgetxattr(name, attr)
}

// Close implements FS.
func (f *Faulty) Close() error { return f.fs.Close() }
