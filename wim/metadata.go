package wim

import (
	"encoding/binary"
	"slices"
	"strings"
)

// MaxDepth is how deep directories may nest.
const MaxDepth = 1024

const maxNameBytes = 510 // of a name, in UTF-16: 255 units, as file systems have

const (
	dentrySize = 102 // of the fixed part
	streamSize = 38
)

// metadataParser reads dentries from the content of a metadata resource. While it checks a tree every dentry's place may be used once, and all
// dentries together may take no more bytes than there are: so neither cycles nor shared or overlapping directories get through.
type metadataParser struct {
	src    metaSource
	rules  *Rules   // nil: names are not checked by rules
	seen   []uint64 // bit map of the places of dentries, one bit for 8 bytes; nil: nothing is checked
	budget int64
	names  nameSet
	upper  nameSet // the same in upper case, with short names
}

// check has the parser check a tree of that many bytes.
func (p *metadataParser) check(size int64) {
	p.seen, p.budget = make([]uint64, size/512+1), size
}

func align8(n int64) int64 { return (n + 7) &^ 7 }

// pendingDir is a directory that walk has yet to read.
type pendingDir struct {
	d     *Dentry // nil: it is read again
	at    At
	sub   uint32 // offset of its children; 0: there are none
	depth int32
}

// walk calls dir with every directory and entry with what is in it, as Tree.Walk says. With keep a directory is the same *Dentry both times.
func (p *metadataParser) walk(root int64, keep bool, dir, entry func(*Dentry, At) error) error {
	d, sub, _, err := p.read(root)
	if err != nil {
		return err
	}
	switch {
	case d == nil:
		return corruptf("parse tree: it has no root")
	case !d.IsDir():
		return corruptf("parse tree: the root is not a directory")
	case d.Name != "":
		return corruptf("parse tree: the root has the name %q", d.Name)
	}
	stack := []pendingDir{{d: d, at: At(root >> 3), sub: uint32(sub)}}
	var above []*Dentry // the directories above the one that is read, from the root
	for len(stack) > 0 {
		now := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if now.d == nil {
			if now.d, err = p.again(now.at); err != nil {
				return err
			}
			now.d.Parent = above[now.depth-1]
		}
		above = append(above[:now.depth], now.d)
		if err := dir(now.d, now.at); err != nil {
			return err
		}
		first := len(stack)
		if stack, err = p.children(now, keep, stack, entry); err != nil {
			return err
		}
		slices.Reverse(stack[first:])
	}
	return nil
}

// again reads a dentry a second time.
func (p *metadataParser) again(at At) (*Dentry, error) {
	q := metadataParser{src: p.src}
	d, _, _, err := q.read(int64(at) << 3)
	return d, err
}

// children calls entry with what is in a directory, and appends the directories among it to the stack.
func (p *metadataParser) children(dir pendingDir, keep bool, stack []pendingDir, entry func(*Dentry, At) error) ([]pendingDir, error) {
	if dir.sub == 0 {
		return stack, nil
	}
	if dir.depth+1 > MaxDepth {
		return nil, corruptf("parse tree: directories nest deeper than %d", MaxDepth)
	}
	p.names.clear()
	p.upper.clear()
	for next := int64(dir.sub); ; {
		at := next
		var d *Dentry
		var sub int64
		var err error
		if d, sub, next, err = p.read(at); err != nil {
			return nil, wrapf(err, "parse directory %q", dir.d.Path())
		}
		if d == nil {
			return stack, nil
		}
		d.Parent = dir.d
		if err := p.checkName(d, At(at>>3), sub); err != nil {
			return nil, err
		}
		if d.IsDir() {
			below := pendingDir{at: At(at >> 3), sub: uint32(sub), depth: dir.depth + 1}
			if keep {
				below.d = d
			}
			stack = append(stack, below)
		}
		if err := entry(d, At(at>>3)); err != nil {
			return nil, err
		}
	}
}

// checkName refuses a dentry that no file system could hold beside those before it in the directory, and what the rules do not let pass.
func (p *metadataParser) checkName(d *Dentry, at At, sub int64) error {
	err := checkLoneName(d, sub)
	if err == nil {
		var twice bool
		_, twice, err = p.names.add(d.Name, at, func(at At, name string) (bool, error) {
			o, err := p.again(at)
			return err == nil && o.Name == name, err
		})
		if twice {
			err = badName(d.Name, "is there twice")
		}
	}
	if err != nil {
		return corruptf("parse directory %q: %w", d.Parent.Path(), err)
	}
	if p.rules == nil {
		return nil
	}
	return p.checkRules(d, at)
}

