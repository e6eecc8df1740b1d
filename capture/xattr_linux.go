package capture

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// tagXattrs marks the tagged item that holds extended attributes.
const tagXattrs = 2

// maxXattrs bounds the attributes of one file, in bytes: what Linux allows for the list of names, and a value.
const maxXattrs = 1 << 20

// xattrItem returns the tagged item with the extended attributes of a file, sorted by name; nil when it has none. Each is stored as the length of its
// value in two bytes, the length of its name in one, a byte of flags, the name, a zero byte and the value.
func xattrItem(path string, follow bool) ([]byte, error) {
	names, err := listXattrs(path, follow)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	item := make([]byte, 8)
	buf := make([]byte, 64<<10) // the longest value there is
	for _, name := range names {
		get := unix.Lgetxattr
		if follow {
			get = unix.Getxattr
		}
		n, err := get(path, name, buf)
		if errors.Is(err, unix.ENODATA) {
			continue // a security module lists it and does not give it, or it is gone
		}
		if err != nil {
			return nil, err
		}
		if item, err = appendXattr(item, name, buf[:n]); err != nil {
			return nil, err
		}
	}
	if len(item) == 8 {
		return nil, nil
	}
	le := binary.LittleEndian
	le.PutUint32(item, tagXattrs)
	le.PutUint32(item[4:], uint32(len(item)-8))
	return append(item, make([]byte, -len(item)&7)...), nil
}

// appendXattr adds an attribute to an item.
func appendXattr(item []byte, name string, value []byte) ([]byte, error) {
	if len(name) > 255 || len(value) > 0xffff || len(item)+4+len(name)+1+len(value) > maxXattrs {
		return nil, errors.New("its extended attributes are too long for an image")
	}
	item = binary.LittleEndian.AppendUint16(item, uint16(len(value)))
	item = append(item, byte(len(name)), 0)
	return append(append(append(item, name...), 0), value...), nil
}

// listXattrs returns the names of a file's extended attributes, sorted. Of a file system without any it returns none.
func listXattrs(path string, follow bool) ([]string, error) {
	list := unix.Llistxattr
	if follow {
		list = unix.Listxattr
	}
	n, err := list(path, nil)
	if errors.Is(err, syscall.ENOTSUP) || err == nil && n == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	buf := make([]byte, min(n+4096, maxXattrs)) // some room for what is added meanwhile
	if n, err = list(path, buf); err != nil {
		return nil, err
	}
	names := strings.FieldsFunc(string(buf[:n]), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	return names, nil
}
