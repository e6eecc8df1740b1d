package wim

import (
	"encoding/binary"
	"fmt"
)

// treeEncoder gives the bytes of a metadata resource: the security table, the root, an end mark, and then every directory's children and
// end mark, each directory before those below it. It walks the tree twice: to find out where everything goes, and to encode it.
type treeEncoder struct {
	tree     ImageSource
	security int64                               // bytes of the security table, with its padding
	hashes   func(d *Dentry, next int) (end int) // see writeJob.giveHashes; nil: the streams have theirs
	next     int                                 // what hashes gave
	dirs     list[placedDir]                     // in the order of Visit
	size     int64                               // of the whole
	root     []byte                              // encoded
	buf      []byte
	out      func([]byte) error
}

// placedDir is a directory, or what else may have children.
type placedDir struct {
	place    int64 // where its children go; until all are known, how many bytes they take
	slots    int32 // number of the first slot of a stream below it
	endSlots int32 // and of the first one behind it
	end      int32 // number of the first directory that is not below it
	unsorted bool  // its names are not in the order of CompareNames, which alone says that none is there twice
}

// measuring is the first walk.
type measuring struct {
	*treeEncoder
	open  []openDir // those that lead to the dentry
	names map[string]struct{}
	see   func(d *Dentry) // is shown every dentry, with its hashes
}

type openDir struct {
	number int
	last   string // name of its children
}

// newTreeEncoder checks that the tree can be stored, and decides where everything goes. next is the number of its first slot. see is shown every
// dentry.
func newTreeEncoder(tree ImageSource, hashes func(d *Dentry, next int) int, next int, see func(d *Dentry)) (*treeEncoder, error) {
	e := &treeEncoder{tree: tree, hashes: hashes, next: next}
	_, security := tree.Head()
	e.security = 8 + 8*int64(len(security))
	for _, d := range security {
		e.security += int64(len(d))
	}
	e.security = align8(e.security)
	m := &measuring{treeEncoder: e, names: make(map[string]struct{}), see: see}
	if err := tree.Visit(m.dentry); err != nil {
		return nil, err
	}
	if m.root == nil {
		return nil, fmt.Errorf("encode tree: it has no root")
	}
	m.leave(0)
	unsorted := false
	for i := range e.dirs.n {
		d := e.dirs.at(i)
		d.place, e.size = e.size, e.size+d.place+8
		unsorted = unsorted || d.unsorted
	}
	if e.size > maxMetadata || e.security > maxMetadata {
		return nil, fmt.Errorf("encode tree: its metadata has %d bytes, the limit is %d; capture it as several images", e.size, maxMetadata)
	}
	if unsorted {
		return e, e.checkUnsorted()
	}
	return e, nil
}

// hasPlace reports whether the dentry names a place for its children, of which it may have none.
func (d *Dentry) hasPlace() bool { return d.IsDir() && !d.IsReparse() || len(d.Children) > 0 }

// fill gives a dentry its hashes.
func (e *treeEncoder) fill(d *Dentry) {
	if e.hashes != nil {
		e.next = e.hashes(d, e.next)
	}
}

// dentry checks and measures a dentry.
func (m *measuring) dentry(d *Dentry, depth int) error {
	m.leave(depth)
	m.fill(d)
	if m.see != nil {
		m.see(d)
	}
	var err error
	if depth == 0 {
		err = m.top(d)
	} else {
		err = m.child(d)
	}
	if err != nil || !d.hasPlace() {
		return err
	}
	if depth >= MaxDepth {
		return fmt.Errorf("encode tree: directories nest deeper than %d", MaxDepth)
	}
	m.open = append(m.open, openDir{number: m.dirs.add(placedDir{slots: int32(m.next)})})
	return nil
}

