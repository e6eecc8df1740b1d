package ntfs3g

import (
	"errors"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wimcast/wimcast/internal/vfs"
)

var (
	_ FS     = Paths{}
	_ lister = Paths{}
)

// direct opens a file such that reads reach the driver as they are.
const direct = unix.O_DIRECT

// Lgetxattr reads an extended attribute.
func (Paths) Lgetxattr(name, attr string) ([]byte, error) {
	var small [1024]byte
	n, err := unix.Lgetxattr(name, attr, small[:])
	if err == nil {
		return append([]byte(nil), small[:n]...), nil
	}
	if errors.Is(err, unix.ERANGE) || errors.Is(err, unix.EIO) { // ntfs-3g says either of a buffer that is too short
		buf := make([]byte, vfs.MaxXattr)
		if n, err = unix.Lgetxattr(name, attr, buf); err == nil {
			return buf[:n:n], nil
		}
	}
	if errors.Is(err, unix.ENODATA) {
		return nil, vfs.ErrNoXattr
	}
	return nil, &fs.PathError{Op: "getxattr " + attr, Path: name, Err: err}
}

// Lsetxattr sets one.
func (Paths) Lsetxattr(name, attr string, data []byte) error {
	if err := unix.Lsetxattr(name, attr, data, 0); err != nil {
		return &fs.PathError{Op: "setxattr " + attr, Path: name, Err: err}
	}
	return nil
}

// Llistxattr lists those that are listed.
func (Paths) Llistxattr(name string) ([]string, error) {
	buf := make([]byte, vfs.MaxXattr)
	n, err := unix.Llistxattr(name, buf)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, &fs.PathError{Op: "listxattr", Path: name, Err: err}
	}
	return strings.FieldsFunc(string(buf[:n]), func(r rune) bool { return r == 0 }), nil
}
