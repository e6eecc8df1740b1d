package vfs

import (
	"io/fs"
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
