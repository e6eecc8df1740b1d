package wim

import "encoding/binary"

// securitySize is the length of a security table without descriptors.
const securitySize = 8

// buildMetadata gives the bytes of a metadata resource: an empty security table, the root, an end mark, and then every directory's
// children and end mark, each directory before those below it.
func buildMetadata(root *node) []byte {
	b := binary.LittleEndian.AppendUint64(nil, securitySize)
	places := map[*node]int64{}
	at := align8(securitySize+root.d.length()) + 8
	place(root, &at, places)
	b = root.d.appendOld(b, places[root])
	b = append(b, make([]byte, 8)...)
	return appendChildren(b, root, places)
}

// place decides where the children of every directory go.
func place(n *node, at *int64, places map[*node]int64) {
	if !n.d.IsDir() || n.d.IsReparse() {
		return
	}
	places[n] = *at
	for _, c := range n.children {
		*at += c.d.length()
	}
	*at += 8
	for _, c := range n.children {
		place(c, at, places)
	}
}

func appendChildren(b []byte, n *node, places map[*node]int64) []byte {
	if !n.d.IsDir() || n.d.IsReparse() {
		return b
	}
	for _, c := range n.children {
		b = c.d.appendOld(b, places[c])
	}
	b = append(b, make([]byte, 8)...)
	for _, c := range n.children {
		b = appendChildren(b, c, places)
	}
	return b
}

// fixedLength is the length of the dentry proper, without its streams.
func (d *Dentry) fixedLength() int64 {
	n := int64(dentrySize)
	if name, _ := encodeUTF16(d.Name); len(name) > 0 {
		n += int64(len(name)) + 2
	}
	return align8(n) + int64(len(d.Tagged))
}

// extraStreams is the number of stream entries behind the dentry. A reparse point has two unnamed ones, for its data and for its
// contents; the other dentries that are captured have none.
func (d *Dentry) extraStreams() int64 {
	if d.IsReparse() {
		return 2
	}
	return 0
}

// length is the length of the dentry with its streams.
func (d *Dentry) length() int64 {
	return d.fixedLength() + d.extraStreams()*align8(streamSize)
}

// append appends the dentry and its streams. It writes what a capture makes: no short name, no named streams.
func (d *Dentry) appendOld(b []byte, children int64) []byte {
	le := binary.LittleEndian
	name, _ := encodeUTF16(d.Name) // names were checked when they were scanned
	start := len(b)
	b = le.AppendUint64(b, uint64(d.fixedLength()))
	b = le.AppendUint32(b, d.Attributes)
	b = le.AppendUint32(b, uint32(d.SecurityID))
	b = le.AppendUint64(b, uint64(children))
	b = append(b, make([]byte, 16)...)
	for _, t := range []Filetime{d.Created, d.Accessed, d.Modified} {
		b = le.AppendUint64(b, uint64(t))
	}
	main := d.Data()
	if d.IsReparse() {
		main = SHA1{}
	}
	b = append(b, main[:]...)
	b = le.AppendUint32(b, 0)
	if d.IsReparse() {
		b = le.AppendUint32(b, d.ReparseTag)
		b = le.AppendUint16(b, d.ReparseReserved)
		b = le.AppendUint16(b, d.ReparseFlags)
	} else {
		b = le.AppendUint64(b, d.HardLink)
	}
	b = le.AppendUint16(b, uint16(d.extraStreams()))
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, uint16(len(name)))
	b = append(b, name...)
	b = append(b, make([]byte, start+int(d.fixedLength())-len(d.Tagged)-len(b))...)
	b = append(b, d.Tagged...)
	if d.IsReparse() {
		b = appendStream(b, d.Reparse())
		b = appendStream(b, d.Data())
	}
	return b
}

// appendStream appends the entry of an unnamed stream.
func appendStream(b []byte, hash SHA1) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(align8(streamSize)))
	b = append(b, make([]byte, 8)...)
	b = append(b, hash[:]...)
	return append(b, 0, 0, 0, 0)
}
