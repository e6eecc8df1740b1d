//go:build unix

package wim

import (
	"crypto/sha1"
	"encoding/binary"
	"testing"
)

// dir and file make dentries of a tree that no writer would write.
func dir(name string, children ...*Dentry) *Dentry {
	d := newDir(name)
	d.Children = children
	return d
}

func file(name string) *Dentry { return &Dentry{Name: name, Attributes: AttrNormal, SecurityID: -1} }

// buildMetadata gives the bytes of a metadata resource whatever its names are.
func buildMetadata(root *Dentry) []byte {
	places := map[*Dentry]int64{}
	size := func(d *Dentry) int64 { return int64(len(d.append(nil, 0))) }
	at := 8 + size(root) + 8
	var place func(d *Dentry)
	place = func(d *Dentry) {
		if !d.hasPlace() {
			return
		}
		places[d] = at
		for _, c := range d.Children {
			at += size(c)
		}
		at += 8
		for _, c := range d.Children {
			place(c)
		}
	}
	place(root)
	b := root.append(binary.LittleEndian.AppendUint64(nil, 8), places[root])
	b = append(b, zeros[:]...)
	var children func(d *Dentry)
	children = func(d *Dentry) {
		if !d.hasPlace() {
			return
		}
		for _, c := range d.Children {
			b = c.append(b, places[c])
		}
		b = append(b, zeros[:]...)
		for _, c := range d.Children {
			children(c)
		}
	}
	children(root)
	return b
}

// craft gives a file with that tree.
func craft(tb testing.TB, root *Dentry) []byte {
	tb.Helper()
	metadata := buildMetadata(root)
	h := Header{Version: versionNormal, Part: 1, Parts: 1, ImageCount: 1}
	b := append(make([]byte, HeaderSize), metadata...)
	add := func(part []byte) Location {
		at := Location{Offset: int64(len(b)), StoredSize: int64(len(part)), Size: int64(len(part)), Flags: ResourceMetadata}
		b = append(b, part...)
		return at
	}
	tree := Location{Offset: HeaderSize, StoredSize: int64(len(metadata)), Size: int64(len(metadata)), Flags: ResourceMetadata}
	hash := sha1.Sum(metadata)
	blob := append(tree.append(nil), 1, 0, 1, 0, 0, 0)
	h.BlobTable = add(append(blob, hash[:]...))
	text, _ := encodeUTF16("\ufeff<WIM></WIM>")
	h.XML = add(text)
	copy(b, h.append(nil))
	return b
}

// imageOfTree reads the tree back.
func imageOfTree(t *testing.T, root *Dentry) (*Image, error) {
	t.Helper()
	f, err := open(craft(t, root))
	must(t, err)
	return f.Image(1)
}
