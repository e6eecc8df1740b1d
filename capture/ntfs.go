package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf16"

	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/wim"
)

// Of reparse data on NTFS.
const (
	reparseHeader = 8       // tag, length, and what is reserved, in bytes
	tagSurrogate  = 1 << 29 // the bit of tags whose file stands for another one, and has no contents
	tagCompressed = 0x80000017
)

// emptyTags are other tags whose files have no contents: programs of the store, sockets, pipes and devices of Linux on Windows.
var emptyTags = []uint32{0x8000001b, 0x80000023, 0x80000024, 0x80000025, 0x80000026}

// systemFiles is below which inode numbers the files of NTFS itself are; the root directory is among them.
const (
	systemFiles = 24
	rootFile    = 5
)

// ntfs reads what NTFS knows of files on volumes that ntfs-3g has mounted.
type ntfs struct {
	s        *scanner
	volumes  map[uint64]*ntfs3g.Volume // by device; nil: it is none
	security map[string]int32          // index of every descriptor in the image's table

	why     map[int]string     // why files with several names were left out, by their links
	unknown map[int]*linkNames // those whose short name ntfs-3g does not tell
}

func newNTFS(s *scanner) *ntfs {
	return &ntfs{s: s, volumes: map[uint64]*ntfs3g.Volume{}, security: map[string]int32{}, unknown: map[int]*linkNames{}, why: map[int]string{}}
}

// volume returns the volume that a file lies on, nil if ntfs-3g did not mount it.
func (n *ntfs) volume(e *entry) (*ntfs3g.Volume, error) {
	dev, ok := deviceOf(e.info)
	if !ok {
		return nil, nil
	}
	v, known := n.volumes[dev]
	if known {
		return v, nil
	}
	path := e.path()
	v, err := ntfs3g.DetectPath(path)
	if err != nil {
		return nil, err
	}
	n.volumes[dev] = v
	if v != nil && v.Streams() == ntfs3g.StreamsNone {
		n.s.warn(path, "is on a volume that is mounted without named streams: there may be some, and they are left out; mount it with -o streams_interface=windows")
	}
	return v, nil
}

