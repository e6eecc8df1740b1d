package wim

// Image is the tree of one image.
type Image struct {
	Info     ImageInfo
	Security [][]byte // security descriptors, as stored
	Root     *Dentry
}

// Walk calls fn for every dentry, parents before children, siblings in stored order, until fn returns an error.
func (m *Image) Walk(fn func(*Dentry) error) error { return walk(m.Root, fn) }

func walk(d *Dentry, fn func(*Dentry) error) error {
	if err := fn(d); err != nil {
		return err
	}
	for _, c := range d.Children {
		if err := walk(c, fn); err != nil {
			return err
		}
	}
	return nil
}

// HardLinks returns the groups of two or more names of one file, each in Walk order, groups in order of their first name.
// Names that share a group number but not their contents are different files, and not grouped.
func (m *Image) HardLinks() [][]*Dentry {
	type file struct {
		group      uint64
		data       SHA1
		attributes uint32
	}
	var groups [][]*Dentry
	at := make(map[file]int)
	_ = walk(m.Root, func(d *Dentry) error { // fn returns no error
		if d.HardLink == 0 || d.IsDir() {
			return nil
		}
		k := file{d.HardLink, d.Data(), d.Attributes}
		i, ok := at[k]
		if !ok {
			i = len(groups)
			at[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], d)
		return nil
	})
	kept := groups[:0]
	for _, g := range groups {
		if len(g) > 1 {
			kept = append(kept, g)
		}
	}
	return kept
}
