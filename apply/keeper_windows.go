package apply

import (
	"errors"
	"fmt"
	"io"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/internal/winbackup"
	"github.com/wimcast/wimcast/wim"
)

// Attributes that Windows sets: read-only, hidden, system, archive, temporary, offline, not indexed, pinned and unpinned.
const settableWindows = 0x1 | 0x2 | 0x4 | 0x20 | 0x100 | 0x1000 | 0x2000 | 0x80000 | 0x100000

// keeperOf returns what the target keeps beyond POSIX, nil if it keeps nothing: it is not on NTFS, or this process may not restore files.
func keeperOf(fsys vfs.FS) (keeper, error) {
	at, ok := fsys.(interface {
		Path(name string) (string, error)
	})
	if !ok {
		return nil, nil
	}
	root, err := at.Path(".")
	if err != nil {
		return nil, err
	}
	if is, err := winbackup.IsNTFS(root); err != nil || !is {
		return nil, err
	}
	if winbackup.EnablePrivileges() != nil {
		return nil, nil // what is not kept is counted and told
	}
	return onWindows{at.Path}, nil
}

// onWindows is a directory on Windows, on NTFS. Files are opened by their whole path: until the reparse points come, at the end, there is none
// in the target that one could lead through.
type onWindows struct {
	path func(name string) (string, error)
}

func (k onWindows) limits() limits {
	return limits{
		flags: flagNTFS | flagWindows, streamSize: 1<<63 - 1, rootStreams: true,
		file: settableWindows | wim.AttrSparse | attrCompressed, dir: settableWindows | attrCompressed,
	}
}

func (k onWindows) stream(name, stream string, size int64) (io.WriteCloser, error) {
	path, err := k.path(name)
	if err != nil {
		return nil, err
	}
	return winbackup.CreateStream(path, stream, size)
}

func (k onWindows) encrypt(name string, _ []byte) error {
	return fmt.Errorf("encrypt %s: %w", name, errors.ErrUnsupported)
}

// set opens the file by name: the handle of f does not have the rights.
func (k onWindows) set(name string, _ vfs.File, m *metadata) (lost Lost, err error) {
	path, err := k.path(name)
	if err != nil {
		return lost, err
	}
	f, err := winbackup.Open(path, m.short != "")
	if err != nil {
		return lost, fmt.Errorf("open %s to set its metadata: %w", name, err)
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	if err := k.streams(f, name, m, &lost); err != nil {
		return lost, err
	}
	if m.short != "" {
		if err := tell(&lost.ShortNames, "short name", name, f.SetShortName(m.short)); err != nil {
			return lost, err
		}
	}
	return lost, k.basic(f, name, m, &lost)
}

// streams sets what BackupWrite sets.
func (k onWindows) streams(f *winbackup.File, name string, m *metadata, lost *Lost) error {
	if len(m.eas) > 0 {
		list := make([]winbackup.EA, len(m.eas))
		for i, e := range m.eas {
			list[i] = winbackup.EA(e)
		}
		if err := tell(&lost.Xattrs, "extended attributes", name, f.Set(winbackup.EAs, winbackup.AppendEAs(nil, list))); err != nil {
			return err
		}
	}
	if m.objectID != nil {
		if err := tell(&lost.ObjectIDs, "object ID", name, f.Set(winbackup.ObjectID, m.objectID)); err != nil {
			return err
		}
	}
	if m.reparse != nil {
		if err := tell(&lost.Reparse, "reparse data", name, f.Set(winbackup.Reparse, m.reparse)); err != nil {
			return err
		}
	}
	if m.security == nil {
		return nil
	}
	err := f.Set(winbackup.Security, m.security)
	if err != nil && m.strict {
		return fmt.Errorf("set security descriptor of %s: %w", name, err)
	}
	return tell(&lost.Security, "security descriptor", name, err)
}

// basic sets attributes and times.
func (k onWindows) basic(f *winbackup.File, name string, m *metadata, lost *Lost) error {
	b := winbackup.Basic{Created: uint64(m.created), Accessed: uint64(m.accessed), Modified: uint64(m.modified)}
	if !m.plain {
		if m.attributes&attrCompressed != 0 {
			if err := tell(&lost.Attributes, "compression", name, f.SetCompressed()); err != nil {
				return err
			}
		}
		if m.attributes&wim.AttrSparse != 0 && m.attributes&wim.AttrDirectory == 0 {
			if err := tell(&lost.Attributes, "sparseness", name, f.SetSparse()); err != nil {
				return err
			}
		}
		if b.Attributes = m.attributes & settableWindows; b.Attributes == 0 {
			b.Attributes = wim.AttrNormal
		}
	}
	if err := f.SetBasic(b); err != nil {
		return fmt.Errorf("set attributes and times of %s: %w", name, err)
	}
	return nil
}
