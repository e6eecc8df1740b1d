package wim

// ImageSource is the tree of an image that is to be written, as a Source is the bytes of a stream. It can be walked again and again, and is the same every time. An [Image] is one, in memory;
// package capture has one that takes some bytes per file.
//
// A dentry holds for the call that gets it, and for those about what is below it. The Source of a stream stays good. But for an Image, names with
// one HardLink number are names of one file, and these numbers count from 1.
type ImageSource interface {
	// Head returns the properties of the image, which may be changed before a Writer gets the tree, and its security descriptors.
	Head() (info *ImageInfo, security [][]byte)
	// Visit calls fn for every dentry, parents before children, siblings in stored order, until fn returns an error. depth is 0 for the root.
	Visit(fn func(d *Dentry, depth int) error) error
	// Lists calls fn for the children of every directory, and with nil behind the last of each. Directories come in the order of Visit: those that
	// are no reparse points, and whatever else has children.
	Lists(fn func(d *Dentry) error) error
}

// Head makes an Image an ImageSource.
func (m *Image) Head() (info *ImageInfo, security [][]byte) { return &m.Info, m.Security }

// inMemory reports whether a tree is an Image, whose HardLink numbers may be any, and may be shared by different files.
func inMemory(tree ImageSource) bool {
	_, is := tree.(*Image)
	return is
}

// Visit is Walk, and tells how deep a dentry is.
func (m *Image) Visit(fn func(d *Dentry, depth int) error) error {
	if m.Root == nil {
		return nil
	}
	return visit(m.Root, 0, fn)
}

func visit(d *Dentry, depth int, fn func(*Dentry, int) error) error {
	if err := fn(d, depth); err != nil {
		return err
	}
	for _, c := range d.Children {
		if err := visit(c, depth+1, fn); err != nil {
			return err
		}
	}
	return nil
}

// Lists makes an Image an ImageSource.
func (m *Image) Lists(fn func(d *Dentry) error) error { return lists(m.Root, fn) }

func lists(d *Dentry, fn func(*Dentry) error) error {
	if !d.hasPlace() {
		return nil
	}
	for _, c := range d.Children {
		if err := fn(c); err != nil {
			return err
		}
	}
	if err := fn(nil); err != nil {
		return err
	}
	for _, c := range d.Children {
		if err := lists(c, fn); err != nil {
			return err
		}
	}
	return nil
}
