package winbackup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// EnablePrivileges asks for the privileges without which Windows sets no foreign owners and no audit entries. It is an error where the
// process does not have them: then it does not run as administrator.
func EnablePrivileges() error {
	return winio.EnableProcessPrivileges([]string{winio.SeBackupPrivilege, winio.SeRestorePrivilege, winio.SeSecurityPrivilege})
}

// IsNTFS reports whether a directory lies on NTFS.
func IsNTFS(dir string) (bool, error) {
	f, err := winio.OpenForBackup(dir, windows.FILE_READ_ATTRIBUTES, shareAll, windows.OPEN_EXISTING)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var name [windows.MAX_PATH + 1]uint16
	if err := windows.GetVolumeInformationByHandle(windows.Handle(f.Fd()), nil, 0, nil, nil, nil, &name[0], uint32(len(name))); err != nil {
		return false, fmt.Errorf("find out the file system of %s: %w", dir, err)
	}
	return strings.EqualFold(windows.UTF16ToString(name[:]), "NTFS"), nil
}

const (
	shareAll = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	access   = windows.GENERIC_READ | windows.GENERIC_WRITE | windows.WRITE_DAC | windows.WRITE_OWNER |
		windows.ACCESS_SYSTEM_SECURITY
)

// File is a file or directory that is open to have everything set. A reparse point is not followed.
type File struct{ f *os.File }

// Open opens it. It must be closed. The right to set the short name is that to delete: no one gets it of a directory that a process has open as an
// os.Root.
func Open(path string, short bool) (*File, error) {
	path, err := long(path)
	if err != nil {
		return nil, err
	}
	rights := uint32(access)
	if short {
		rights |= windows.DELETE
	}
	f, err := winio.OpenForBackup(path, rights, shareAll, windows.OPEN_EXISTING)
	if err != nil {
		return nil, err
	}
	return &File{f}, nil
}

