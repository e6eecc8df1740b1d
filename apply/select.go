package apply

import "github.com/wimcast/wimcast/wim"

// Pick names a part of an image: a file, or a directory and all below it. Its Path starts at the image's root, with or without a slash,
// and may have backslashes in place of slashes.
type Pick struct {
	Path string
	Keep bool // the directories above it are made too; else it comes to stand in the target's root, by its last name
}

// Select checks the tree of an image, and returns the part of it that the picks name, in memory, and those that name nothing. In a path '*' stands for any characters
// of one name and '?' for one. Where two picks come to stand at one place the later one wins, and directories are merged. The root keeps
// its own metadata if it is picked itself or a pick keeps the directories above it. The part is nil if it is all of the image.
func Select(img *wim.Tree, picks []Pick, opts SelectOptions) (part *wim.Image, none []Pick, err error) {
	nothing := func(*wim.Dentry, wim.At) error { return nil }
	if err := img.Walk(nil, nothing, nothing); err != nil {
		return nil, nil, err
	}
	finder, err := NewFinder(img, opts)
	if err != nil {
		return nil, nil, err
	}
	s := selection{img: img, children: map[*wim.Dentry]map[string]*wim.Dentry{}, whole: map[wim.At]bool{}}
	s.root = &wim.Dentry{Attributes: wim.AttrDirectory, SecurityID: -1}
	all := false
	for _, p := range picks {
		found, err := finder.Find(p.Path)
		if err != nil {
			return nil, nil, err
		}
		if len(found) == 0 {
			none = append(none, p)
		}
		if all = len(picks) == 1 && len(found) == 1 && found[0].Parent == nil; all {
			break
		}
		for _, d := range found {
			if err := s.pick(d, p.Keep); err != nil {
				return nil, nil, err
			}
		}
	}
	if all {
		return nil, nil, nil
	}
	part = &wim.Image{Info: img.Info, Security: make([][]byte, img.Securities()), Root: s.root}
	for i := range part.Security {
		if part.Security[i], err = img.Security(i); err != nil {
			return nil, nil, err
		}
	}
	return part, none, nil
}

// selection is the tree that Select makes, of copies.
type selection struct {
	img      *wim.Tree
	root     *wim.Dentry
	children map[*wim.Dentry]map[string]*wim.Dentry // of directories of the tree, by name
	whole    map[wim.At]bool                        // directories that are there with all below them, each at its own place
	moved    bool                                   // something is not at its own place, and may have covered what is
}

// pick adds what a pick names.
func (s *selection) pick(d Found, keep bool) error {
	at := s.root
	if keep || d.Parent == nil {
		root := d.Dentry
		for root.Parent != nil {
			root = root.Parent
		}
		s.adopt(root)
	} else {
		s.moved = true
	}
	if keep {
		at = s.above(d.Dentry)
	}
	return s.add(at, d.Dentry, d.At)
}

// adopt gives the root the metadata of the image's.
func (s *selection) adopt(root *wim.Dentry) {
	children := s.root.Children
	*s.root = *root
	s.root.Children = children
}

// above returns the directory that d comes to stand in when those above it are kept.
func (s *selection) above(d *wim.Dentry) *wim.Dentry {
	if d.Parent == nil || d.Parent.Parent == nil {
		return s.root
	}
	return s.put(s.above(d.Parent), d.Parent)
}

// add puts d and all below it into a directory; the root's children, in place of the root.
func (s *selection) add(into, d *wim.Dentry, at wim.At) error {
	if s.whole[at] && !s.moved { // a list of all paths names everything once for every directory that it is in
		return nil
	}
	if d.Parent != nil {
		into = s.put(into, d)
	}
	if !d.IsDir() {
		return nil
	}
	s.whole[at] = true
	return s.img.Children(at, d, func(c *wim.Dentry, at wim.At) error { return s.add(into, c, at) })
}

// put puts d alone into a directory, and returns its copy. A directory that is there by that name is kept; anything else is replaced.
func (s *selection) put(at, d *wim.Dentry) *wim.Dentry {
	names := s.children[at]
	if names == nil {
		names = map[string]*wim.Dentry{}
		s.children[at] = names
	}
	old := names[d.Name]
	if old != nil && old.IsDir() && d.IsDir() && old.IsReparse() == d.IsReparse() {
		return old
	}
	c := *d
	c.Parent, c.Children = at, nil
	if old == nil {
		at.Children = append(at.Children, &c)
		names[d.Name] = &c
		return &c
	}
	delete(s.children, old)
	*old = c
	return old
}