// fill makes a dentry what its file is on NTFS. errSkip says that it is left out.
func (n *ntfs) fill(v *ntfs3g.Volume, e *entry) error {
	path := e.path()
	if e.linked {
		var err error
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	if inode := inodeOf(e.info); inode < systemFiles && inode != rootFile {
		return errSkip
	}
	if e.again {
		if n.s.park.links[e.link].dropped {
			return n.leaveOut(path, n.why[e.link])
		}
		return n.shortName(v, e, path)
	}
	node := v.Node(path)
	a, err := node.Attributes()
	if err != nil {
		return err
	}
	d := e.d
	d.Attributes = a
	t, err := node.Times()
	if err != nil {
		return err
	}
	d.Created, d.Accessed, d.Modified = wim.Filetime(t.Created), wim.Filetime(t.Accessed), wim.Filetime(t.Modified)
	if err := n.contents(v, e, path); err != nil {
		return err
	}
	if err := n.streams(v, e, path); err != nil {
		return err
	}
	if err := n.describe(e, node); err != nil {
		return err
	}
	return n.shortName(v, e, path)
}

// leaveFirst skips a file by the first of its names.
func (n *ntfs) leaveFirst(e *entry, path, why string) error {
	if e.several {
		n.why[e.link] = why
	}
	return n.leaveOut(path, why)
}

// leaveOut skips a name, and says why.
func (n *ntfs) leaveOut(path, why string) error {
	n.s.stats.Skipped++
	n.s.warn(path, why)
	return errSkip
}

// describe reads the security descriptor, the object ID and the extended attributes.
func (n *ntfs) describe(e *entry, node ntfs3g.Node) error {
	if !n.s.opts.NoACLs {
		sd, err := node.Security()
		if err == nil && len(sd) == 0 {
			err = errors.New("read security descriptor: there is none; check the volume, or capture with --no-acls")
		}
		if err != nil {
			return err
		}
		id, known := n.security[string(sd)]
		if !known {
			id = int32(len(n.s.security))
			n.security[string(sd)], n.s.security = id, append(n.s.security, sd)
		}
		e.d.SecurityID = id
	}
	id, err := node.ObjectID()
	if err != nil {
		return err
	}
	if len(id) > 0 {
		e.d.Tagged = wim.AppendItem(e.d.Tagged, wim.TagObjectID, id)
	}
	eas, err := node.EAs()
	if err != nil || len(eas) == 0 {
		return err
	}
	list := make([]wim.EA, len(eas))
	for i, ea := range eas {
		list[i] = wim.EA(ea)
	}
	e.d.Tagged = wim.AppendItem(e.d.Tagged, wim.TagEAs, wim.AppendEAs(nil, list))
	return nil
}

// shortName reads the short name, which belongs to a name and not to the file. That of a volume's root says nothing.
func (n *ntfs) shortName(v *ntfs3g.Volume, e *entry, path string) error {
	if e.dir == nil {
		return nil
	}
	short, err := v.Node(path).ShortName()
	if errors.Is(err, ntfs3g.ErrLinked) {
		e.unknown, err = true, nil
	}
	e.d.ShortName = short
	return err
}

// contents gives the dentry the stream of its contents, or of its reparse data.
func (n *ntfs) contents(v *ntfs3g.Volume, e *entry, path string) error {
	mode := e.info.Mode()
	switch {
	case e.d.Attributes&wim.AttrEncrypted != 0:
		return n.encrypted(v, e, path)
	case mode.IsRegular():
		if e.d.IsReparse() { // ntfs-3g has a plugin for it and shows the file that it stands for
			e.d.Attributes &^= wim.AttrReparse
		}
		return n.s.contents(e)
	case mode.IsDir():
		e.d.Attributes &^= wim.AttrReparse // as above
		return nil
	case e.d.IsReparse():
		return n.reparse(v, e, path)
	case mode&fs.ModeSocket != 0:
		return n.leaveFirst(e, path, "is a system file of one byte, and was left out: ntfs-3g takes it for a socket and does not show the byte")
	}
	data, err := interix(e.info, path)
	if err != nil || data == nil {
		return err
	}
	n.addStream(e, wim.Stream{Kind: wim.StreamData, Source: &byteSource{e.dir.below(e.name), data}})
	return nil
}

func (n *ntfs) addStream(e *entry, st wim.Stream) {
	e.d.Streams = append(e.d.Streams, st)
	n.s.stats.Bytes += st.Source.Size()
}

// reparse gives a reparse point its data. ntfs-3g does not show what else such a file holds, which some tags need.
func (n *ntfs) reparse(v *ntfs3g.Volume, e *entry, path string) error {
	b, err := v.Node(path).Reparse()
	if err == nil && len(b) < reparseHeader {
		err = fmt.Errorf("read reparse data: %d bytes", len(b))
	}
	if err != nil {
		return err
	}
	d, le := e.d, binary.LittleEndian
	tag := le.Uint32(b)
	link := tag == wim.TagSymlink || tag == wim.TagMountTree
	known := tag&tagSurrogate != 0
	for _, t := range emptyTags {
		known = known || tag == t
	}
	if !known && !d.IsDir() {
		return n.leaveFirst(e, path, fmt.Sprintf("has the reparse tag %#x, and was left out: ntfs-3g does not show what it holds; "+
			"a plugin of ntfs-3g may", tag))
	}
	d.ReparseTag, d.ReparseReserved, d.ReparseFlags = tag, le.Uint16(b[6:]), reparseNotFixed
	if link && n.s.opts.FixLinks && n.s.volumeRoot() {
		d.ReparseFlags = 0 // it is relative to the volume's root, which becomes the image's
	}
	if data := b[reparseHeader:]; len(data) > 0 {
		n.addStream(e, wim.Stream{Kind: wim.StreamReparse, Source: &byteSource{e.dir.below(e.name), data}})
	}
	return nil
}

// streams adds the named streams.
func (n *ntfs) streams(v *ntfs3g.Volume, e *entry, path string) error {
	if v.Streams() == ntfs3g.StreamsNone || e.d.Attributes&wim.AttrEncrypted != 0 && e.info.Mode().IsRegular() { // of which they are in the raw form
		return nil
	}
	names, err := v.StreamNames(path)
	if err != nil {
		return fmt.Errorf("list named streams: %w", err)
	}
	for _, name := range names {
		if e.d.IsReparse() {
			n.s.warn(path+":"+name, "is a stream of a reparse point, and was left out: ntfs-3g does not show it")
			continue
		}
		if e.info.Mode().IsRegular() && name == "WofCompressedData" {
			continue // the contents, which were shown decompressed
		}
		if err := wim.CheckName(name); err != nil {
			return fmt.Errorf("stream: %w", err)
		}
		size, err := n.streamSize(v, e, path, name)
		if err != nil {
			return fmt.Errorf("look at stream %s: %w", name, err)
		}
		if size == 0 {
			e.d.Streams = append(e.d.Streams, wim.Stream{Kind: wim.StreamNamed, Name: name})
			continue
		}
		src := &streamSource{v: v, dir: e.dir, name: e.name, stream: name, size: size}
		if e.linked && e.dir != nil {
			src.dir, src.name, src.elsewhere = &folder{name: filepath.Dir(path)}, filepath.Base(path), true
		}
		n.addStream(e, wim.Stream{Kind: wim.StreamNamed, Name: name, Source: src})
	}
	return nil
}

// streamSize returns the length of a named stream. That of an encrypted directory, which is not encrypted, ntfs-3g rounds up as if it were.
func (n *ntfs) streamSize(v *ntfs3g.Volume, e *entry, path, name string) (int64, error) {
	if !v.Raw() || e.d.Attributes&wim.AttrEncrypted == 0 {
		return v.StreamSize(path, name)
	}
	r, err := v.ReadStream(path, name)
	if err != nil {
		return 0, err
	}
	size, err := io.Copy(io.Discard, r)
	return size, errors.Join(err, r.Close())
}

// streamSource is a named stream.
type streamSource struct {
	v            *ntfs3g.Volume
	dir          *folder // nil: name is that of the topmost one
	name, stream string
	size         int64
	elsewhere    bool // dir is not where the scan met it
}

func (s *streamSource) full() string {
	if s.dir == nil {
		return s.name
	}
	return join(s.dir.path(), s.name)
}

func (s *streamSource) Path() string {
	if s.dir == nil {
		return ":" + s.stream
	}
	return s.dir.below(s.name) + ":" + s.stream
}

func (s *streamSource) Size() int64 { return s.size }

// Open opens the stream; reading returns an error where it is not as long as it was.
func (s *streamSource) Open() (io.ReadCloser, error) {
	r, err := s.v.ReadStream(s.full(), s.stream)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.changed()
	}
	if err != nil {
		return nil, err
	}
	return &streamReader{s, r, s.size}, nil
}

