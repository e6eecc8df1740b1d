package capture

import (
	"encoding/binary"
	"slices"

	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/wim"
)

// park keeps what was scanned, packed, so that a tree of a million files takes some 20 MB. There is one record for every file, in the order of the
// scan: a directory, then all that is below it, then an end mark.
//
//	record    = head name times facts streams short, as head tells; numbers are varints
//	name      = bytes that it shares with the one before it in its directory, bytes that follow: their number, and they
//	times     = the last modification, as the difference to the one before; the others, where they are not the same
//	facts     = attributes, security descriptor, reparse point, tagged items; left out when they are those of the last file (or directory)
//	streams   = of an ordinary file that is unnamed and has the inode number (less the one before), the size and the nanoseconds
//	another name of a file: its link's number, and no times, facts and streams. The first name's record tells them, and needs no record before it
//	end mark  = a head of zero
type park struct {
	blocks  [][]byte // of parkBlock bytes at most, unless one record is longer; no record is in two
	dirs    []parkedDir
	links   []link
	shorts  map[int64]string // short names that were found out later, by the place of the record
	volumes []*ntfs3g.Volume // that named streams are on
	identities

	buf  []byte
	open []*before // a list of records for every directory that is being scanned
}

const parkBlock = 128 << 10

// parkedDir says where the records of a directory's children are. Directories are numbered as they are scanned. A place is the number of a block, and
// in the lower 32 bits where in it.
type parkedDir struct {
	start, end int64 // places of the first record, and behind the end mark
	next       int32 // number of the first directory that is not below it
}

// link is a file with several names.
type link struct {
	at      int64 // place of the record of the first name
	names   int32 // that are in the tree
	group   int32 // as Dentry.HardLink
	dropped bool  // the file was left out
}

// before is what a record is told by: the one before it in its directory.
type before struct {
	dir   int // number of the directory
	name  []byte
	time  wim.Filetime
	inode uint64
	facts [2]facts // of files, of directories
}

// facts are what many files have in common.
type facts struct {
	attributes uint32
	security   int32
	tag        uint32
	reserved   uint16
	flags      uint16
	tagged     string
}

// Bits of a head. The most frequent ones make it one byte.
const (
	headRecord = 1 << iota
	headFacts  // the same as before
	headTimes  // all three are the same
	headFile   // the one stream is an ordinary file's
	headDir    // its children follow
	headShort
	headStreams
	headFirst // the first name of a file that has several
	headAgain // another name
)

func (b *before) reset(dir int) {
	b.dir, b.name, b.time, b.inode = dir, b.name[:0], timeZero, 0
	b.facts = [2]facts{{attributes: wim.AttrNormal, security: -1}, {attributes: wim.AttrDirectory, security: -1}}
}

// timeZero is what times are told by first: 2020, as it makes short numbers.
const timeZero = 132223104000000000

func factsOf(d *wim.Dentry) facts {
	return facts{d.Attributes, d.SecurityID, d.ReparseTag, d.ReparseReserved, d.ReparseFlags, string(d.Tagged)}
}

func (f *facts) give(d *wim.Dentry) {
	d.Attributes, d.SecurityID, d.ReparseTag, d.ReparseReserved, d.ReparseFlags = f.attributes, f.security, f.tag, f.reserved, f.flags
	d.Tagged = nil
	if f.tagged != "" {
		d.Tagged = []byte(f.tagged)
	}
}

// kind tells directories from other files.
func kind(dir bool) int {
	if dir {
		return 1
	}
	return 0
}

// add adds a file, and says where its record is.
func (p *park) add(e *entry) int64 {
	d := e.d
	b := p.last()
	dir := d.IsDir() && !d.IsReparse()
	head := uint64(headRecord)
	if e.several {
		head |= headFirst
		if e.again {
			head = head&^headFirst | headAgain
		}
	}
	if d.ShortName != "" {
		head |= headShort
	}
	own := b // what the record is told by
	if head&headFirst != 0 {
		own = &before{}
		own.reset(0)
	}
	if dir {
		head |= headDir
	}
	buf := appendName(p.buf[:0], own, d.Name)
	b.name = append(b.name[:0], d.Name...)
	if e.several {
		buf = binary.AppendUvarint(buf, uint64(e.link))
	}
	if head&headAgain == 0 {
		buf = p.appendFacts(buf, own, d, &head)
	}
	if d.ShortName != "" {
		buf = appendString(buf, d.ShortName)
	}
	p.buf = buf
	at := p.put(head, buf)
	if e.several {
		l := &p.links[e.link]
		if l.names++; !e.again {
			l.at = at
		}
	}
	return at
}

