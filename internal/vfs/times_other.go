//go:build !linux

package vfs

import (
	"errors"
	"io/fs"
	"time"
)

// chtimes can set a symlink's own times on Linux only.
func (f *osFS) chtimes(l string, atime, mtime time.Time) error {
	info, err := f.root.Lstat(l)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return &fs.PathError{Op: "chtimes", Path: l, Err: errors.ErrUnsupported}
	}
	return f.root.Chtimes(l, atime, mtime)
}