// checkRules refuses names by the rules.
func (p *metadataParser) checkRules(d *Dentry, at At) error {
	if !p.rules.AllowWindowsNames {
		if err := checkWindowsNames(d, p.rules.AllowPOSIXNames); err != nil {
			return err
		}
	}
	if p.rules.AllowCaseClash {
		return nil
	}
	for _, name := range []string{d.Name, d.ShortName} {
		if name == "" {
			continue
		}
		other, twice, err := p.upper.add(upper(name), at, func(at At, key string) (bool, error) {
			o, err := p.again(at)
			return err == nil && (upper(o.Name) == key || upper(o.ShortName) == key), err
		})
		if err != nil {
			return err
		}
		if twice && other != at {
			o, err := p.again(other)
			if err != nil {
				return err
			}
			o.Parent = d.Parent
			return caseClash(o, d)
		}
	}
	return nil
}

// read reads one dentry, with the offset of its children and of its next sibling; nil at the end of a directory.
func (p *metadataParser) read(at int64) (d *Dentry, sub, next int64, err error) {
	all := p.src.size()
	if at < 8 || at&7 != 0 || at > all-8 {
		return nil, 0, 0, corruptf("parse dentry: offset %d is not in the metadata", at)
	}
	le := binary.LittleEndian
	head, err := p.src.bytes(at, 8)
	if err != nil {
		return nil, 0, 0, err
	}
	size := le.Uint64(head)
	if size <= 8 {
		return nil, 0, 0, nil
	}
	if size < dentrySize || size > uint64(all-at) {
		return nil, 0, 0, corruptf("parse dentry at %d: its length is told as %d", at, size)
	}
	if p.seen != nil {
		if p.seen[at>>9]>>(at>>3&63)&1 != 0 {
			return nil, 0, 0, corruptf("parse dentry at %d: it is part of two directories, or of itself", at)
		}
		p.seen[at>>9] |= 1 << (at >> 3 & 63)
		if p.budget -= int64(size); p.budget < 0 {
			return nil, 0, 0, corruptf("parse dentry at %d: directories overlap", at)
		}
	}
	b, err := p.src.bytes(at, int64(size))
	if err != nil {
		return nil, 0, 0, err
	}
	d, err = parseDentry(b)
	if err != nil {
		return nil, 0, 0, wrapf(err, "parse dentry at %d", at)
	}
	if off := le.Uint64(b[16:]); off != 0 {
		if off > uint64(all) {
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
	all := p.src.size()
	for range n {
		if at > all-streamSize {
			return 0, corruptf("read streams of %q: they leave the metadata", d.Name)
		}
		head, err := p.src.bytes(at, streamSize)
		if err != nil {
			return 0, err
		}
		size := binary.LittleEndian.Uint64(head)
		nameBytes := int64(binary.LittleEndian.Uint16(head[36:]))
		if size < streamSize || size > uint64(all-at) || nameBytes&1 != 0 || nameBytes > maxNameBytes || streamSize+nameBytes > int64(size) {
			return 0, corruptf("read streams of %q: one of %d bytes, its name of %d", d.Name, size, nameBytes)
		}
		if p.seen != nil {
			if p.budget -= int64(size); p.budget < 0 {
				return 0, corruptf("read streams of %q: directories overlap", d.Name)
			}
		}
		name, err := p.src.bytes(at+streamSize, nameBytes)
		if err != nil {
			return 0, err
		}
		d.addStream(decodeUTF16(name), SHA1(head[16:36]))
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
	if err := checkLoneName(d, sub); err != nil {
		return err
	}
	if _, ok := names[d.Name]; ok {
		return badName(d.Name, "is there twice")
	}
	names[d.Name] = struct{}{}
	return nil
}

// checkLoneName refuses a dentry that no file system could hold, or whose children have no place.
func checkLoneName(d *Dentry, sub int64) error {
	n := d.Name
	switch {
	case n == "" || n == "." || n == "..":
		return badName(n, "means something else")
	case strings.ContainsAny(n, "/\x00") || strings.ContainsAny(d.ShortName, "/\x00"):
		return badName(n, "has a slash or NUL")
	case sub != 0 && !d.IsDir():
		return badName(n, "is a file and has children")
	}
	return nil
}
