package device

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// NextData returns the next range of a file of that size, from off on, that is not a hole; start is size when there is none. Where the
// file system cannot tell, it is the rest of the file. It moves the file's own position.
func NextData(f *os.File, off, size int64) (start, end int64, err error) {
	start, err = unix.Seek(int(f.Fd()), off, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO):
		return size, size, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return off, size, nil
	case err != nil:
		return 0, 0, &os.PathError{Op: "seek", Path: f.Name(), Err: err}
	}
	end, err = unix.Seek(int(f.Fd()), start, unix.SEEK_HOLE)
	if err != nil {
		return 0, 0, &os.PathError{Op: "seek", Path: f.Name(), Err: err}
	}
	return min(start, size), min(end, size), nil
}
