package capture

import (
	"encoding/binary"
	"io"

	"github.com/wimcast/wimcast/wim"
)

// parkReader reads records.
type parkReader struct {
	p     *park
	block int
	b     []byte // of the block, from the place on
	first before // of first names, which no record before tells anything of
}

// level is a dentry and what its record was told by.
type level struct {
	before
	d      wim.Dentry
	folder *folder // of a directory; nil: Sources are not asked for
}

// seek goes to a place.
func (r *parkReader) seek(at int64) {
	r.block = int(at >> 32)
	r.b = r.p.blocks[r.block][uint32(at):]
	r.skip()
}

// skip goes on to the next block at the end of one.
func (r *parkReader) skip() {
	if len(r.b) == 0 && r.block+1 < len(r.p.blocks) {
		r.block++
		r.b = r.p.blocks[r.block]
	}
}

// at is the place of the next record.
func (r *parkReader) at() int64 {
	return int64(r.block)<<32 | int64(len(r.p.blocks[r.block])-len(r.b))
}

func (r *parkReader) uvarint() uint64 {
	if v := r.b[0]; v < 0x80 {
		r.b = r.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.b)
	r.b = r.b[n:]
	return v
}

func (r *parkReader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *parkReader) bytes() []byte { return r.take(int(r.uvarint())) }

func (r *parkReader) take(n int) []byte {
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// place is where the Sources of a dentry are found.
type place struct {
	dir  *folder
	name string // "": that of the dentry
	none bool   // Sources are only told from nil
}

// path is where the topmost one is.
func (p place) path() string {
	if p.dir == nil {
		return p.name
	}
	return join(p.dir.path(), p.name)
}

// below is where the file itself is, relative to what was scanned; "" where Sources are only told from nil.
func (p place) below() string {
	if p.none {
		return ""
	}
	return p.dir.below(p.name)
}

// next reads a record into l.d, told by the one before it. dir says that the records of its children follow. ok is false at an end mark.
func (r *parkReader) next(last *before, l *level, from place) (dir, ok bool) {
	r.skip()
	at := r.at()
	head := r.uvarint()
	if head == 0 {
		return false, false
	}
	d := &l.d
	own := last
	if head&headFirst != 0 {
		own = &r.first
		own.reset(0)
	}
	n := int(r.uvarint())
	last.name = append(last.name[:min(n, len(last.name))], r.bytes()...)
	d.Name, d.ShortName, d.HardLink = string(last.name), "", 0
	if from.name == "" {
		from.name = d.Name
	}
	if head&(headFirst|headAgain) != 0 {
		n := r.uvarint()
		d.HardLink = uint64(r.p.links[n].group)
		if head&headAgain != 0 {
			r.file(d, r.p.links[n].at, from)
		}
	}
	if head&headAgain == 0 {
		r.facts(own, d, head, from)
	}
	if head&headShort != 0 {
		d.ShortName = string(r.bytes())
	} else if len(r.p.shorts) > 0 {
		d.ShortName = r.p.shorts[at]
	}
	return head&headDir != 0, true
}

// file gives another name of a file what the record of the first name tells.
func (r *parkReader) file(d *wim.Dentry, at int64, from place) {
	block, b := r.block, r.b
	r.seek(at)
	head := r.uvarint()
	r.first.reset(0)
	_ = r.uvarint() // of the name
	_ = r.bytes()
	_ = r.uvarint() // of the link
	r.facts(&r.first, d, head, from)
	r.block, r.b = block, b
}

// facts reads what belongs to a file and not to its name.
func (r *parkReader) facts(own *before, d *wim.Dentry, head uint64, from place) {
	d.Modified = own.time + wim.Filetime(r.varint())
	d.Created, d.Accessed, own.time = d.Modified, d.Modified, d.Modified
	if head&headTimes == 0 {
		d.Created += wim.Filetime(r.varint())
		d.Accessed += wim.Filetime(r.varint())
	}
	f := &own.facts[kind(head&headDir != 0)]
	if head&headFacts == 0 {
		f.attributes, f.security = uint32(r.uvarint()), int32(r.varint())
		f.tag, f.reserved, f.flags = uint32(r.uvarint()), uint16(r.uvarint()), uint16(r.uvarint())
		f.tagged = string(r.bytes())
	}
	f.give(d)
	d.Streams = d.Streams[:0]
	switch {
	case head&headFile != 0:
		own.inode += uint64(r.varint())
		size := int64(r.uvarint())
		ns := r.take(1)[0]
		s := wim.Stream{Kind: wim.StreamData, Source: noSource{}}
		if !from.none {
			s.Source = &fileSource{from.dir, from.name, r.p.identity(own.inode, size, d.Modified, ns)}
		}
		d.Streams = append(d.Streams, s)
	case head&headStreams != 0:
		for range r.uvarint() {
			d.Streams = append(d.Streams, r.stream(from))
		}
	}
}

func (r *parkReader) stream(from place) wim.Stream {
	s := wim.Stream{Kind: wim.StreamKind(r.take(1)[0]), Name: string(r.bytes())}
	switch r.take(1)[0] {
	case parkedHash:
		s.Hash = wim.SHA1(r.take(len(s.Hash)))
		return s
	case parkedFile:
		s.Source = &fileSource{from.dir, from.name, r.identity()}
	case parkedBytes:
		s.Source = &byteSource{from.below(), r.bytes()}
	case parkedLink:
		s.Source, _ = newLinkSource(from.below(), string(r.bytes())) // the scan has made one, so there is no error
	case parkedRaw:
		src := &rawSource{v: r.p.volumes[r.uvarint()], size: int64(r.uvarint())}
		src.fileSource = fileSource{from.dir, from.name, r.identity()}
		s.Source = src
	case parkedNamed:
		src := &streamSource{v: r.p.volumes[r.uvarint()], dir: from.dir, name: from.name, stream: s.Name, size: int64(r.uvarint())}
		if dir := r.bytes(); len(dir) > 0 {
			src.dir, src.name, src.elsewhere = &folder{name: string(dir)}, string(r.bytes()), true
		}
		s.Source = src
	}
	if from.none {
		s.Source = noSource{}
	}
	return s
}

// noSource stands for a Source that nobody asks for.
type noSource struct{}

func (noSource) Path() string                 { return "" }
func (noSource) Size() int64                  { return 0 }
func (noSource) Open() (io.ReadCloser, error) { return nil, wim.ErrMissing }
