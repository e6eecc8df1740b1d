package wim

import (
	"encoding/binary"
	"strings"
)

// Bounds on a tree.
const (
	maxDepth     = 1024 // of directories
	maxNameBytes = 510  // of a name, in UTF-16: 255 units, as file systems have
)

const (
	dentrySize = 102 // of the fixed part
	streamSize = 38
)

// metadataParser turns the bytes of a metadata resource into a tree. Every dentry's place may be used once, and all dentries together may
// take no more bytes than there are: so neither cycles nor shared or overlapping directories get through.
type metadataParser struct {
	b      []byte
	seen   []uint64 // bit map of the places of dentries, one bit for 8 bytes
	budget int
}

// parseMetadata reads security table and tree.
func parseMetadata(b []byte) (*Image, error) {
	security, at, err := parseSecurity(b)
	if err != nil {
		return nil, err
	}
	p := &metadataParser{b: b, seen: make([]uint64, len(b)/512+1), budget: len(b)}
	root, sub, _, err := p.dentry(at)
	if err != nil {
		return nil, err
	}
	switch {
	case root == nil:
		return nil, corruptf("parse tree: it has no root")
	case !root.IsDir():
		return nil, corruptf("parse tree: the root is not a directory")
	case root.Name != "":
		return nil, corruptf("parse tree: the root has the name %q", root.Name)
	}
	if err := p.children(root, sub, 1); err != nil {
		return nil, err
	}
	return &Image{Security: security, Root: root}, nil
}

// parseSecurity reads the security table, and says where the root dentry is.
func parseSecurity(b []byte) (table [][]byte, end int64, err error) {
	if len(b) < 8 {
		return nil, 0, corruptf("parse security table: the metadata has %d bytes", len(b))
	}
	total, n := int64(binary.LittleEndian.Uint32(b)), int64(binary.LittleEndian.Uint32(b[4:]))
	if total == 0 && n == 0 {
		total = 8
	}
	if total > int64(len(b)) || 8+8*n > total {
		return nil, 0, corruptf("parse security table: %d descriptors in %d bytes", n, total)
	}
	table = make([][]byte, 0, n)
	at := 8 + 8*n
	for i := range n {
		size := binary.LittleEndian.Uint64(b[8+8*i:])
		if size > uint64(total-at) {
			return nil, 0, corruptf("parse security table: descriptor %d of %d bytes leaves the table", i, size)
		}
		table = append(table, b[at:at+int64(size):at+int64(size)])
		at += int64(size)
	}
	return table, align8(total), nil
}

func align8(n int64) int64 { return (n + 7) &^ 7 }

// children reads the directory at offset sub into parent.
func (p *metadataParser) children(parent *Dentry, sub int64, depth int) error {
	if sub == 0 {
		return nil
	}
	if depth > maxDepth {
		return corruptf("parse tree: directories nest deeper than %d", maxDepth)
	}
	names := make(map[string]struct{})
	var subs []int64
	for at := sub; ; {
		d, below, next, err := p.dentry(at)
		if err != nil {
			return wrapf(err, "parse directory %q", parent.Path())
		}
		if d == nil {
			break
		}
		if err := checkName(d, names, below); err != nil {
			return corruptf("parse directory %q: %w", parent.Path(), err)
		}
		d.Parent = parent
		parent.Children = append(parent.Children, d)
		subs = append(subs, below)
		at = next
	}
	for i, d := range parent.Children {
		if err := p.children(d, subs[i], depth+1); err != nil {
			return err
		}
	}
	return nil
}

// dentry reads one dentry, with the offset of its children and of its next sibling; nil at the end of a directory.
func (p *metadataParser) dentry(at int64) (d *Dentry, sub, next int64, err error) {
	if at < 8 || at&7 != 0 || at > int64(len(p.b))-8 {
		return nil, 0, 0, corruptf("parse dentry: offset %d is not in the metadata", at)
	}
	le := binary.LittleEndian
	size := le.Uint64(p.b[at:])
	if size <= 8 {
		return nil, 0, 0, nil
	}
	if size < dentrySize || size > uint64(int64(len(p.b))-at) {
		return nil, 0, 0, corruptf("parse dentry at %d: its length is told as %d", at, size)
	}
	if p.seen[at>>9]>>(at>>3&63)&1 != 0 {
		return nil, 0, 0, corruptf("parse dentry at %d: it is part of two directories, or of itself", at)
	}
	p.seen[at>>9] |= 1 << (at >> 3 & 63)
	if p.budget -= int(size); p.budget < 0 {
		return nil, 0, 0, corruptf("parse dentry at %d: directories overlap", at)
	}
	b := p.b[at : at+int64(size)]
	d, err = parseDentry(b)
	if err != nil {
		return nil, 0, 0, wrapf(err, "parse dentry at %d", at)
	}
	if off := le.Uint64(b[16:]); off != 0 {
		if off > uint64(len(p.b)) {
			return nil, 0, 0, corruptf("parse dentry at %d: its directory is at %d, outside", at, off)
		}
		sub = int64(off)
	}
	next, err = p.streams(d, SHA1(b[64:84]), at+align8(int64(size)), int(le.Uint16(b[96:])))
	return d, sub, next, err
}

