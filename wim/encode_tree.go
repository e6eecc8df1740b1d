package wim

import (
	"encoding/binary"
	"fmt"
)

// treeEncoder gives the bytes of a metadata resource: the security table, the root, an end mark, and then every directory's children and
// end mark, each directory before those below it.
type treeEncoder struct {
	img      *Image
	security int64             // bytes of the security table, with its padding
	places   map[*Dentry]int64 // where the children of every directory go
	size     int64             // of the whole
	buf      []byte
	out      func([]byte) error
}

// newTreeEncoder checks that the image can be stored, and decides where everything goes.
func newTreeEncoder(img *Image) (*treeEncoder, error) {
	e := &treeEncoder{img: img, places: make(map[*Dentry]int64)}
	switch {
	case img.Root == nil || !img.Root.IsDir():
		return nil, fmt.Errorf("encode tree: the root is not a directory")
	case img.Root.Name != "":
		return nil, fmt.Errorf("encode tree: the root has the name %q", img.Root.Name)
	}
	e.security = 8 + 8*int64(len(img.Security))
	for _, d := range img.Security {
		e.security += int64(len(d))
	}
	e.security = align8(e.security)
	root, err := img.Root.measure()
	if err != nil {
		return nil, err
	}
	e.size = e.security + root + 8
	if err := e.place(img.Root, 1); err != nil {
		return nil, err
	}
	if e.size > maxMetadata || e.security > maxMetadata {
		return nil, fmt.Errorf("encode tree: its metadata has %d bytes, the limit is %d; capture it as several images", e.size, maxMetadata)
	}
	return e, nil
}

// hasPlace reports whether the dentry names a place for its children, of which it may have none.
func (d *Dentry) hasPlace() bool { return d.IsDir() && !d.IsReparse() || len(d.Children) > 0 }

// place decides where the children of d and of all below it go.
func (e *treeEncoder) place(d *Dentry, depth int) error {
	if !d.hasPlace() {
		return nil
	}
	if depth > maxDepth {
		return fmt.Errorf("encode tree: directories nest deeper than %d", maxDepth)
	}
	e.places[d] = e.size
	names := make(map[string]struct{}, len(d.Children))
	for _, c := range d.Children {
		var sub int64
		if c.hasPlace() {
			sub = 1
		}
		if err := checkName(c, names, sub); err != nil {
			return fmt.Errorf("encode directory %q: %w", d.Path(), err)
		}
		n, err := c.measure()
		if err != nil {
			return fmt.Errorf("encode directory %q: %w", d.Path(), err)
		}
		e.size += n
	}
	e.size += 8
	for _, c := range d.Children {
		if err := e.place(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// encodeFlush is how many bytes treeEncoder collects before it passes them on.
const encodeFlush = 256 << 10

// encode passes the bytes to out, in order.
func (e *treeEncoder) encode(out func([]byte) error) error {
	e.out = out
	le := binary.LittleEndian
	e.buf = le.AppendUint32(e.buf[:0], uint32(e.security))
	e.buf = le.AppendUint32(e.buf, uint32(len(e.img.Security)))
	for _, d := range e.img.Security {
		e.buf = le.AppendUint64(e.buf, uint64(len(d)))
	}
	for _, d := range e.img.Security {
		e.buf = append(e.buf, d...)
	}
	e.buf = pad(e.buf, int(e.security))
	e.buf = e.img.Root.append(e.buf, e.places[e.img.Root])
	e.buf = append(e.buf, zeros[:]...) // the end of a directory
	if err := e.children(e.img.Root); err != nil {
		return err
	}
	return e.flush(0)
}

func (e *treeEncoder) children(d *Dentry) error {
	if !d.hasPlace() {
		return nil
	}
	for _, c := range d.Children {
		e.buf = c.append(e.buf, e.places[c])
	}
	e.buf = append(e.buf, zeros[:]...) // the end of a directory
	if err := e.flush(encodeFlush); err != nil {
		return err
	}
	for _, c := range d.Children {
		if err := e.children(c); err != nil {
			return err
		}
	}
	return nil
}

// flush passes on what was collected, if it is at least so much.
func (e *treeEncoder) flush(least int) error {
	if len(e.buf) < least || len(e.buf) == 0 {
		return nil
	}
	err := e.out(e.buf)
	e.buf = e.buf[:0]
	return err
}
