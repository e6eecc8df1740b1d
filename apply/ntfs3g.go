package apply

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/wimcast/wimcast/internal/efsraw"
	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// Attributes that say how a file is stored.
const (
	attrCompressed = 0x800
)

// mounted is a volume that ntfs-3g has mounted.
type mounted struct{ v *ntfs3g.Volume }

func (k mounted) limits() limits {
	l := limits{
		flags: flagNTFS, inherited: true, whileOpen: true,
		file: ntfs3g.Settable | wim.AttrSparse | attrCompressed, dir: ntfs3g.SettableDir,
	}
	if k.v.Raw() {
		l.raw = true
		l.flags |= flagRaw
	}
	switch k.v.Streams() {
	case ntfs3g.StreamsWindows:
		l.streamSize = 1<<63 - 1
	case ntfs3g.StreamsXattr:
		l.streamSize, l.rootStreams = ntfs3g.MaxXattrStream, true
		l.flags |= flagSmallStreams
	default:
		l.flags |= flagNoStreams
	}
	return l
}

func (k mounted) stream(name, stream string, size int64) (io.WriteCloser, error) {
	if k.v.Streams() == ntfs3g.StreamsWindows {
		return k.v.OpenStream(name, stream, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	}
	return &smallStream{v: k.v, name: name, stream: stream}, nil
}

// smallStream gathers a stream that is set whole.
type smallStream struct {
	v            *ntfs3g.Volume
	name, stream string
	data         []byte
}

func (s *smallStream) Write(b []byte) (int, error) {
	if len(s.data)+len(b) > ntfs3g.MaxXattrStream {
		return 0, fmt.Errorf("write stream: more than %d bytes", ntfs3g.MaxXattrStream)
	}
	s.data = append(s.data, b...)
	return len(b), nil
}

func (s *smallStream) Close() error { return s.v.SetStream(s.name, s.stream, s.data) }

func (k mounted) encrypt(name string, info []byte) error {
	err := k.v.Node(name).SetEFSInfo(info)
	if errors.Is(err, syscall.EINVAL) {
		err = fmt.Errorf("%w: ntfs-3g does not take its metadata", efsraw.ErrUnsupported)
	}
	if err != nil {
		return fmt.Errorf("encrypt %s: %w", name, err)
	}
	return nil
}

// set needs the right order: what changes attributes and times comes before them, and a reparse point still takes all of these.
func (k mounted) set(name string, f vfs.File, m *metadata) (lost Lost, err error) {
	n := k.v.Node(name)
	if f != nil {
		n = k.v.Open(name, f)
	}
	if len(m.eas) > 0 {
		list := make([]ntfs3g.EA, len(m.eas))
		for i, e := range m.eas {
			list[i] = ntfs3g.EA(e)
		}
		if err := tell(&lost.Xattrs, "extended attributes", name, n.SetEAs(list)); err != nil {
			return lost, err
		}
	}
	if m.objectID != nil {
		if err := tell(&lost.ObjectIDs, "object ID", name, n.SetObjectID(m.objectID)); err != nil {
			return lost, err
		}
	}
	if m.reparse != nil {
		if err := tell(&lost.Reparse, "reparse data", name, n.SetReparse(m.reparse)); err != nil {
			return lost, err
		}
	}
	if m.security != nil {
		err := n.SetSecurity(m.security)
		if err != nil && m.strict {
			return lost, fmt.Errorf("set security descriptor of %s: %w", name, err)
		}
		if err := tell(&lost.Security, "security descriptor", name, err); err != nil {
			return lost, err
		}
	}
	if err := k.attributes(n, name, m, &lost); err != nil {
		return lost, err
	}
	if m.short != "" {
		err := n.SetShortName(m.short)
		if errors.Is(err, ntfs3g.ErrLinked) { // an earlier run has set it, and made the links
			err = nil
		}
		if err := tell(&lost.ShortNames, "short name", name, err); err != nil {
			return lost, err
		}
	}
	return lost, k.times(n, name, m)
}

// attributes sets them if they are not so already.
func (k mounted) attributes(n ntfs3g.Node, name string, m *metadata, lost *Lost) error {
	want := m.attributes & ntfs3g.Settable
	if m.attributes&wim.AttrDirectory != 0 {
		want = m.attributes & ntfs3g.SettableDir
	}
	if m.plain || m.archived && want == wim.AttrArchive {
		return nil
	}
	return tell(&lost.Attributes, "attributes", name, n.SetAttributes(want))
}

// times sets them last: what is done to a file changes them. Those that are not known stay.
func (k mounted) times(n ntfs3g.Node, name string, m *metadata) error {
	t := ntfs3g.Times{Created: uint64(m.created), Modified: uint64(m.modified), Accessed: uint64(m.accessed)}
	if t.Created == 0 && t.Modified == 0 && t.Accessed == 0 {
		return nil
	}
	if t.Created == 0 || t.Modified == 0 || t.Accessed == 0 {
		now, err := n.Times()
		if err != nil {
			return err
		}
		for _, p := range []struct{ to, from *uint64 }{{&t.Created, &now.Created}, {&t.Modified, &now.Modified}, {&t.Accessed, &now.Accessed}} {
			if *p.to == 0 {
				*p.to = *p.from
			}
		}
	}
	if err := n.SetTimes(t); err != nil {
		return fmt.Errorf("set times of %s: %w", name, err)
	}
	return nil
}