// long returns the form of a path that may be longer than 260 characters.
func long(path string) (string, error) {
	abs, err := filepath.Abs(path)
	switch {
	case err != nil || strings.HasPrefix(abs, `\\?\`):
		return abs, err
	case strings.HasPrefix(abs, `\\`):
		return `\\?\UNC\` + abs[2:], nil
	}
	return `\\?\` + abs, nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// refusals are what Windows says of a value that this volume does not take, and that is no kind of [errors.ErrUnsupported] or [os.ErrPermission]
// to Go.
var refusals = []error{
	windows.ERROR_INVALID_FUNCTION, windows.ERROR_INVALID_PARAMETER, windows.ERROR_INVALID_DATA, windows.ERROR_INVALID_NAME,
	windows.ERROR_DUP_NAME,                          // an object ID that another file has
	windows.ERROR_SHORT_NAMES_NOT_ENABLED_ON_VOLUME, // as on all that format made since Windows 8, unless told otherwise
	windows.ERROR_INVALID_EA_NAME, windows.ERROR_EA_LIST_INCONSISTENT, windows.ERROR_EAS_NOT_SUPPORTED,
	windows.ERROR_COMPRESSION_DISABLED,
	windows.ERROR_INVALID_OWNER, windows.ERROR_INVALID_PRIMARY_GROUP, windows.ERROR_PRIVILEGE_NOT_HELD,
	windows.ERROR_INVALID_ACL, windows.ERROR_INVALID_SID, windows.ERROR_INVALID_SECURITY_DESCR,
	windows.ERROR_REPARSE_ATTRIBUTE_CONFLICT, windows.ERROR_INVALID_REPARSE_DATA, windows.ERROR_REPARSE_TAG_INVALID,
}

// refusal makes refusals a kind of errors.ErrUnsupported.
func refusal(err error) error {
	for _, r := range refusals {
		if errors.Is(err, r) {
			return fmt.Errorf("%w (%w)", err, errors.ErrUnsupported)
		}
	}
	return err
}

// Set writes one whole stream. The error is an [errors.ErrUnsupported] where the volume does not take this value.
func (f *File) Set(id ID, data []byte) error {
	w := winio.NewBackupFileWriter(f.f, id == Security)
	_, err := w.Write(Append(nil, id, data))
	return errors.Join(refusal(err), w.Close())
}

// StreamWriter writes a named stream.
type StreamWriter struct {
	f    *File
	w    *winio.BackupFileWriter
	left int64
}

// CreateStream opens a named stream of a file, which must then be written with that many bytes. Closing it closes the file.
func CreateStream(path, name string, size int64) (*StreamWriter, error) {
	f, err := Open(path, false)
	if err != nil {
		return nil, err
	}
	s := &StreamWriter{f: f, w: winio.NewBackupFileWriter(f.f, false), left: size}
	if _, err := s.w.Write(Stream{ID: Alternate, Name: name, Size: size}.AppendHeader(nil)); err != nil {
		return nil, errors.Join(err, s.w.Close(), f.Close())
	}
	return s, nil
}

func (s *StreamWriter) Write(b []byte) (int, error) {
	if int64(len(b)) > s.left {
		return 0, fmt.Errorf("write stream: %d bytes too many", int64(len(b))-s.left)
	}
	n, err := s.w.Write(b)
	s.left -= int64(n)
	return n, err
}

// Close ends the stream and closes the file.
func (s *StreamWriter) Close() error {
	err := errors.Join(s.w.Close(), s.f.Close())
	if err == nil && s.left > 0 {
		err = fmt.Errorf("write stream: %d bytes are missing", s.left)
	}
	return err
}

// SetCompressed compresses what the file has, and what it or a directory gets.
func (f *File) SetCompressed() error {
	format := [2]byte{1, 0} // the default one
	return f.control(windows.FSCTL_SET_COMPRESSION, format[:])
}

// SetSparse lets the file have holes.
func (f *File) SetSparse() error { return f.control(windows.FSCTL_SET_SPARSE, nil) }

func (f *File) control(code uint32, in []byte) error {
	var p *byte
	if len(in) > 0 {
		p = &in[0]
	}
	var n uint32
	if err := windows.DeviceIoControl(windows.Handle(f.f.Fd()), code, p, uint32(len(in)), nil, 0, &n, nil); err != nil {
		return &os.PathError{Op: "DeviceIoControl", Path: f.f.Name(), Err: refusal(err)}
	}
	return nil
}

var setFileShortName = windows.NewLazySystemDLL("kernel32.dll").NewProc("SetFileShortNameW")

// SetShortName sets the short name.
func (f *File) SetShortName(short string) error {
	p, err := windows.UTF16PtrFromString(short)
	if err != nil {
		return err
	}
	if err := setFileShortName.Find(); err != nil {
		return fmt.Errorf("%w (%w)", err, errors.ErrUnsupported) // Call would panic
	}
	ok, _, err := setFileShortName.Call(f.f.Fd(), uintptr(unsafe.Pointer(p)))
	if ok == 0 {
		return &os.PathError{Op: "SetFileShortName", Path: f.f.Name(), Err: refusal(err)}
	}
	return nil
}

// Basic is attributes, and times in units of 100 ns since 1601-01-01 UTC. What is zero stays.
type Basic struct {
	Attributes                  uint32
	Created, Accessed, Modified uint64
}

// SetBasic sets them. It comes last: what else is done to the file changes the times.
func (f *File) SetBasic(b Basic) error {
	at := func(t uint64) windows.Filetime {
		return windows.Filetime{LowDateTime: uint32(t), HighDateTime: uint32(t >> 32)}
	}
	return winio.SetFileBasicInfo(f.f, &winio.FileBasicInfo{
		CreationTime: at(b.Created), LastAccessTime: at(b.Accessed), LastWriteTime: at(b.Modified), FileAttributes: b.Attributes,
	})
}
