package wim

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Attributes of a dentry that have a meaning here.
const (
	AttrReadOnly  = 0x1
	AttrHidden    = 0x2
	AttrSystem    = 0x4
	AttrDirectory = 0x10
	AttrArchive   = 0x20
	AttrNormal    = 0x80
	AttrSparse    = 0x200
	AttrReparse   = 0x400
	AttrEncrypted = 0x4000
)

// StreamKind says what a stream of a dentry holds.
type StreamKind uint8

// The kinds of stream.
const (
	StreamData    StreamKind = iota // the file's contents
	StreamReparse                   // reparse data, without its 8-byte header
	StreamRaw                       // the raw encrypted form of an encrypted file
	StreamNamed                     // an alternate data stream
)

// Stream is one stream of a dentry. A zero hash means that it is empty, or that it is only to be read from its Source.
type Stream struct {
	Kind   StreamKind
	Name   string
	Hash   SHA1
	Source Source // of a stream that is to be written; nil when it was read from a file
}

// Dentry is one name in an image's tree.
//
// Names are UTF-8; an unpaired surrogate is kept as the three bytes that encode it (WTF-8).
type Dentry struct {
	Name, ShortName             string
	Attributes                  uint32
	SecurityID                  int32 // index into Image.Security; -1: none
	Created, Accessed, Modified Filetime
	Streams                     []Stream // unnamed ones that are not empty first, then named ones in stored order
	HardLink                    uint64   // group of names of one file; 0: the only name
	ReparseTag                  uint32   // of a dentry with AttrReparse
	ReparseReserved             uint16
	ReparseFlags                uint16 // bit 0: a link's target was left as it was, not made relative to the image's root
	Tagged                      []byte // tagged items, as stored
	Parent                      *Dentry
	Children                    []*Dentry // in stored order
}

// IsDir reports whether d is a directory (which may also be a reparse point).
func (d *Dentry) IsDir() bool { return d.Attributes&AttrDirectory != 0 }

// IsReparse reports whether d is a reparse point, such as a symbolic link.
func (d *Dentry) IsReparse() bool { return d.Attributes&AttrReparse != 0 }

// IsSymlink reports whether d is a symbolic link.
func (d *Dentry) IsSymlink() bool { return d.IsReparse() && d.ReparseTag == TagSymlink }

// Data returns the hash of the file's contents; zero when it has none.
func (d *Dentry) Data() SHA1 { return d.stream(StreamData) }

// Reparse returns the hash of the reparse data; zero when it has none.
func (d *Dentry) Reparse() SHA1 { return d.stream(StreamReparse) }

func (d *Dentry) stream(k StreamKind) SHA1 {
	for _, s := range d.Streams {
		if s.Kind == k {
			return s.Hash
		}
	}
	return SHA1{}
}

func (d *Dentry) sortStreams() {
	slices.SortStableFunc(d.Streams, func(a, b Stream) int { return cmp.Compare(a.Kind, b.Kind) })
}

// Path returns the names from the root to d joined by slashes, without a leading one; "" for the root.
func (d *Dentry) Path() string {
	var names []string
	for ; d != nil && d.Parent != nil; d = d.Parent {
		names = append(names, d.Name)
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

// tagUnix marks the tagged item that holds UnixData.
const tagUnix = 0x337dd873

// UnixData is what a capture with UnixData keeps of a file beyond what Windows knows.
type UnixData struct {
	UID, GID, Mode, Rdev uint32 // Mode is st_mode, with the file type
}

// Unix returns owner and mode, if they were captured.
func (d *Dentry) Unix() (UnixData, bool) {
	v, ok := d.Item(tagUnix)
	if !ok || len(v) < 16 {
		return UnixData{}, false
	}
	le := binary.LittleEndian
	return UnixData{le.Uint32(v), le.Uint32(v[4:]), le.Uint32(v[8:]), le.Uint32(v[12:])}, true
}

// append appends the tagged item.
func (u UnixData) append(b []byte) []byte {
	for _, v := range []uint32{tagUnix, 16, u.UID, u.GID, u.Mode, u.Rdev} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// badName makes the error that refuses a name.
func badName(name, why string) error { return fmt.Errorf("refuse name %q: it %s", name, why) }
