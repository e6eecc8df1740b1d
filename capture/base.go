package capture

import (
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// Base is an image that was captured earlier of the same tree. Files that have the size and modification time they have there are not read: their
// streams carry the hash that the image has, and no Source. Whoever writes the new image gives File, or its own, for their contents.
type Base struct {
	File  *wim.File
	files map[string]*wim.Dentry
}

// NewBase makes a Base of an image of f.
func NewBase(f *wim.File, img *wim.Image) *Base {
	b := &Base{File: f, files: make(map[string]*wim.Dentry)}
	_ = img.Walk(func(d *wim.Dentry) error { // fn gives no error
		if !d.IsDir() && !d.IsReparse() && !d.Data().IsZero() {
			b.files[d.Path()] = d
		}
		return nil
	})
	return b
}

// find gives the contents of the file at path, when the image has them.
func (b *Base) find(path []string, size int64, modified wim.Filetime) (wim.SHA1, bool) {
	if b == nil {
		return wim.SHA1{}, false
	}
	d := b.files[strings.Join(path, "/")]
	if d == nil || d.Modified != modified {
		return wim.SHA1{}, false
	}
	res, ok := b.File.Lookup(d.Data())
	return res.Hash, ok && res.Size == size
}

// file is where contents without a Source come from.
func (b *Base) file() *wim.File {
	if b == nil {
		return nil
	}
	return b.File
}
