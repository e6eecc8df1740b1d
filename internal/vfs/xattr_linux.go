package vfs

import (
	"errors"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

var _ Xattrs = (*osFS)(nil)

// inParent opens the directory of l inside the root and runs call with its descriptor's /proc name joined with l's last
// element: the last element is then not followed, and no element before it can have left the root.
func (f *osFS) inParent(op, l string, call func(fd int, path, base string) error) error {
	dir, base := splitPath(l)
	if l == "." {
		base = "."
	}
	fd, err := f.openBeneath(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if errors.Is(err, errNoBeneath) {
		parent, err := f.root.Open(dir)
		if err != nil {
			return err
		}
		defer parent.Close()
		fd = int(parent.Fd())
	} else if err != nil {
		return err
	} else {
		defer unix.Close(fd)
	}
	if err := call(fd, "/proc/self/fd/"+strconv.Itoa(fd)+"/"+base, base); err != nil {
		return &fs.PathError{Op: op, Path: l, Err: err}
	}
	return nil
}

func (f *osFS) Lsetxattr(name, attr string, data []byte) error {
	return one("setxattr", name, func(l string) error {
		return f.inParent("setxattr", l, func(_ int, path, _ string) error { return unix.Lsetxattr(path, attr, data, 0) })
	})
}

func (f *osFS) Lgetxattr(name, attr string) (data []byte, err error) {
	err = one("getxattr", name, func(l string) error {
		return f.inParent("getxattr", l, func(_ int, path, _ string) error {
			buf := make([]byte, MaxXattr)
			n, err := unix.Lgetxattr(path, attr, buf)
			if errors.Is(err, unix.ENODATA) {
				return ErrNoXattr
			}
			if err == nil {
				data = buf[:n:n]
			}
			return err
		})
	})
	return data, err
}

// Fsetxattr sets an extended attribute of an open file. The error is errors.ErrUnsupported for a file that is not the system's own: set it by
// name then.
func Fsetxattr(f File, attr string, data []byte) error {
	file, ok := f.(*os.File)
	if !ok {
		return errors.ErrUnsupported
	}
	if err := unix.Fsetxattr(int(file.Fd()), attr, data, 0); err != nil {
		return &fs.PathError{Op: "setxattr", Path: file.Name(), Err: err}
	}
	return nil
}
