package edit

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"

	"github.com/wimcast/wimcast/wim"
)

// tree changes an image in memory. A call that fails may leave part of what it was to do done: throw the image away then.
type tree struct {
	image      *wim.Image
	ignoreCase bool         // compare names without regard to case
	now        wim.Filetime // of directories that are made because something is added below them

	security map[string]int32          // descriptors of the image and where they are; made when needed
	group    uint64                    // highest number of a group of hard links
	indexes  map[*wim.Dentry]*siblings // of directories that were looked into
}

// delete removes the entry at path, and all below it if recursive. The root stays, and loses what is in it.
//
// The error is a *PathError: fs.ErrNotExist, or ErrIsDir without recursive.
func (t *tree) delete(path string, recursive bool) error {
	d := t.find(path)
	switch {
	case d == nil:
		return &PathError{"delete", clean(path), fs.ErrNotExist}
	case d.IsDir() && !recursive:
		return &PathError{"delete", clean(path), fmt.Errorf("%w; delete it with --recursive", ErrIsDir)}
	case d.Parent == nil:
		d.Children = nil
		delete(t.indexes, d)
	default:
		t.unlink(d)
	}
	return nil
}

// rename gives the entry at old the path to, as rename(2) does: a file that is there is replaced, a directory only if it is empty. The short
// name is dropped, as it goes with the long one.
//
// The error is a *PathError: fs.ErrNotExist, ErrIsDir, ErrNotDir, ErrNotEmpty, ErrInside or ErrBadName.
func (t *tree) rename(old, to string) error {
	d, names := t.find(old), pathNames(to)
	fail := func(err error) error {
		return &PathError{"rename", clean(old), fmt.Errorf("to %s: %w", clean(to), err)}
	}
	if d == nil {
		return &PathError{"rename", clean(old), fs.ErrNotExist}
	}
	if d.Parent == nil {
		return fail(ErrInside)
	}
	if len(names) == 0 {
		return fail(replaceable(d, t.image.Root))
	}
	name := names[len(names)-1]
	dir, err := t.parent(names)
	if err != nil {
		return fail(err)
	}
	if err := checkName(name); err != nil {
		return fail(err)
	}
	at := t.child(dir, name)
	if at == d && d.Name == name {
		return nil
	}
	if at != nil && at != d {
		if err := replaceable(d, at); err != nil {
			return fail(err)
		}
	}
	for p := dir; p != nil; p = p.Parent {
		if p == d {
			return fail(ErrInside)
		}
	}
	if at != nil && at != d {
		t.unlink(at)
	}
	t.unlink(d)
	d.Name, d.ShortName = name, ""
	t.insert(dir, d)
	return nil
}

// replaceable says why d may not take the place of at.
func replaceable(d, at *wim.Dentry) error {
	switch {
	case isDir(d) && !at.IsDir():
		return ErrNotDir
	case !isDir(d) && at.IsDir():
		return ErrIsDir
	case len(at.Children) > 0 || at.Parent == nil:
		return ErrNotEmpty
	}
	return nil
}

// add puts the tree of another image, which must not be used afterwards, at path.
//
// Where path is a directory the tree must be one too: what is in it is added to what is there, and the directory keeps its own attributes and
// times, as do those below it that both have. Files that are there are replaced, unless noReplace. Directories that path needs are made.
// Entries without a security descriptor get that of the directory they are in, because Windows does not boot from images in which some have none.
//
// replaced, which may be nil, is told the paths of files that were there. The error is a *PathError: fs.ErrExist (with noReplace), ErrIsDir,
// ErrNotDir or ErrBadName.
func (t *tree) add(path string, tree *wim.Image, noReplace bool, replaced func(path string)) error {
	names := pathNames(path)
	fail := func(err error) error { return &PathError{"add", clean(path), err} }
	if len(names) > wim.MaxDepth {
		return fail(fmt.Errorf("%w: it lies deeper than %d directories", ErrBadName, wim.MaxDepth))
	}
	t.adopt(tree)
	m := &merge{tree: t, noReplace: noReplace, replaced: replaced}
	root := tree.Root
	if len(names) == 0 {
		if !isDir(root) {
			return fail(fmt.Errorf("what is added %w, and the root is one", ErrNotDir))
		}
		return m.into(t.image.Root, root)
	}
	dir := t.image.Root
	for _, name := range names[:len(names)-1] {
		next := t.child(dir, name)
		if next == nil {
			if err := checkName(name); err != nil {
				return fail(err)
			}
			next = &wim.Dentry{
				Name: name, Attributes: wim.AttrDirectory, SecurityID: dir.SecurityID,
				Created: t.now, Accessed: t.now, Modified: t.now,
			}
			t.insert(dir, next)
		}
		if !isDir(next) {
			return fail(fmt.Errorf("%q %w", next.Path(), ErrNotDir))
		}
		dir = next
	}
	root.Name, root.ShortName, root.Parent = names[len(names)-1], "", nil
	if err := checkName(root.Name); err != nil {
		return fail(err)
	}
	if at := t.child(dir, root.Name); at != nil {
		return m.onto(at, root)
	}
	t.insert(dir, root)
	inherit(root, dir.SecurityID)
	return nil
}

