package apply

import (
	"strings"
	"unicode/utf8"

	"github.com/wimcast/wimcast/wim"
)

// Pick names a part of an image: a file, or a directory and all below it. Its Path starts at the image's root, with or without a slash,
// and may have backslashes in place of slashes.
type Pick struct {
	Path string
	Keep bool // the directories above it are made too; else it comes to stand in the target's root, by its last name
}

// SelectOptions say how Select compares names.
type SelectOptions struct {
	Literal  bool // '*' and '?' stand for themselves, and a path names one thing at most
	FoldCase bool // upper and lower case are the same
}

// Found is a dentry that a path names.
type Found struct {
	*wim.Dentry // without Children
	At          wim.At
}

// Select checks the tree of an image, and returns the part of it that the picks name, in memory, and those that name nothing. In a path '*' stands for any characters
// of one name and '?' for one. Where two picks come to stand at one place the later one wins, and directories are merged. The root keeps
// its own metadata if it is picked itself or a pick keeps the directories above it. The part is nil if it is all of the image.
func Select(img *wim.Tree, picks []Pick, opts SelectOptions) (part *wim.Image, none []Pick, err error) {
	nothing := func(*wim.Dentry, wim.At) error { return nil }
	if err := img.Walk(nil, nothing, nothing); err != nil {
		return nil, nil, err
	}
	root, err := img.Dentry(img.Root())
	if err != nil {
		return nil, nil, err
	}
	s := selection{img: img, children: map[*wim.Dentry]map[string]*wim.Dentry{}}
	s.root = &wim.Dentry{Attributes: wim.AttrDirectory, SecurityID: -1}
	all := false
	for _, p := range picks {
		found, err := opts.Find(img, p.Path)
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
			at := s.root
			if p.Keep || d.Parent == nil {
				s.adopt(root)
			}
			if p.Keep {
				at = s.above(d.Dentry)
			}
			if err := s.add(at, d.Dentry, d.At); err != nil {
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
	if d.Parent != nil {
		into = s.put(into, d)
	}
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

// Find returns what a path names in an image, of which Walk or Select has checked the tree.
func (o SelectOptions) Find(img *wim.Tree, path string) ([]Found, error) {
	root, err := img.Dentry(img.Root())
	if err != nil {
		return nil, err
	}
	found := []Found{{root, img.Root()}}
	for name := range strings.SplitSeq(strings.ReplaceAll(path, `\`, "/"), "/") {
		if name == "" {
			continue
		}
		var next []Found
		for _, dir := range found {
			below, err := o.below(img, dir, name)
			if err != nil {
				return nil, err
			}
			next = append(next, below...)
		}
		found = next
	}
	return found, nil
}

// below returns the children of a directory that have the name or fit it.
func (o SelectOptions) below(img *wim.Tree, dir Found, name string) (out []Found, err error) {
	exact := -1
	err = img.Children(dir.At, dir.Dentry, func(c *wim.Dentry, at wim.At) error {
		pattern, is := name, c.Name
		if o.FoldCase {
			pattern, is = strings.ToUpper(pattern), strings.ToUpper(is)
		}
		if pattern == is || !o.Literal && matchName(pattern, is) {
			if exact < 0 && c.Name == name {
				exact = len(out)
			}
			out = append(out, Found{c, at})
		}
		return nil
	})
	if o.Literal && len(out) > 1 {
		out = out[max(exact, 0):][:1]
	}
	return out, err
}

// matchName reports whether a name fits a pattern of '*' and '?'. It takes time in proportion to the product of their lengths at most.
func matchName(pattern, name string) bool {
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
			continue
		case p < len(pattern) && pattern[p] == '?':
			_, size := utf8.DecodeRuneInString(name[n:])
			p, n = p+1, n+size
			continue
		case p < len(pattern) && pattern[p] == name[n]:
			p, n = p+1, n+1
			continue
		case star < 0:
			return false
		}
		mark++
		p, n = star+1, mark
	}
	return strings.Trim(pattern[p:], "*") == ""
}
