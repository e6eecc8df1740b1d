package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockAt is the byte that is locked: far beyond any content, because on Windows a locked byte cannot be read by others.
const lockAt = 1 << 62

func lockFile(file *os.File) error {
	at := windows.Overlapped{OffsetHigh: lockAt >> 32}
	err := windows.LockFileEx(windows.Handle(file.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrLocked
	}
	return err
}

// syncDir checks that the directory is there. Windows has no way to sync one through os.Root; NTFS keeps names in a log,
// in order, which the sync of any later file writes out too.
func (f *osFS) syncDir(l string) error {
	_, err := f.root.Stat(l)
	return err
}

// syncFile opens for writing, because Windows flushes only a handle that may write.
func (f *osFS) syncFile(l string) error {
	file, err := f.root.OpenFile(l, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
