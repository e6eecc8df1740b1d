package ntfs3g

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/wimcast/wimcast/internal/vfs"
)

// The extended attributes.
const (
	attrAttributes = "system.ntfs_attrib_be"
	attrSecurity   = "system.ntfs_acl"
	attrTimes      = "system.ntfs_times_be"
	attrShortName  = "system.ntfs_dos_name"
	attrReparse    = "system.ntfs_reparse_data"
	attrObjectID   = "system.ntfs_object_id"
	attrEA         = "system.ntfs_ea"
	attrEFS        = "system.ntfs_efsinfo"
	attrStreams    = "ntfs.streams.list"
	userPrefix     = "user."
)

// Attributes that have a meaning for setting them.
const (
	attrSystem     = 0x4
	attrNormal     = 0x80
	attrCompressed = 0x800

	// Settable are the attributes that can be set on any file: read-only, hidden, system, archive, temporary, offline and not indexed.
	Settable = 0x1 | 0x2 | 0x4 | 0x20 | 0x100 | 0x1000 | 0x2000
	// SettableDir are those that can be set on a directory.
	SettableDir = Settable | attrCompressed
)

// ErrLinked says that a short name cannot be read or set because the file has several long names.
var ErrLinked = errors.New("the file has several names")

// Times are those of a file, in units of 100 ns since 1601-01-01 UTC. Change cannot be set.
type Times struct{ Created, Modified, Accessed, Changed uint64 }

// Node is a file or directory, by its name or its open file.
type Node struct {
	v    *Volume
	name string
	file vfs.File // nil: by name
}

// Node returns the file or directory of that name. A symbolic link is not followed.
func (v *Volume) Node(name string) Node { return Node{v: v, name: name} }

// Open returns the open file f of that name. Setting by it is cheaper than by name.
func (v *Volume) Open(name string, f vfs.File) Node { return Node{v: v, name: name, file: f} }

// get reads an attribute; nil if there is none.
func (n Node) get(attr string) ([]byte, error) {
	b, err := n.v.fsys.Lgetxattr(n.name, attr)
	if errors.Is(err, syscall.EIO) { // what was a file when the kernel last looked is a reparse point now: it looks again
		b, err = n.v.fsys.Lgetxattr(n.name, attr)
	}
	if errors.Is(err, vfs.ErrNoXattr) {
		return nil, nil
	}
	return b, err
}

func (n Node) set(attr string, data []byte) error {
	if n.file != nil {
		if err := vfs.Fsetxattr(n.file, attr, data); !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EIO) {
			return err
		}
	}
	err := n.v.fsys.Lsetxattr(n.name, attr, data)
	if errors.Is(err, syscall.EIO) { // as in get
		err = n.v.fsys.Lsetxattr(n.name, attr, data)
	}
	return err
}

// Attributes returns the attributes, 0x80 (normal) when there are none.
func (n Node) Attributes() (uint32, error) {
	b, err := n.get(attrAttributes)
	if err == nil && len(b) != 4 {
		err = fmt.Errorf("read attributes of %s: %d bytes", n.name, len(b))
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(b), nil
}

// SetAttributes sets the attributes, of which those that are not settable stay as they are. Set "system" by name: a small file that gets it
// is none to the kernel any more, and could not be closed.
func (n Node) SetAttributes(a uint32) error {
	if err := n.set(attrAttributes, binary.BigEndian.AppendUint32(nil, a&^attrNormal)); err != nil || a&attrSystem == 0 {
		return err
	}
	return n.settle() // ntfs-3g shows it as a pipe, a socket or a device if it is small
}

// Security returns the security descriptor.
func (n Node) Security() ([]byte, error) { return n.get(attrSecurity) }

// SetSecurity sets it, byte for byte.
func (n Node) SetSecurity(sd []byte) error { return n.set(attrSecurity, sd) }

// Times returns all times.
func (n Node) Times() (t Times, err error) {
	b, err := n.get(attrTimes)
	if err == nil && len(b) != 4*8 {
		err = fmt.Errorf("read times of %s: %d bytes", n.name, len(b))
	}
	if err != nil {
		return t, err
	}
	for i, p := range []*uint64{&t.Created, &t.Modified, &t.Accessed, &t.Changed} {
		*p = binary.BigEndian.Uint64(b[8*i:])
	}
	return t, nil
}

// SetTimes sets all times but that of change. Writing to the file, or to the names in a directory, changes them again.
func (n Node) SetTimes(t Times) error {
	b := make([]byte, 0, 3*8)
	for _, v := range []uint64{t.Created, t.Modified, t.Accessed} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return n.set(attrTimes, b)
}

// ShortName returns the short name, "" if there is none.
func (n Node) ShortName() (string, error) {
	b, err := n.get(attrShortName)
	if errors.Is(err, syscall.EMLINK) {
		return "", fmt.Errorf("read short name of %s: %w", n.name, ErrLinked)
	}
	return string(b), err
}

// SetShortName sets the short name, in place of an earlier one. No other name in the directory may be equal but for case: it is not checked.
func (n Node) SetShortName(short string) error {
	err := n.set(attrShortName, []byte(short))
	if errors.Is(err, syscall.EMLINK) {
		return fmt.Errorf("set short name of %s: %w", n.name, ErrLinked)
	}
	return err
}

// Reparse returns the reparse data with its header; nil of what is no reparse point.
func (n Node) Reparse() ([]byte, error) { return n.get(attrReparse) }

// SetReparse makes a file or directory a reparse point. data has the header; the directory of a link must be empty.
func (n Node) SetReparse(data []byte) error {
	if err := n.set(attrReparse, data); err != nil {
		return err
	}
	return n.settle()
}

// settle is called when a file may have changed into something else. The kernel still takes it for what it was, finds that it is not, and fails
// once: here, so that nobody else meets that.
func (n Node) settle() error {
	_, err := n.v.fsys.Lstat(n.name)
	if errors.Is(err, syscall.EIO) {
		_, err = n.v.fsys.Lstat(n.name)
	}
	return err
}

// ObjectID returns the object ID, of 16 to 64 bytes; nil if there is none.
func (n Node) ObjectID() ([]byte, error) { return n.get(attrObjectID) }

// SetObjectID sets it: 16 to 64 bytes.
func (n Node) SetObjectID(id []byte) error { return n.set(attrObjectID, id) }

// EFSInfo returns the metadata of an encrypted file or directory, which says who may decrypt it; nil if it is not encrypted. The volume must be Raw.
func (n Node) EFSInfo() ([]byte, error) { return n.get(attrEFS) }

// SetEFSInfo makes a file or directory an encrypted one. The volume must be Raw; a file must have its contents and streams, as Volume.Raw tells, and
// nothing else: with extended attributes it may fail. It is no error if it was so before.
func (n Node) SetEFSInfo(info []byte) error {
	err := n.set(attrEFS, info)
	if errors.Is(err, syscall.EEXIST) {
		if was, e := n.EFSInfo(); e == nil && bytes.Equal(was, info) {
			return nil
		}
	}
	return err
}

// EAs returns the extended attributes that NTFS itself has.
func (n Node) EAs() ([]EA, error) {
	b, err := n.get(attrEA)
	if err != nil {
		return nil, err
	}
	return ParseEAs(b)
}

// SetEAs sets all of them.
func (n Node) SetEAs(list []EA) error { return n.set(attrEA, AppendEAs(nil, list)) }
