package ntfs3g

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/wimcast/wimcast/internal/vfs"
)

// FS is what a volume is reached through: [vfs.OS] on Linux, or [Paths].
type FS interface {
	vfs.Xattrs
	OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error)
	Lstat(name string) (fs.FileInfo, error)
	Remove(name string) error
}

// lister is an FS that lists extended attributes.
type lister interface {
	Llistxattr(name string) ([]string, error)
}

// Streams says how a mount shows named streams.
type Streams uint8

// The values of the mount option streams_interface.
const (
	StreamsNone    Streams = iota // not at all
	StreamsXattr                  // as extended attributes user.NAME, of at most MaxXattrStream bytes
	StreamsWindows                // as paths file:NAME
)

func (s Streams) String() string {
	return []string{"none", "xattr", "windows"}[s]
}

// Limits in bytes.
const (
	MaxXattrStream = vfs.MaxXattr // of a named stream with StreamsXattr
	MaxReparse     = 16 << 10     // of reparse data with its header
)

// Volume is a directory on an ntfs-3g mount.
type Volume struct {
	fsys    FS
	streams Streams
	raw     bool
}

// Detect returns the volume that fsys lies on if ntfs-3g has mounted it, and nil if not.
func Detect(fsys vfs.FS) (*Volume, error) {
	x, ok := fsys.(FS)
	if !ok {
		return nil, nil
	}
	return detect(x, ".")
}

// detect finds out by one name.
func detect(x FS, name string) (*Volume, error) {
	// Other drivers of NTFS have attributes too, but not the times.
	b, err := x.Lgetxattr(name, attrTimes)
	if errors.Is(err, vfs.ErrNoXattr) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) || err == nil && len(b) != 4*8 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find out the kind of file system: %w", err)
	}
	v := &Volume{fsys: x}
	known := func(attr string) (has, can bool) {
		_, err := x.Lgetxattr(name, attr)
		return err == nil, err == nil || errors.Is(err, vfs.ErrNoXattr)
	}
	list, any := known(attrStreams)
	_, user := known(userPrefix + "wimcast-probe")
	switch {
	case list:
		v.streams = StreamsWindows
	case user && !any: // with "openxattr" every name is that of a stream: nothing there tells streams from the rest
		v.streams = StreamsXattr
	}
	_, v.raw = known(attrEFS)
	return v, nil
}

// Raw reports whether the mount shows encrypted files as they are on the disk: the contents and named streams encrypted, rounded up to 512 bytes, and
// behind them 2 bytes, little-endian, that tell by how much. What is empty has none of these.
func (v *Volume) Raw() bool { return v.raw }