// parseDentry reads all of a dentry but its children and streams.
func parseDentry(b []byte) (*Dentry, error) {
	le := binary.LittleEndian
	d := &Dentry{
		Attributes: le.Uint32(b[8:]), SecurityID: int32(le.Uint32(b[12:])),
		Created: Filetime(le.Uint64(b[40:])), Accessed: Filetime(le.Uint64(b[48:])), Modified: Filetime(le.Uint64(b[56:])),
	}
	if d.IsReparse() {
		d.ReparseTag = le.Uint32(b[88:])
		d.ReparseReserved, d.ReparseFlags = le.Uint16(b[92:]), le.Uint16(b[94:])
	} else {
		d.HardLink = le.Uint64(b[88:])
	}
	short, long := int(le.Uint16(b[98:])), int(le.Uint16(b[100:]))
	at := dentrySize
	for _, f := range []struct {
		n  int
		to *string
	}{{long, &d.Name}, {short, &d.ShortName}} {
		if f.n == 0 {
			continue
		}
		if f.n&1 != 0 || f.n > maxNameBytes || at+f.n > len(b) {
			return nil, corruptf("read name: %d bytes", f.n)
		}
		*f.to = decodeUTF16(b[at : at+f.n])
		at += f.n + 2
	}
	if tagged := int(align8(int64(at))); tagged < len(b) {
		d.Tagged = b[tagged:]
	}
	return d, nil
}

// streams reads the extra stream entries at offset at, and gives the streams their kinds.
func (p *metadataParser) streams(d *Dentry, main SHA1, at int64, n int) (next int64, err error) {
	d.addStream("", main)
	for range n {
		if at > int64(len(p.b))-streamSize {
			return 0, corruptf("read streams of %q: they leave the metadata", d.Name)
		}
		size := binary.LittleEndian.Uint64(p.b[at:])
		nameBytes := int(binary.LittleEndian.Uint16(p.b[at+36:]))
		if size < streamSize || size > uint64(int64(len(p.b))-at) || nameBytes&1 != 0 || nameBytes > maxNameBytes || streamSize+nameBytes > int(size) {
			return 0, corruptf("read streams of %q: one of %d bytes, its name of %d", d.Name, size, nameBytes)
		}
		if p.budget -= int(size); p.budget < 0 {
			return 0, corruptf("read streams of %q: directories overlap", d.Name)
		}
		d.addStream(decodeUTF16(p.b[at+streamSize:at+streamSize+int64(nameBytes)]), SHA1(p.b[at+16:at+36]))
		at += align8(int64(size))
	}
	d.sortStreams()
	return at, nil
}

// addStream notes a stream as it stands in the metadata. Of the unnamed ones with content, the first of a reparse point is its reparse
// data, the next its contents; an empty one tells nothing.
func (d *Dentry) addStream(name string, hash SHA1) {
	switch {
	case name != "":
		d.Streams = append(d.Streams, Stream{Kind: StreamNamed, Name: name, Hash: hash})
	case hash.IsZero():
	case d.Attributes&AttrEncrypted != 0:
		d.Streams = append(d.Streams, Stream{Kind: StreamRaw, Hash: hash})
	case d.IsReparse() && d.Reparse().IsZero():
		d.Streams = append(d.Streams, Stream{Kind: StreamReparse, Hash: hash})
	case d.Data().IsZero():
		d.Streams = append(d.Streams, Stream{Kind: StreamData, Hash: hash})
	}
}

// checkName refuses a dentry that no file system could hold beside the names seen, or whose children have no place.
func checkName(d *Dentry, names map[string]struct{}, sub int64) error {
	n := d.Name
	switch {
	case n == "" || n == "." || n == "..":
		return badName(n, "means something else")
	case strings.ContainsAny(n, "/\x00") || strings.ContainsAny(d.ShortName, "/\x00"):
		return badName(n, "has a slash or NUL")
	case sub != 0 && !d.IsDir():
		return badName(n, "is a file and has children")
	}
	if _, ok := names[n]; ok {
		return badName(n, "is there twice")
	}
	names[n] = struct{}{}
	return nil
}
