package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// syncEach is up to how many names SyncAll syncs one by one. Beyond, one syncfs is cheaper than so many waits.
const syncEach = 8

// SyncAll uses syncfs when there are many names. Since Linux 5.8 it reports write errors since the root was opened. What
// lies in a directory of another file system mounted below the root is not covered by it and is synced by itself.
func (f *osFS) SyncAll(names []string) error {
	var here unix.Stat_t
	if err := unix.Fstat(int(f.dir.Fd()), &here); err != nil {
		return &fs.PathError{Op: "stat", Path: f.dir.Name(), Err: err}
	}
	elsewhere := names
	if len(names) > syncEach {
		var err error
		if elsewhere, err = f.elsewhere(names, here.Dev); err != nil {
			return err
		}
		if err := unix.Syncfs(int(f.dir.Fd())); err != nil {
			return &fs.PathError{Op: "syncfs", Path: f.dir.Name(), Err: err}
		}
	}
	for _, name := range elsewhere {
		if err := one("sync", name, f.syncOne); err != nil {
			return err
		}
	}
	return nil
}

// Flush implements Flusher.
func (f *osFS) Flush() error {
	if err := unix.Syncfs(int(f.dir.Fd())); err != nil {
		return &fs.PathError{Op: "syncfs", Path: f.dir.Name(), Err: err}
	}
	return nil
}

// elsewhere returns the names that lie in directories on another device.
func (f *osFS) elsewhere(names []string, here uint64) (out []string, err error) {
	far := map[string]bool{}
	for _, name := range names {
		if _, err := local("sync", name); err != nil {
			return nil, err
		}
		dir, _ := splitPath(name)
		is, known := far[dir]
		if !known {
			info, err := f.root.Stat(dir)
			if err != nil {
				return nil, err
			}
			st, ok := info.Sys().(*syscall.Stat_t)
			is = !ok || st.Dev != here
			far[dir] = is
		}
		if is {
			out = append(out, name)
		}
	}
	return out, nil
}

// beneathTries bounds how often openat2 is asked again because a rename under way kept it from telling whether the path stays in the root.
const beneathTries = 100

// errNoBeneath says that the system has no openat2, or forbids it.
var errNoBeneath = errors.New("no openat2")

// openBeneath opens l with one call that cannot leave the root. os.Root opens every directory on the way, which costs two round trips each on
// a file system in user space.
func (f *osFS) openBeneath(l string, flag int, mode uint32) (int, error) {
	if f.noBeneath.Load() {
		return -1, errNoBeneath
	}
	how := unix.OpenHow{Flags: uint64(flag | unix.O_CLOEXEC), Resolve: unix.RESOLVE_BENEATH}
	if flag&unix.O_PATH == 0 {
		how.Flags |= unix.O_LARGEFILE
	}
	if flag&unix.O_CREAT != 0 {
		how.Mode = uint64(mode)
	}
	var err error
	for range beneathTries {
		var fd int
		fd, err = unix.Openat2(int(f.dir.Fd()), l, &how)
		switch err {
		case nil:
			return fd, nil
		case unix.EAGAIN, unix.EINTR:
			continue
		case unix.ENOSYS:
			f.noBeneath.Store(true)
			return -1, errNoBeneath
		case unix.EPERM: // a filter of system calls may say so, and then os.Root finds out whether it was one
			return -1, errNoBeneath
		case unix.EXDEV:
			err = ErrEscapes
		}
		break
	}
	return -1, &fs.PathError{Op: "open", Path: l, Err: err}
}

// openFile opens a file below the root.
func (f *osFS) openFile(l string, flag int, perm fs.FileMode) (*os.File, error) {
	if perm&^fs.ModePerm != 0 {
		return f.root.OpenFile(l, flag, perm) // which refuses it
	}
	fd, err := f.openBeneath(l, flag, uint32(perm))
	if errors.Is(err, errNoBeneath) {
		return f.root.OpenFile(l, flag, perm)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), filepath.Join(f.root.Name(), l)), nil
}
