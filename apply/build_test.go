package apply

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"github.com/wimcast/wimcast/wim"
)

// testNode is one dentry of a WIM that no capture would make.
type testNode struct {
	name     string
	short    string
	attrs    uint32
	data     []byte
	tag      uint32
	reparse  []byte
	link     uint64
	security int32 // 1-based here; 0: none
	streams  map[string][]byte
	tagged   []byte
	children []*testNode
	below    *testNode // children are those of another dentry: a cycle, or a shared directory
	modified wim.Filetime
	sub      int // offset of its children, once written
}

// testWIM builds a stored WIM of one image.
type testWIM struct {
	file   []byte
	meta   []byte
	blobs  []byte
	byHash map[[20]byte]bool
}

func utf16le(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func pad8(b []byte) []byte { return append(b, make([]byte, -len(b)&7)...) }

func reshdr(b []byte, off, size int, flags byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(size)|uint64(flags)<<56)
	b = binary.LittleEndian.AppendUint64(b, uint64(off))
	return binary.LittleEndian.AppendUint64(b, uint64(size))
}

// blob stores a resource once and gives its hash.
func (w *testWIM) blob(data []byte, flags byte) [20]byte {
	if len(data) == 0 {
		return [20]byte{}
	}
	h := sha1.Sum(data)
	if w.byHash[h] {
		return h
	}
	w.byHash[h] = true
	w.blobs = reshdr(w.blobs, len(w.file), len(data), flags)
	w.blobs = binary.LittleEndian.AppendUint16(w.blobs, 1)
	w.blobs = binary.LittleEndian.AppendUint32(w.blobs, 1)
	w.blobs = append(w.blobs, h[:]...)
	w.file = append(w.file, data...)
	return h
}

// dentry appends one dentry.
func (w *testWIM) dentry(n *testNode) (at int) {
	at = len(w.meta)
	name, short := utf16le(n.name), utf16le(n.short)
	le := binary.LittleEndian
	b := make([]byte, 102)
	le.PutUint32(b[8:], n.attrs)
	le.PutUint32(b[12:], uint32(n.security-1))
	for _, o := range []int{40, 48, 56} {
		le.PutUint64(b[o:], uint64(n.modified))
	}
	main := n.data
	if n.tag != 0 {
		main = n.reparse
		le.PutUint32(b[88:], n.tag)
	} else {
		le.PutUint64(b[88:], n.link)
	}
	h := w.blob(main, 0)
	copy(b[64:], h[:])
	le.PutUint16(b[96:], uint16(len(n.streams)))
	le.PutUint16(b[98:], uint16(len(short)))
	le.PutUint16(b[100:], uint16(len(name)))
	if len(name) > 0 {
		b = append(append(b, name...), 0, 0)
	}
	if len(short) > 0 {
		b = append(append(b, short...), 0, 0)
	}
	if len(n.tagged) > 0 {
		b = append(pad8(b), n.tagged...)
	}
	b = pad8(b)
	le.PutUint64(b, uint64(len(b)))
	for sname, data := range n.streams {
		u := utf16le(sname)
		e := le.AppendUint64(nil, uint64(38+len(u)+2))
		e = le.AppendUint64(e, 0)
		sh := w.blob(data, 0)
		e = append(e, sh[:]...)
		e = le.AppendUint16(e, uint16(len(u)))
		b = append(b, pad8(append(append(e, u...), 0, 0))...)
	}
	w.meta = append(w.meta, b...)
	return at
}

// children appends the directories below n.
func (w *testWIM) children(n *testNode, at int) {
	if n.below != nil {
		binary.LittleEndian.PutUint64(w.meta[at+16:], uint64(n.below.sub))
		return
	}
	if len(n.children) == 0 {
		return
	}
	n.sub = len(w.meta)
	binary.LittleEndian.PutUint64(w.meta[at+16:], uint64(n.sub))
	places := make([]int, len(n.children))
	for i, c := range n.children {
		places[i] = w.dentry(c)
	}
	w.meta = append(w.meta, make([]byte, 8)...)
	for i, c := range n.children {
		w.children(c, places[i])
	}
}

// buildWIM gives the bytes of a stored WIM with that tree.
func buildWIM(root *testNode, security ...[]byte) []byte {
	w := &testWIM{file: make([]byte, wim.HeaderSize), byHash: map[[20]byte]bool{}}
	le := binary.LittleEndian
	w.meta = le.AppendUint32(nil, 0)
	w.meta = le.AppendUint32(w.meta, uint32(len(security)))
	for _, s := range security {
		w.meta = le.AppendUint64(w.meta, uint64(len(s)))
	}
	for _, s := range security {
		w.meta = append(w.meta, s...)
	}
	le.PutUint32(w.meta, uint32(len(w.meta)))
	w.meta = pad8(w.meta)
	at := w.dentry(root)
	w.meta = append(w.meta, make([]byte, 8)...)
	w.children(root, at)
	w.blob(w.meta, byte(wim.ResourceMetadata))
	table := len(w.file)
	w.file = append(w.file, w.blobs...)
	text := utf16le("\ufeff<WIM><IMAGE INDEX=\"1\"><NAME>t</NAME></IMAGE></WIM>")
	xml := len(w.file)
	w.file = append(w.file, text...)
	h := append([]byte("MSWIM\x00\x00\x00"), make([]byte, 40)...)
	le.PutUint32(h[8:], wim.HeaderSize)
	le.PutUint32(h[12:], 0x10d00)
	le.PutUint16(h[40:], 1)
	le.PutUint16(h[42:], 1)
	le.PutUint32(h[44:], 1)
	h = reshdr(h, table, len(w.blobs), 0)
	h = reshdr(h, xml, len(text), 0)
	copy(w.file, h)
	return w.file
}

// symlinkData is the reparse data of a symbolic link to target, with slashes, without its 8-byte header.
func symlinkData(target string, relative bool) []byte {
	u := utf16le(strings.ReplaceAll(target, "/", "\\"))
	var b bytes.Buffer
	for _, v := range []uint16{0, uint16(len(u)), 0, uint16(len(u))} {
		binary.Write(&b, binary.LittleEndian, v)
	}
	flags := uint32(0)
	if relative {
		flags = 1
	}
	binary.Write(&b, binary.LittleEndian, flags)
	b.Write(u)
	return b.Bytes()
}

func testDir(name string, children ...*testNode) *testNode {
	return &testNode{name: name, attrs: wim.AttrDirectory, children: children, modified: 133500000000000000}
}

func testFile(name string, data []byte) *testNode {
	return &testNode{name: name, attrs: wim.AttrArchive, data: data, modified: 133500000012345670}
}

func testLink(name, target string, relative bool) *testNode {
	return &testNode{
		name: name, attrs: wim.AttrReparse, tag: wim.TagSymlink, reparse: symlinkData(target, relative),
		modified: 133500000000000000,
	}
}
