package wim

import (
	"crypto/sha1"
	"encoding/binary"
)

// At names a dentry of a Tree: where it stands in the metadata, in units of 8 bytes.
type At uint32

// Tree is the tree of one image, read where it lies: it holds a bitmap and some decoded pieces of the metadata, and no dentries. It is for
// who looks at each dentry once or seldom; Image gives all of it at once. It is safe for concurrent use.
//
// It reads from the File as long as it is used.
type Tree struct {
	Info     ImageInfo
	src      metaSource
	root     int64
	security []uint32 // where every descriptor ends in the metadata, behind where the first one starts
}

// Tree checks the SHA-1 of the metadata of image n, 1-based, and returns the tree, of which only the security table is checked yet: call Walk
// before anything else. Metadata in pieces of over 1 MiB is held whole.
func (f *File) Tree(n int) (*Tree, error) { return f.tree(n, f.metaSource) }

// tree reads the metadata of image n by source.
func (f *File) tree(n int, source func(Resource) (metaSource, error)) (*Tree, error) {
	res, err := f.MetadataOf(n)
	if err != nil {
		return nil, err
	}
	src, err := source(res)
	if err != nil {
		return nil, wrapf(err, "read metadata of image %d", n)
	}
	t, err := newTree(src)
	if err != nil {
		return nil, wrapf(err, "read metadata of image %d", n)
	}
	t.Info = f.images[n-1]
	return t, nil
}

// metaSource checks the SHA-1 of a metadata resource and returns its content.
func (f *File) metaSource(res Resource) (metaSource, error) {
	if res.PieceSize > metaPieceMax {
		return f.wholeMetadata(res)
	}
	src, err := newMetaPieces(f, res)
	if err != nil {
		return nil, err
	}
	sum := sha1.New()
	for i := range src.count() {
		b, err := src.piece(i)
		if err != nil {
			return nil, err
		}
		sum.Write(b)
	}
	if SHA1(sum.Sum(nil)) != res.Hash {
		return nil, corruptf("check it: %w", ErrHash)
	}
	return src, nil
}

// Tree returns the same tree as one that is read where it lies.
func (m *Image) Tree() (*Tree, error) {
	e, err := newTreeEncoder(m, nil, 0, nil)
	if err != nil {
		return nil, err
	}
	b := make(metaBytes, 0, e.size)
	if err := e.encode(func(part []byte) error { b = append(b, part...); return nil }); err != nil {
		return nil, err
	}
	t, err := newTree(b)
	if err != nil {
		return nil, err
	}
	t.Info = m.Info
	return t, nil
}

func newTree(src metaSource) (*Tree, error) {
	security, root, err := parseSecurity(src)
	if err != nil {
		return nil, err
	}
	return &Tree{src: src, security: security, root: root}, nil
}

// Securities is the number of security descriptors.
func (t *Tree) Securities() int { return len(t.security) - 1 }

// SecuritySize is the length of security descriptor i, in bytes.
func (t *Tree) SecuritySize(i int) int { return int(t.security[i+1] - t.security[i]) }

// Security returns security descriptor i, as stored.
func (t *Tree) Security(i int) ([]byte, error) {
	b, err := t.src.bytes(int64(t.security[i]), int64(t.SecuritySize(i)))
	if err != nil {
		return nil, wrapf(err, "read security descriptor %d", i)
	}
	return b, nil
}

// Places is more than any At of the tree.
func (t *Tree) Places() int { return int(t.src.size()>>3) + 1 }

// Root names the root dentry.
func (t *Tree) Root() At { return At(t.root >> 3) }

// Dentry reads one dentry, which Walk has passed on before; it comes without Parent and Children.
func (t *Tree) Dentry(at At) (*Dentry, error) {
	d, _, _, err := t.parser().read(int64(at) << 3)
	if err == nil && d == nil {
		err = corruptf("parse dentry at %d: it is an end mark", int64(at)<<3)
	}
	return d, err
}

