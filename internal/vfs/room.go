package vfs

import (
	"errors"
	"fmt"
)

// Roomy is what an FS also offers if it can say how much fits into it.
type Roomy interface {
	// Room is how many bytes this user may yet write; false when nobody can tell, as on a file system that compresses.
	Room() (bytes int64, known bool)
}

// ErrNoRoom says that something does not fit, which was found before any of it was written.
var ErrNoRoom = errors.New("not enough room on the disk")

// Room is how many bytes may yet be written to fsys; false when nobody can tell.
func Room(fsys FS) (bytes int64, known bool) {
	if r, ok := fsys.(Roomy); ok {
		return r.Room()
	}
	return 0, false
}

// Fits fails with ErrNoRoom if it is known that so many bytes more do not fit into fsys.
func Fits(fsys FS, need int64) error {
	free, known := Room(fsys)
	if !known || need <= free {
		return nil
	}
	return fmt.Errorf("%w: %s are needed and %s are free", ErrNoRoom, mib(need), mib(free))
}

func mib(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// Puncher is what a File also offers if a range of it can be made a hole, which takes no room. It reads as zeros then; the size stays.
type Puncher interface {
	Punch(off, size int64) error
}

// Punch makes a range of a file a hole. The error is errors.ErrUnsupported where that cannot be done.
func Punch(f File, off, size int64) error {
	if p, ok := f.(Puncher); ok {
		return p.Punch(off, size)
	}
	if fd, ok := f.(interface{ Fd() uintptr }); ok {
		return punch(fd.Fd(), off, size)
	}
	return errors.ErrUnsupported
}