// merge puts entries of an added tree into directories of the image.
type merge struct {
	tree      *tree
	noReplace bool
	replaced  func(string)
}

// into adds the children of d to the directory at.
func (m *merge) into(at, d *wim.Dentry) error {
	for _, c := range d.Children {
		there := m.tree.child(at, c.Name)
		if there == nil {
			m.tree.insert(at, c)
			inherit(c, at.SecurityID)
			continue
		}
		if err := m.onto(there, c); err != nil {
			return err
		}
	}
	return nil
}

// onto puts d where at is.
func (m *merge) onto(at, d *wim.Dentry) error {
	fail := func(err error) error { return &PathError{"add", "/" + at.Path(), err} }
	switch {
	case isDir(at) && isDir(d):
		return m.into(at, d)
	case isDir(d):
		return fail(fmt.Errorf("it %w, so a directory has no place there", ErrNotDir))
	case isDir(at):
		return fail(fmt.Errorf("it %w; name the path of the file inside it", ErrIsDir))
	case m.noReplace:
		return fail(fmt.Errorf("--no-replace: %w", fs.ErrExist))
	}
	if m.replaced != nil {
		m.replaced("/" + at.Path())
	}
	if d.SecurityID < 0 {
		d.SecurityID = at.SecurityID
	}
	dir := at.Parent
	m.tree.unlink(at)
	m.tree.insert(dir, d)
	return nil
}

// inherit gives d, and all below, the security descriptor of the directory it is in where it has none.
func inherit(d *wim.Dentry, id int32) {
	if d.SecurityID < 0 {
		d.SecurityID = id
	}
	for _, c := range d.Children {
		inherit(c, d.SecurityID)
	}
}

// adopt gives the entries of another image numbers of this one: of security descriptors, and of groups of hard links.
func (t *tree) adopt(other *wim.Image) {
	if t.security == nil {
		t.security = make(map[string]int32)
		for i := len(t.image.Security) - 1; i >= 0; i-- {
			t.security[string(t.image.Security[i])] = int32(i)
		}
		_ = t.image.Walk(func(d *wim.Dentry) error { // fn returns no error
			t.group = max(t.group, d.HardLink)
			return nil
		})
		if t.group > maxGroup {
			t.group = regroup(t.image, 0)
		}
	}
	ids := make([]int32, len(other.Security))
	for i, sd := range other.Security {
		id, ok := t.security[string(sd)]
		if !ok {
			id = int32(len(t.image.Security))
			t.image.Security = append(t.image.Security, bytes.Clone(sd))
			t.security[string(sd)] = id
		}
		ids[i] = id
	}
	_ = other.Walk(func(d *wim.Dentry) error { // fn returns no error
		if d.SecurityID >= 0 && int(d.SecurityID) < len(ids) {
			d.SecurityID = ids[d.SecurityID]
		} else {
			d.SecurityID = -1
		}
		return nil
	})
	t.group = regroup(other, t.group)
}

// maxGroup is the number of a group of hard links from which on groups are numbered anew, so that numbers behind it do not run out.
const maxGroup = 1 << 62

// regroup numbers the groups of hard links anew, after the given number, and returns the last one.
func regroup(m *wim.Image, after uint64) uint64 {
	numbers := make(map[uint64]uint64)
	_ = m.Walk(func(d *wim.Dentry) error { // fn returns no error
		if d.HardLink == 0 {
			return nil
		}
		n, ok := numbers[d.HardLink]
		if !ok {
			after++
			n = after
			numbers[d.HardLink] = n
		}
		d.HardLink = n
		return nil
	})
	return after
}

// tidy takes out of groups of hard links the names that are the last of theirs, and sorts every directory. Call it after the last change.
func (t *tree) tidy() {
	names := make(map[uint64]int)
	_ = t.image.Walk(func(d *wim.Dentry) error { // fn returns no error
		names[d.HardLink]++
		return nil
	})
	_ = t.image.Walk(func(d *wim.Dentry) error {
		if names[d.HardLink] == 1 {
			d.HardLink = 0
		}
		slices.SortStableFunc(d.Children, func(a, b *wim.Dentry) int { return wim.CompareNames(a.Name, b.Name) })
		return nil
	})
}
