package vfs

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"time"
)

// FS is a tree of files below one root. It is safe for concurrent use.
type FS interface {
	// OpenFile opens a file or (read only) a directory; flag and perm are those of os.OpenFile. Symlinks inside the root are
	// followed. O_CREATE with O_EXCL does not follow one in the last element.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)

	Mkdir(name string, perm fs.FileMode) error
	MkdirAll(name string, perm fs.FileMode) error

	// Rename replaces newname if it is there and not a directory.
	Rename(oldname, newname string) error
	// Remove takes away a file, a symlink or an empty directory.
	Remove(name string) error
	// RemoveAll takes away name and what is below it; nil if there is no such name.
	RemoveAll(name string) error

	// Link makes newname a hard link to oldname.
	Link(oldname, newname string) error
	// Symlink makes newname a symlink with the text target, which is not looked at: it may point anywhere, but the FS will not
	// follow it out of the root.
	Symlink(target, newname string) error
	Readlink(name string) (string, error)

	Stat(name string) (fs.FileInfo, error)  // follows symlinks
	Lstat(name string) (fs.FileInfo, error) // does not
	// ReadDir returns the entries of a directory sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)

	// Chmod sets the permission bits; a symlink is followed.
	Chmod(name string, perm fs.FileMode) error
	// Chtimes sets the times of name itself: a symlink is not followed. A zero time leaves that one as it is. The error is
	// errors.ErrUnsupported for a symlink on a system that cannot.
	Chtimes(name string, atime, mtime time.Time) error

	// SyncDir makes the entries of the directory durable: names created, renamed and removed in it.
	SyncDir(name string) error
	// SyncAll makes all named files (their data and attributes) and directories (their entries) durable, as one group: on
	// Linux by one syncfs of the root's file system when there are many, elsewhere by an fsync each. Symlinks become durable
	// with their directory. Name everything that must be durable: what else it happens to write is luck.
	SyncAll(names []string) error

	// Lock creates the file name if need be and takes an exclusive lock on it, held until Close or the end of the process.
	// It does not wait: the error is ErrLocked if someone else, in this process or another, holds it. The file may be read
	// and written meanwhile.
	Lock(name string) (io.Closer, error)

	// Close gives up the root. Files that are open stay so.
	Close() error
}

// File is an open file. ReadAt and WriteAt may be called concurrently.
type File interface {
	io.Reader
	io.Writer
	io.Seeker
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
	Stat() (fs.FileInfo, error)
}

// MaxXattr is the longest value of an extended attribute, in bytes, that Linux takes and gives.
const MaxXattr = 64 << 10

// Xattrs is what an FS also offers if the system has extended attributes. A symlink is not followed.
type Xattrs interface {
	Lsetxattr(name, attr string, data []byte) error
	// Lgetxattr returns ErrNoXattr if name has no such attribute.
	Lgetxattr(name, attr string) ([]byte, error)
}

// Flusher is what an FS also offers if it can write out early what SyncAll would otherwise wait for. Nothing is promised to be durable; an
// error is one of writing, and may be told only once.
type Flusher interface{ Flush() error }

// Errors to test for with errors.Is.
var (
	ErrLocked  = errors.New("locked by another process")
	ErrNoXattr = errors.New("no such attribute")
	ErrCrashed = errors.New("simulated crash")
	ErrEscapes = errors.New("path leaves the root")
)

// Errors that Fault injects.
const (
	NoSpace = syscall.ENOSPC
	IOError = syscall.EIO
)

// checkPath refuses what could leave the root or has more than one spelling. Unlike fs.ValidPath it takes names that are
// not valid UTF-8: a file system may have them.
func checkPath(op, name string) error {
	if name == "." {
		return nil
	}
	bad := func(err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }
	if name == "" || strings.IndexByte(name, 0) >= 0 {
		return bad(fs.ErrInvalid)
	}
	for elem := range strings.SplitSeq(name, "/") {
		switch elem {
		case "..":
			return bad(ErrEscapes)
		case "", ".":
			return bad(fs.ErrInvalid)
		}
	}
	return nil
}

// splitPath returns the directory ("." for the root) and the last element of a checked path.
func splitPath(name string) (dir, base string) {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return ".", name
}
