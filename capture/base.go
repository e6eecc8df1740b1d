package capture

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// Base is an image that was captured earlier of the same tree. Files that have the size and modification time they have there are not read: their
// streams carry the hash that the image has, and no Source. Whoever writes the new image gives File, or its own, for their contents.
//
// It holds 12 bytes for each file, and reads the rest of the image where it lies.
type Base struct {
	File  *wim.File
	tree  *wim.Tree
	seed  maphash.Seed
	files []baseFile // by hash
}

// baseFile is a file with contents.
type baseFile struct {
	high, low uint32 // of the hash of its path
	at        wim.At
}

func (f baseFile) hash() uint64 { return uint64(f.high)<<32 | uint64(f.low) }

// NewBase makes a Base of image n of f, 1-based.
func NewBase(f *wim.File, n int) (*Base, error) {
	tree, err := f.Tree(n)
	if err != nil {
		return nil, err
	}
	b := &Base{File: f, tree: tree, seed: maphash.MakeSeed()}
	err = tree.Walk(nil, func(*wim.Dentry, wim.At) error { return nil }, func(d *wim.Dentry, at wim.At) error {
		if !d.IsDir() && !d.IsReparse() && !d.Data().IsZero() {
			h := maphash.String(b.seed, d.Path())
			b.files = append(b.files, baseFile{uint32(h >> 32), uint32(h), at})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read metadata of image %d: %w", n, err)
	}
	slices.SortFunc(b.files, func(x, y baseFile) int { return cmp.Compare(x.hash(), y.hash()) })
	return b, nil
}

// find returns the contents of the file at path, when the image has them.
func (b *Base) find(path []string, size int64, modified wim.Filetime) (hash wim.SHA1, ok bool, err error) {
	if b == nil {
		return wim.SHA1{}, false, nil
	}
	i, ok := slices.BinarySearchFunc(b.files, maphash.String(b.seed, strings.Join(path, "/")), func(f baseFile, h uint64) int {
		return cmp.Compare(f.hash(), h)
	})
	if !ok {
		return wim.SHA1{}, false, nil
	}
	d, err := b.tree.Dentry(b.files[i].at)
	if err != nil {
		return wim.SHA1{}, false, fmt.Errorf("read the image that was captured earlier: %w", err)
	}
	// The hash has 64 bits and a secret seed: the name is compared as well, and the path is not.
	if d.Name != path[len(path)-1] || d.Modified != modified {
		return wim.SHA1{}, false, nil
	}
	res, ok := b.File.Lookup(d.Data())
	return res.Hash, ok && res.Size == size, nil
}

// file is where contents without a Source come from.
func (b *Base) file() *wim.File {
	if b == nil {
		return nil
	}
	return b.File
}
