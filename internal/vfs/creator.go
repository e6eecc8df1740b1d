package vfs

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// Creator makes many files with few calls of the system. It may hold directories open between calls: while it is in use, no directory above
// what it makes may be renamed or removed. It belongs to one goroutine.
type Creator interface {
	// Create makes the file name, which must not be there, with that content and these times; a zero time is left to the system. It is OpenFile
	// with O_CREATE and O_EXCL, Write, Close and Chtimes. When it fails the file is taken away again, if it was made.
	Create(name string, data []byte, perm fs.FileMode, atime, mtime time.Time) error
	Mkdir(name string, perm fs.FileMode) error
	Chtimes(name string, atime, mtime time.Time) error
	// Close gives up what is held open.
	Close() error
}

// NewCreator returns a Creator of fsys: its own if it has one, else one that uses its other calls.
func NewCreator(fsys FS) Creator {
	if f, ok := fsys.(*osFS); ok {
		if c := f.newCreator(); c != nil {
			return c
		}
	}
	return plainCreator{fsys}
}

// plainCreator is a Creator of any FS.
type plainCreator struct{ fsys FS }

func (c plainCreator) Create(name string, data []byte, perm fs.FileMode, atime, mtime time.Time) error {
	f, err := c.fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	if len(data) > 0 {
		_, err = f.Write(data)
	}
	err = errors.Join(err, f.Close())
	if err == nil && !(atime.IsZero() && mtime.IsZero()) {
		err = c.fsys.Chtimes(name, atime, mtime)
	}
	if err != nil {
		c.fsys.Remove(name)
	}
	return err
}

func (c plainCreator) Mkdir(name string, perm fs.FileMode) error { return c.fsys.Mkdir(name, perm) }

func (c plainCreator) Chtimes(name string, atime, mtime time.Time) error {
	return c.fsys.Chtimes(name, atime, mtime)
}

func (c plainCreator) Close() error { return nil }
