package edit

import (
	"slices"

	"github.com/wimcast/wimcast/wim"
)

// manyLooks is how often a directory is looked through before its names get an index, which takes longer to make.
const manyLooks = 8

// siblings finds the entries of one directory by name.
type siblings struct {
	looks  int              // so far
	exact  map[string]int   // places in Children; nil as long as there were few looks
	folded map[string][]int // of names without regard to case; nil where it matters
}

// child finds an entry of a directory: the one that has the name, else, where case does not matter, one that differs only in it.
func (t *tree) child(dir *wim.Dentry, name string) *wim.Dentry {
	if t.indexes == nil {
		t.indexes = make(map[*wim.Dentry]*siblings)
	}
	s := t.indexes[dir]
	if s == nil {
		s = &siblings{}
		t.indexes[dir] = s
	}
	if s.looks++; s.looks > manyLooks && s.exact == nil {
		s.build(dir, t.ignoreCase)
	}
	if s.exact == nil {
		return t.search(dir, name)
	}
	if i, ok := s.exact[name]; ok {
		return dir.Children[i]
	}
	if like := s.folded[wim.FoldName(name)]; s.folded != nil && len(like) > 0 {
		return dir.Children[like[0]]
	}
	return nil
}

// search is child without an index.
func (t *tree) search(dir *wim.Dentry, name string) *wim.Dentry {
	var like *wim.Dentry
	for _, c := range dir.Children {
		if c.Name == name {
			return c
		}
		if like == nil && t.ignoreCase && wim.FoldName(c.Name) == wim.FoldName(name) {
			like = c
		}
	}
	return like
}

// build makes the index.
func (s *siblings) build(dir *wim.Dentry, fold bool) {
	s.exact = make(map[string]int, len(dir.Children))
	if fold {
		s.folded = make(map[string][]int, len(dir.Children))
	}
	for i, c := range dir.Children {
		s.note(c.Name, i)
	}
}

// note says that the entry of that name is at a place.
func (s *siblings) note(name string, i int) {
	if s == nil || s.exact == nil {
		return
	}
	if _, ok := s.exact[name]; !ok { // names that are there twice are found by the first
		s.exact[name] = i
	}
	if s.folded != nil {
		s.folded[wim.FoldName(name)] = append(s.folded[wim.FoldName(name)], i)
	}
}

// forget says that the entry of that name is at a place no more.
func (s *siblings) forget(name string, i int) {
	if s == nil || s.exact == nil {
		return
	}
	if s.exact[name] == i {
		delete(s.exact, name)
	}
	if s.folded != nil {
		key := wim.FoldName(name)
		s.folded[key] = slices.DeleteFunc(s.folded[key], func(j int) bool { return j == i })
	}
}

// insert puts d into a directory.
func (t *tree) insert(dir, d *wim.Dentry) {
	d.Parent = dir
	t.indexes[dir].note(d.Name, len(dir.Children))
	dir.Children = append(dir.Children, d)
}

// unlink takes d out of its directory, whose last entry takes its place: Tidy sorts.
func (t *tree) unlink(d *wim.Dentry) {
	dir, s := d.Parent, t.indexes[d.Parent]
	i, known := -1, false
	if s != nil && s.exact != nil {
		i, known = s.exact[d.Name]
	}
	if !known || dir.Children[i] != d {
		i = slices.Index(dir.Children, d)
	}
	last := len(dir.Children) - 1
	s.forget(d.Name, i)
	if i < last {
		moved := dir.Children[last]
		s.forget(moved.Name, last)
		dir.Children[i] = moved
		s.note(moved.Name, i)
	}
	dir.Children[last] = nil
	dir.Children = dir.Children[:last]
	d.Parent = nil
}