// RawSize returns the size of the contents of an encrypted file, or of its named stream if that is not empty: total is what the volume shows, that is
// as much as is on the disk, and the bytes that tell by how much it was rounded up. The volume must be Raw.
func (v *Volume) RawSize(name, stream string, total int64) (int64, error) {
	if total == 0 || total == rawPad {
		return 0, nil
	}
	stored := total - rawPad
	if stored <= 0 || stored%rawUnit != 0 {
		return 0, fmt.Errorf("read encrypted %s:%s: %d bytes are no whole number of units: %w", name, stream, stored, errors.ErrUnsupported)
	}
	if stream != "" {
		if err := v.checkStream(name, stream); err != nil {
			return 0, err
		}
		name += ":" + stream
	}
	// Those behind a whole number of clusters are read only together with what is before them, and by the reader itself.
	f, err := v.fsys.OpenFile(name, os.O_RDONLY|direct, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var b [rawUnit + rawPad]byte
	n, err := f.ReadAt(b[:], stored-rawUnit)
	switch {
	case errors.Is(err, syscall.EINVAL):
		return 0, fmt.Errorf("read encrypted %s: it was not written up to its end: %w", name, errors.ErrUnsupported)
	case n < len(b):
		return 0, fmt.Errorf("read encrypted %s: %w", name, err)
	}
	size := stored - int64(binary.LittleEndian.Uint16(b[rawUnit:]))
	if size <= stored-rawUnit {
		return 0, fmt.Errorf("read encrypted %s: %d bytes in %d: %w", name, size, stored, errors.ErrUnsupported)
	}
	return size, nil
}

// Of encrypted contents, in bytes.
const (
	rawUnit = 512
	rawPad  = 2
)

// Streams says how the mount shows named streams.
func (v *Volume) Streams() Streams { return v.streams }

// StreamNames lists the named streams of a file or directory, in the order in which the volume has them.
func (v *Volume) StreamNames(name string) ([]string, error) {
	if l, ok := v.fsys.(lister); ok && v.streams == StreamsXattr {
		all, err := l.Llistxattr(name)
		var names []string
		for _, attr := range all {
			if stream, ok := strings.CutPrefix(attr, userPrefix); ok {
				names = append(names, stream)
			}
		}
		return names, err
	}
	if v.streams != StreamsWindows {
		return nil, fmt.Errorf("list streams of %s: the volume is mounted with streams_interface=%v: %w", name, v.streams, errors.ErrUnsupported)
	}
	b, err := v.Node(name).get(attrStreams)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	return parseStreams(b), nil
}

// parseStreams splits a list of names. A stream was once seen in it twice.
func parseStreams(b []byte) []string {
	var names []string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(b), "\x00"), "\x00") {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// OpenStream opens a named stream as vfs.FS.OpenFile does. The volume must have StreamsWindows.
func (v *Volume) OpenStream(name, stream string, flag int) (vfs.File, error) {
	if err := v.checkStream(name, stream); err != nil {
		return nil, err
	}
	path := name + ":" + stream
	f, err := v.fsys.OpenFile(path, flag, 0o666)
	if flag&os.O_CREATE != 0 && errors.Is(err, fs.ErrNotExist) {
		// The kernel remembers the stream of a file of that name which is gone, and opens it in place of creating it. Removing it makes it forget.
		if e := v.fsys.Remove(path); e == nil || errors.Is(e, fs.ErrNotExist) {
			f, err = v.fsys.OpenFile(path, flag, 0o666)
		}
	}
	return f, err
}

// SetStream writes a small named stream whole, whichever way the volume shows streams.
func (v *Volume) SetStream(name, stream string, data []byte) error {
	if v.streams == StreamsXattr {
		if len(data) > MaxXattrStream {
			return fmt.Errorf("write stream %s:%s: %w", name, stream, syscall.E2BIG)
		}
		return v.fsys.Lsetxattr(name, userPrefix+stream, data)
	}
	f, err := v.OpenStream(name, stream, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// StreamSize returns the length of a named stream, in bytes.
func (v *Volume) StreamSize(name, stream string) (int64, error) {
	if v.streams == StreamsXattr {
		b, err := v.fsys.Lgetxattr(name, userPrefix+stream)
		return int64(len(b)), err
	}
	if err := v.checkStream(name, stream); err != nil {
		return 0, err
	}
	info, err := v.fsys.Lstat(name + ":" + stream)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// ReadStream opens a named stream for reading, whichever way the volume shows streams.
func (v *Volume) ReadStream(name, stream string) (io.ReadCloser, error) {
	if v.streams == StreamsXattr {
		b, err := v.fsys.Lgetxattr(name, userPrefix+stream)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(b)), nil
	}
	return v.OpenStream(name, stream, os.O_RDONLY)
}

// checkStream refuses what would not be that stream of that file but another file.
func (v *Volume) checkStream(name, stream string) error {
	switch {
	case v.streams != StreamsWindows:
		return fmt.Errorf("open stream %s:%s: the volume is mounted with streams_interface=%v: %w", name, stream, v.streams, errors.ErrUnsupported)
	case name == "." || stream == "" || strings.ContainsAny(stream, ":/\x00"):
		return fmt.Errorf("open stream %s:%s: %w", name, stream, fs.ErrInvalid)
	}
	return nil
}