// Children calls fn with what is in a directory, in stored order, until fn returns an error. Parent is set if dir is given.
func (t *Tree) Children(at At, dir *Dentry, fn func(*Dentry, At) error) error {
	p := t.parser()
	_, next, _, err := p.read(int64(at) << 3)
	if err != nil || next == 0 {
		return err
	}
	for {
		place := next
		var d *Dentry
		if d, _, next, err = p.read(place); err != nil || d == nil {
			return err
		}
		d.Parent = dir
		if err := fn(d, At(place>>3)); err != nil {
			return err
		}
	}
}

// Walk reads the whole tree, directory by directory, each before those in it. It calls dir with a directory, the root first, and then entry
// with everything in it, in stored order, directories too: so a directory comes twice, first as an entry of its parent, without Children
// both times, and its Parent is what dir was called with. This is the order in which trees are stored, and in this order no more
// of it need be in memory.
//
// It checks all that Image does and, unless rules is nil, names by rules: those that a system could not hold or would take for
// something else, and siblings that differ only in case; the error is then ErrName. Children under a
// reparse point pass: who writes a tree must refuse them, as package apply does.
func (t *Tree) Walk(rules *Rules, dir, entry func(*Dentry, At) error) error {
	p := t.parser()
	p.rules = rules
	p.check(t.src.size())
	return p.walk(t.root, false, dir, entry)
}

// Descend calls fn with every dentry, each directory before what is in it, as Image.Walk does: that is the order of a listing, and takes longer to
// read than Walk's. Walk comes first.
func (t *Tree) Descend(fn func(*Dentry, At) error) error {
	root, err := t.Dentry(t.Root())
	if err != nil {
		return err
	}
	var descend func(d *Dentry, at At) error
	descend = func(d *Dentry, at At) error {
		if err := fn(d, at); err != nil || !d.IsDir() {
			return err
		}
		return t.Children(at, d, descend)
	}
	return descend(root, t.Root())
}

func (t *Tree) parser() *metadataParser { return &metadataParser{src: t.src} }

// Image builds the tree in memory.
func (t *Tree) image() (*Image, error) {
	m := &Image{Info: t.Info, Security: make([][]byte, t.Securities())}
	for i := range m.Security {
		var err error
		if m.Security[i], err = t.Security(i); err != nil {
			return nil, err
		}
	}
	p := t.parser()
	p.check(t.src.size())
	err := p.walk(t.root, true, func(d *Dentry, _ At) error {
		if d.Parent == nil {
			m.Root = d
		}
		return nil
	}, func(d *Dentry, _ At) error {
		d.Parent.Children = append(d.Parent.Children, d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// parseSecurity reads the security table: where every descriptor ends, behind where the first starts, and where the root dentry is.
func parseSecurity(src metaSource) (ends []uint32, root int64, err error) {
	size := src.size()
	if size < 8 {
		return nil, 0, corruptf("parse security table: the metadata has %d bytes", size)
	}
	head, err := src.bytes(0, 8)
	if err != nil {
		return nil, 0, err
	}
	total, n := int64(binary.LittleEndian.Uint32(head)), int64(binary.LittleEndian.Uint32(head[4:]))
	if total == 0 && n == 0 {
		total = 8
	}
	if total > size || 8+8*n > total {
		return nil, 0, corruptf("parse security table: %d descriptors in %d bytes", n, total)
	}
	at := 8 + 8*n
	ends = append(make([]uint32, 0, n+1), uint32(at))
	for i := range n {
		b, err := src.bytes(8+8*i, 8)
		if err != nil {
			return nil, 0, err
		}
		size := binary.LittleEndian.Uint64(b)
		if size > uint64(total-at) {
			return nil, 0, corruptf("parse security table: descriptor %d of %d bytes leaves the table", i, size)
		}
		at += int64(size)
		ends = append(ends, uint32(at))
	}
	return ends, align8(total), nil
}
