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
// lies on another file system mounted below the root is not covered by it and is synced by itself.
func (f *osFS) SyncAll(names []string) error {
	var here unix.Stat_t
	if err := unix.Fstat(int(f.dir.Fd()), &here); err != nil {
		return &fs.PathError{Op: "stat", Path: f.dir.Name(), Err: err}
	}
	elsewhere := names
	if len(names) > syncEach {
		elsewhere = nil
		for _, name := range names {
			l, err := local("sync", name)
			if err != nil {
				return err
			}
			info, err := f.root.Lstat(l)
			if err != nil {
				return err
			}
			if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Dev != here.Dev {
				elsewhere = append(elsewhere, name)
			}
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
