//go:build !linux

package vfs

import (
	"io/fs"
	"os"
)

// SyncAll syncs one name after the other: there is no call for all of them.
func (f *osFS) SyncAll(names []string) error {
	for _, name := range names {
		if err := one("sync", name, f.syncOne); err != nil {
			return err
		}
	}
	return nil
}

// openFile opens a file below the root.
func (f *osFS) openFile(l string, flag int, perm fs.FileMode) (*os.File, error) {
	return f.root.OpenFile(l, flag, perm)
}