// leave closes the directories from a depth on.
func (m *measuring) leave(depth int) {
	for len(m.open) > depth {
		d := m.dirs.at(m.open[len(m.open)-1].number)
		d.end, d.endSlots = int32(m.dirs.n), int32(m.next)
		m.open = m.open[:len(m.open)-1]
	}
}

// top encodes the root.
func (m *measuring) top(d *Dentry) error {
	switch {
	case !d.IsDir():
		return fmt.Errorf("encode tree: the root is not a directory")
	case d.Name != "":
		return fmt.Errorf("encode tree: the root has the name %q", d.Name)
	}
	n, err := d.measure()
	if err != nil {
		return err
	}
	m.size = m.security + n + 8
	place := int64(0)
	if d.hasPlace() {
		place = m.size
	}
	m.root = d.append(nil, place)
	return nil
}

// child adds a dentry to the directory that it is in.
func (m *measuring) child(d *Dentry) error {
	parent := &m.open[len(m.open)-1]
	dir := m.dirs.at(parent.number)
	var sub int64
	if d.hasPlace() {
		sub = 1
	}
	clear(m.names)
	err := checkName(d, m.names, sub)
	if parent.last != "" && CompareNames(parent.last, d.Name) >= 0 {
		dir.unsorted = true
	}
	parent.last = d.Name
	var n int64
	if err == nil {
		n, err = d.measure()
	}
	if err != nil {
		return fmt.Errorf("encode directory %q: %w", d.Parent.Path(), err)
	}
	dir.place += n
	return nil
}

// checkUnsorted looks for names that are there twice in directories whose order does not tell.
func (e *treeEncoder) checkUnsorted() error {
	dir := 0
	names := make(map[string]struct{})
	return e.tree.Lists(func(d *Dentry) error {
		switch {
		case d == nil:
			dir++
			clear(names)
		case e.dirs.at(dir).unsorted:
			if _, twice := names[d.Name]; twice {
				return fmt.Errorf("encode directory %q: %w", d.Parent.Path(), badName(d.Name, "is there twice"))
			}
			names[d.Name] = struct{}{}
		}
		return nil
	})
}

// encodeFlush is how many bytes treeEncoder collects before it passes them on.
const encodeFlush = 256 << 10

// encode passes the bytes to out, in order.
func (e *treeEncoder) encode(out func([]byte) error) error {
	e.out = out
	le := binary.LittleEndian
	_, security := e.tree.Head()
	e.buf = le.AppendUint32(e.buf[:0], uint32(e.security))
	e.buf = le.AppendUint32(e.buf, uint32(len(security)))
	for _, d := range security {
		e.buf = le.AppendUint64(e.buf, uint64(len(d)))
	}
	for _, d := range security {
		e.buf = append(e.buf, d...)
	}
	e.buf = pad(e.buf, int(e.security))
	e.buf = append(e.buf, e.root...)
	e.buf = append(e.buf, zeros[:]...) // the end of a directory
	if err := e.lists(); err != nil {
		return err
	}
	return e.flush(0)
}

// lists encodes the children of every directory. Of a directory among them it knows the number, as it knows how many are below those before it;
// and so it is with the slots of streams.
func (e *treeEncoder) lists() error {
	dir, sub := 0, int32(1)
	e.begin(dir)
	return e.tree.Lists(func(d *Dentry) error {
		if d == nil {
			e.buf = append(e.buf, zeros[:]...) // the end of a directory
			dir++
			sub = int32(dir) + 1
			e.begin(dir)
			return e.flush(encodeFlush)
		}
		e.fill(d)
		place := int64(0)
		if d.hasPlace() {
			c := e.dirs.at(int(sub))
			place, sub, e.next = c.place, c.end, int(c.endSlots)
		}
		e.buf = d.append(e.buf, place)
		return e.flush(encodeFlush)
	})
}

// begin goes to the first slot of a directory's children.
func (e *treeEncoder) begin(dir int) {
	if dir < e.dirs.n {
		e.next = int(e.dirs.at(dir).slots)
	}
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
