package wim

import (
	"encoding/binary"
	"fmt"
	"math"
)

// entries returns the main hash of a dentry, and calls fn for each of its extra stream entries, in order.
//
// Any order that parses is good for most readers, but some of Windows' tools are particular. A file with named streams or reparse data
// has a main hash of zero, and first an entry for each unnamed stream that a file of its kind may have, empty or not: reparse data, then
// contents. A directory has no contents, so it gets no entry for them; the reparse data of one without named streams is its main hash.
// The raw form of an encrypted file is its main hash.
func (d *Dentry) entries(fn func(name string, hash SHA1)) (main SHA1) {
	named, raws := false, 0
	for i := range d.Streams {
		named = named || d.Streams[i].Kind == StreamNamed
	}
	data := d.Data()
	switch {
	case d.Attributes&AttrEncrypted != 0:
		for i := range d.Streams {
			if s := &d.Streams[i]; s.Kind == StreamRaw && raws == 0 {
				main = s.Hash
				raws++
			} else if s.Kind == StreamRaw {
				fn("", s.Hash)
			}
		}
	case d.IsReparse() && d.IsDir() && data.IsZero() && !named:
		main = d.Reparse()
	case d.IsReparse():
		fn("", d.Reparse())
		if !d.IsDir() || !data.IsZero() {
			fn("", data)
		}
	case named && !d.IsDir():
		fn("", data)
	default:
		main = data
	}
	for i := range d.Streams {
		if s := &d.Streams[i]; s.Kind == StreamNamed {
			fn(s.Name, s.Hash)
		}
	}
	return main
}

// measure checks that the dentry can be stored and read again, and returns its length with its streams.
func (d *Dentry) measure() (int64, error) {
	name, ok := utf16Size(d.Name)
	short, okShort := utf16Size(d.ShortName)
	if !ok || !okShort || name > maxNameBytes || short > maxNameBytes {
		return 0, badName(d.Name, fmt.Sprintf("or its short name is not UTF-8 of up to %d UTF-16 units", MaxName))
	}
	var seen [StreamNamed]int
	for i := range d.Streams {
		s := &d.Streams[i]
		if s.Kind == StreamNamed {
			if b, ok := utf16Size(s.Name); !ok || b == 0 || b > maxNameBytes {
				return 0, badName(s.Name, fmt.Sprintf("is a stream's and not UTF-8 of 1 to %d UTF-16 units", MaxName))
			}
			continue
		}
		if s.Hash.IsZero() {
			continue // an empty one is stored as none
		}
		if s.Kind > StreamNamed || s.Kind == StreamReparse && !d.IsReparse() || (s.Kind == StreamRaw) != (d.Attributes&AttrEncrypted != 0) {
			return 0, fmt.Errorf("encode %q: its attributes %#x do not go with its streams", d.Name, d.Attributes)
		}
		if seen[s.Kind]++; seen[s.Kind] > 1 && s.Kind != StreamRaw {
			return 0, fmt.Errorf("encode %q: it has two streams of one kind", d.Name)
		}
	}
	if d.IsReparse() && d.Reparse().IsZero() && !d.Data().IsZero() {
		return 0, fmt.Errorf("encode %q: a reparse point with contents needs reparse data", d.Name)
	}
	size, n := align8(d.fixedSize(name, short)), 0
	d.entries(func(name string, _ SHA1) {
		size += streamEntrySize(name)
		n++
	})
	if n > math.MaxUint16 {
		return 0, fmt.Errorf("encode %q: %d streams, the limit is %d", d.Name, n, math.MaxUint16)
	}
	return size, nil
}

// fixedSize is the length of the dentry proper, without its streams; name and short are the bytes of its names.
func (d *Dentry) fixedSize(name, short int) int64 {
	n := dentrySize
	for _, b := range []int{name, short} {
		if b > 0 {
			n += b + 2
		}
	}
	return align8(int64(n)) + int64(len(d.Tagged))
}

// streamEntrySize is the length of an extra stream entry, with its padding.
func streamEntrySize(name string) int64 {
	if n, _ := utf16Size(name); n > 0 {
		return align8(int64(streamSize + n + 2))
	}
	return align8(streamSize)
}

// append appends the dentry, which measure has checked, and its streams. children is where its children are.
func (d *Dentry) append(b []byte, children int64) []byte {
	le := binary.LittleEndian
	start := len(b)
	name, _ := utf16Size(d.Name)
	short, _ := utf16Size(d.ShortName)
	size := d.fixedSize(name, short)
	b = le.AppendUint64(b, uint64(size))
	b = le.AppendUint32(b, d.Attributes)
	b = le.AppendUint32(b, uint32(d.SecurityID))
	b = le.AppendUint64(b, uint64(children))
	b = append(b, make([]byte, 16)...)
	b = le.AppendUint64(b, uint64(d.Created))
	b = le.AppendUint64(b, uint64(d.Accessed))
	b = le.AppendUint64(b, uint64(d.Modified))
	n := 0
	main := d.entries(func(string, SHA1) { n++ })
	b = append(b, main[:]...)
	b = le.AppendUint32(b, 0)
	if d.IsReparse() {
		b = le.AppendUint32(b, d.ReparseTag)
		b = le.AppendUint16(b, d.ReparseReserved)
		b = le.AppendUint16(b, d.ReparseFlags)
	} else {
		b = le.AppendUint64(b, d.HardLink)
	}
	b = le.AppendUint16(b, uint16(n))
	b = le.AppendUint16(b, uint16(short))
	b = le.AppendUint16(b, uint16(name))
	for _, s := range []string{d.Name, d.ShortName} {
		if s != "" {
			b, _ = appendUTF16(b, s)
			b = append(b, 0, 0)
		}
	}
	b = pad(b, start+int(size)-len(d.Tagged))
	b = append(b, d.Tagged...)
	b = pad(b, start+int(align8(size)))
	d.entries(func(name string, hash SHA1) { b = appendStreamEntry(b, name, hash) })
	return b
}

// appendStreamEntry appends an extra stream entry with its padding.
func appendStreamEntry(b []byte, name string, hash SHA1) []byte {
	le := binary.LittleEndian
	size := streamEntrySize(name)
	end := len(b) + int(size)
	b = le.AppendUint64(b, uint64(size))
	b = le.AppendUint64(b, 0)
	b = append(b, hash[:]...)
	n, _ := utf16Size(name)
	b = le.AppendUint16(b, uint16(n))
	b, _ = appendUTF16(b, name)
	return pad(b, end)
}

var zeros [8]byte

// pad appends zeros up to a length that is at most 8 bytes away.
func pad(b []byte, to int) []byte { return append(b, zeros[:to-len(b)]...) }