// appendFacts appends all that belongs to a file and not to its name.
func (p *park) appendFacts(buf []byte, own *before, d *wim.Dentry, head *uint64) []byte {
	buf = binary.AppendVarint(buf, int64(d.Modified-own.time))
	if d.Created == d.Modified && d.Accessed == d.Modified {
		*head |= headTimes
	} else {
		buf = binary.AppendVarint(buf, int64(d.Created-d.Modified))
		buf = binary.AppendVarint(buf, int64(d.Accessed-d.Modified))
	}
	own.time = d.Modified
	f, same := factsOf(d), &own.facts[kind(*head&headDir != 0)]
	if f == *same {
		*head |= headFacts
	} else {
		*same = f
		buf = binary.AppendUvarint(buf, uint64(f.attributes))
		buf = binary.AppendVarint(buf, int64(f.security))
		for _, v := range []uint64{uint64(f.tag), uint64(f.reserved), uint64(f.flags)} {
			buf = binary.AppendUvarint(buf, v)
		}
		buf = appendString(buf, f.tagged)
	}
	if len(d.Streams) == 1 && d.Streams[0].Kind == wim.StreamData {
		if src, ok := d.Streams[0].Source.(*fileSource); ok {
			if inode, ns, ok := p.ordinary(&src.was, d.Modified); ok {
				*head |= headFile
				buf = binary.AppendVarint(buf, int64(inode-own.inode))
				buf = binary.AppendUvarint(buf, uint64(src.was.size))
				own.inode = inode
				return append(buf, ns)
			}
		}
	}
	if len(d.Streams) > 0 {
		*head |= headStreams
		buf = binary.AppendUvarint(buf, uint64(len(d.Streams)))
		for i := range d.Streams {
			buf = p.appendStream(buf, &d.Streams[i])
		}
	}
	return buf
}

// Where a stream's contents are.
const (
	parkedHash  = iota // in the base, or it is empty
	parkedFile         // the contents of a file
	parkedBytes        // here
	parkedNamed        // a named stream on NTFS
	parkedLink         // where a symbolic link leads: a fifth of its reparse data
	parkedRaw          // an encrypted file on NTFS
)

func (p *park) appendStream(buf []byte, s *wim.Stream) []byte {
	buf = append(buf, byte(s.Kind))
	buf = appendString(buf, s.Name)
	switch src := s.Source.(type) {
	case *fileSource:
		return p.appendIdentity(append(buf, parkedFile), &src.was)
	case *linkSource:
		return appendString(append(buf, parkedLink), src.target)
	case *byteSource:
		return appendString(append(buf, parkedBytes), string(src.data))
	case *rawSource:
		buf = p.appendVolume(append(buf, parkedRaw), src.v)
		buf = binary.AppendUvarint(buf, uint64(src.size))
		return p.appendIdentity(buf, &src.was)
	case *streamSource:
		buf = p.appendVolume(append(buf, parkedNamed), src.v)
		buf = binary.AppendUvarint(buf, uint64(src.size))
		if !src.elsewhere {
			return appendString(buf, "")
		}
		return appendString(appendString(buf, src.dir.path()), src.name)
	}
	return append(append(buf, parkedHash), s.Hash[:]...)
}

func (p *park) appendVolume(buf []byte, v *ntfs3g.Volume) []byte {
	n := slices.Index(p.volumes, v)
	if n < 0 {
		n, p.volumes = len(p.volumes), append(p.volumes, v)
	}
	return binary.AppendUvarint(buf, uint64(n))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendName(b []byte, own *before, name string) []byte {
	n := 0
	for n < min(len(name), len(own.name)) && name[n] == own.name[n] {
		n++
	}
	return appendString(binary.AppendUvarint(b, uint64(n)), name[n:])
}

// put writes a record, and says where.
func (p *park) put(head uint64, rest []byte) int64 {
	var h [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(h[:], head)
	last := len(p.blocks) - 1
	if last < 0 || len(p.blocks[last])+n+len(rest) > cap(p.blocks[last]) {
		size := min(parkBlock, 1<<min(11+last, 30)) // from 1 KiB on: an update scans file by file
		p.blocks = append(p.blocks, make([]byte, 0, max(size, n+len(rest))))
		last++
	}
	at := p.end()
	p.blocks[last] = append(append(p.blocks[last], h[:n]...), rest...)
	return at
}

// end is where the next record goes, or where a reader finds that it must go to the next block.
func (p *park) end() int64 {
	last := len(p.blocks) - 1
	if last < 0 {
		return 0
	}
	return int64(last)<<32 | int64(len(p.blocks[last]))
}

// begin begins a tree.
func (p *park) begin() {
	p.open = append(p.open[:0], &before{})
	p.open[0].reset(-1)
}

// last is the record before the next one.
func (p *park) last() *before { return p.open[len(p.open)-1] }

// enter begins the list of the directory that was added last.
func (p *park) enter() {
	b := &before{}
	b.reset(len(p.dirs))
	p.dirs = append(p.dirs, parkedDir{start: p.end()})
	p.open = append(p.open, b)
}

// leave ends it.
func (p *park) leave() {
	p.put(0, nil)
	d := &p.dirs[p.last().dir]
	d.end, d.next = p.end(), int32(len(p.dirs))
	p.open = p.open[:len(p.open)-1]
}

// number gives the files with several names in the tree their group.
func (p *park) number() {
	var group int32
	for i := range p.links {
		if l := &p.links[i]; l.names > 1 {
			group++
			l.group = group
		}
	}
}