func (s *streamSource) changed() error {
	return fmt.Errorf("read stream %s:%s: %w; capture again when nothing writes to it", s.full(), s.stream, wim.ErrChanged)
}

type streamReader struct {
	src  *streamSource
	r    io.ReadCloser
	left int64
}

func (r *streamReader) Read(b []byte) (int, error) {
	if r.left == 0 {
		var one [1]byte
		if n, _ := r.r.Read(one[:]); n > 0 {
			return 0, r.src.changed()
		}
		return 0, io.EOF
	}
	n, err := r.r.Read(b[:min(int64(len(b)), r.left)])
	if r.left -= int64(n); err == io.EOF && r.left > 0 {
		return n, r.src.changed()
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func (r *streamReader) Close() error { return r.r.Close() }

// interix returns the contents of what ntfs-3g shows as a symbolic link or device though it is none to Windows: a system file that says so. It is nil
// of a pipe, which is an empty file.
func interix(info fs.FileInfo, path string) ([]byte, error) {
	le := binary.LittleEndian
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			return nil, err
		}
		b := []byte("IntxLNK\x01")
		for _, u := range utf16.Encode([]rune(target)) {
			b = le.AppendUint16(b, u)
		}
		return b, nil
	case mode&fs.ModeDevice != 0:
		b := []byte("IntxBLK\x00")
		if mode&fs.ModeCharDevice != 0 {
			b = []byte("IntxCHR\x00")
		}
		major, minor := deviceNumbers(info)
		return le.AppendUint64(le.AppendUint64(b, uint64(major)), uint64(minor)), nil
	}
	return nil, nil
}
