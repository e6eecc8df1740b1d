package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/wimcast/wimcast/wim"
)

// scanned is an item that was scanned, and its target.
type scanned struct {
	*tree
	names []string
	disk  fs.FileInfo
}

// items scans items.
func (s *scanner) items(items []Item) ([]scanned, error) {
	var all []scanned
	for _, it := range items {
		t, err := s.item(it)
		if err == errSkip {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", it.Path, err)
		}
		all = append(all, t)
	}
	if len(all) == 0 {
		return nil, errors.New("scan: nothing to capture")
	}
	for i := range all {
		all[i].security = s.security
	}
	s.ntfs.guessShort()
	s.park.number()
	return all, nil
}

// item scans one item.
func (s *scanner) item(it Item) (scanned, error) {
	names, err := targetNames(it.Target)
	if err != nil {
		return scanned{}, err
	}
	info, err := os.Stat(it.Path)
	if err != nil {
		return scanned{}, err
	}
	if len(names) == 0 && !info.IsDir() {
		return scanned{}, fmt.Errorf("it goes to the root of the image: %w", syscall.ENOTDIR)
	}
	path := filepath.Clean(it.Path)
	if s.root = nil; s.opts.FixLinks && len(names) == 0 {
		s.root = info
	}
	s.path, s.skip, s.above = slices.Clone(names), len(names), nil
	s.park.begin()
	t := &tree{park: s.park, info: wim.ImageInfo{Name: s.opts.Name, Description: s.opts.Description}, at: s.park.end(), dir: len(s.park.dirs)}
	t.from, err = s.top(names, path, info)
	if t.dir == len(s.park.dirs) {
		t.dir = -1
	}
	return scanned{t, names, info}, err
}

// targetNames splits a target into names.
func targetNames(target string) ([]string, error) {
	var names []string
	for name := range strings.SplitSeq(strings.ReplaceAll(target, `\`, "/"), "/") {
		switch name {
		case "":
			continue
		case ".", "..":
			return nil, fmt.Errorf("target %q: it must name a place below the root, without dots for names", target)
		}
		if err := wim.CheckName(name); err != nil {
			return nil, fmt.Errorf("target %q: %w", target, err)
		}
		names = append(names, name)
	}
	return names, nil
}

// top adds an item itself, and says where it is.
func (s *scanner) top(names []string, path string, info fs.FileInfo) (place, error) {
	name := ""
	if len(names) > 0 {
		name = names[len(names)-1]
	}
	if info.IsDir() {
		d := &wim.Dentry{Name: name, SecurityID: -1}
		return place{name: path}, s.fill(&entry{d: d, info: info, name: path, linked: true})
	}
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return place{}, err
	}
	at := place{dir: &folder{name: filepath.Dir(path)}, name: filepath.Base(path)}
	return at, s.entry(at.dir, at.name, name, info)
}

// overlay is an image of trees that are laid over each other.
type overlay struct {
	*wim.Image
	fold  bool                     // names that differ only in case are one
	laid  bool                     // there were several
	names map[*wim.Dentry]siblings // of directories that something was put into: it comes in any order
}

// siblings are the places of a directory's children, by name.
type siblings struct {
	exact  map[string]int
	folded map[string]int // the first of those that differ only in case; nil where case matters
}

// lay makes an image of what was scanned.
func (s *scanner) lay(trees []scanned) (*wim.Image, error) {
	o := &overlay{
		Image: &wim.Image{Info: trees[0].info, Security: s.security}, fold: s.opts.FoldCase, names: make(map[*wim.Dentry]siblings),
	}
	if len(trees) > 1 || len(trees[0].names) > 0 {
		for i := range s.park.links { // of all trees together, and not all names stay
			s.park.links[i].group = int32(i) + 1
		}
	}
	firsts := make(map[uint64]*wim.Dentry)
	for _, t := range trees {
		if err := o.place(t.image(firsts), t.names, t.disk); err != nil {
			return nil, fmt.Errorf("scan %s: %w", t.from.path(), err)
		}
	}
	if o.laid {
		o.sort()
		s.number(o.Image)
		s.recount(o.Image)
	}
	return o.Image, nil
}

// number numbers the groups of names that there are, in the order in which the files were met.
func (s *scanner) number(img *wim.Image) {
	names := make([]int, len(s.park.links)+1)
	_ = img.Walk(func(d *wim.Dentry) error { // it gives no error
		names[d.HardLink]++
		return nil
	})
	groups := make([]uint64, len(names))
	group := uint64(0)
	for i := 1; i < len(names); i++ {
		if names[i] > 1 {
			group++
			groups[i] = group
		}
	}
	_ = img.Walk(func(d *wim.Dentry) error { // as above
		d.HardLink = groups[d.HardLink]
		return nil
	})
}

// place puts a scanned tree where it belongs.
func (o *overlay) place(d *wim.Dentry, names []string, info fs.FileInfo) error {
	if len(names) == 0 && o.Root == nil {
		o.Root = d
		return nil
	}
	o.laid = true
	if o.Root == nil {
		o.Root = filler("", info)
	}
	if len(names) == 0 {
		return o.merge(o.Root, d)
	}
	at := o.Root
	for _, name := range names[:len(names)-1] {
		i, ok := o.find(at, name)
		if !ok {
			i = o.insert(at, filler(name, info))
		}
		c := at.Children[i]
		if !c.IsDir() || c.IsReparse() {
			return fmt.Errorf("target: %q is in the way: %w", c.Path(), syscall.ENOTDIR)
		}
		at = c
	}
	i, ok := o.find(at, d.Name)
	return o.add(at, d, i, ok)
}

// filler is a directory that no source has. It is as old as what is put into it, so that the same sources give the same bytes.
func filler(name string, info fs.FileInfo) *wim.Dentry {
	t := wim.FiletimeOf(info.ModTime())
	return &wim.Dentry{Name: name, Attributes: wim.AttrDirectory, SecurityID: -1, Created: t, Accessed: t, Modified: t}
}

// find gives the place of the child of that name, if there is one.
func (o *overlay) find(dir *wim.Dentry, name string) (int, bool) {
	n, ok := o.names[dir]
	if !ok {
		n.exact = make(map[string]int, len(dir.Children))
		if o.fold {
			n.folded = make(map[string]int, len(dir.Children))
		}
		o.names[dir] = n
		for i, c := range dir.Children {
			n.note(c.Name, i)
		}
	}
	i, ok := n.exact[name]
	if !ok && o.fold {
		i, ok = n.folded[wim.FoldName(name)]
	}
	return i, ok
}

func (n siblings) note(name string, i int) {
	n.exact[name] = i
	if n.folded == nil {
		return
	}
	if _, ok := n.folded[wim.FoldName(name)]; !ok {
		n.folded[wim.FoldName(name)] = i
	}
}

// insert puts d into a directory in which find has found nothing of its name, and gives its place.
func (o *overlay) insert(dir, d *wim.Dentry) int {
	i := len(dir.Children)
	d.Parent = dir
	dir.Children = append(dir.Children, d)
	o.names[dir].note(d.Name, i)
	return i
}

// add puts d into a directory, over what find has found there.
func (o *overlay) add(dir, d *wim.Dentry, i int, found bool) error {
	if !found {
		o.insert(dir, d)
		return nil
	}
	isDir := func(d *wim.Dentry) bool { return d.IsDir() && !d.IsReparse() }
	old := dir.Children[i]
	d.Parent = dir
	switch {
	case isDir(old) && isDir(d):
		return o.merge(old, d)
	case isDir(old):
		return fmt.Errorf("lay sources over each other: %q is a directory in one and none in another: %w", d.Path(), syscall.EISDIR)
	case isDir(d):
		return fmt.Errorf("lay sources over each other: %q is a directory in one and none in another: %w", d.Path(), syscall.ENOTDIR)
	}
	delete(o.names[dir].exact, old.Name)
	o.names[dir].exact[d.Name] = i
	dir.Children[i] = d
	return nil
}

// merge puts what is in one directory into another. Names of the one directory that differ only in case stay apart.
func (o *overlay) merge(to, from *wim.Dentry) error {
	type place struct {
		i     int
		found bool
	}
	places := make([]place, len(from.Children))
	for i, c := range from.Children {
		places[i].i, places[i].found = o.find(to, c.Name)
	}
	for i, c := range from.Children {
		if err := o.add(to, c, places[i].i, places[i].found); err != nil {
			return err
		}
	}
	return nil
}

// sort puts directories into the order that images have.
func (o *overlay) sort() {
	for dir := range o.names {
		slices.SortFunc(dir.Children, func(a, b *wim.Dentry) int { return wim.CompareNames(a.Name, b.Name) })
	}
}

// recount counts what is left after trees were laid over each other.
func (s *scanner) recount(img *wim.Image) {
	s.stats.Dirs, s.stats.Files, s.stats.Bytes = 0, 0, 0
	read := make(map[wim.Source]bool)
	_ = img.Walk(func(d *wim.Dentry) error { // fn returns no error
		if d.IsDir() && !d.IsReparse() {
			s.stats.Dirs++
			return nil
		}
		s.stats.Files++
		for _, st := range d.Streams {
			if st.Source != nil && !read[st.Source] {
				read[st.Source] = true
				s.stats.Bytes += st.Source.Size()
			}
		}
		return nil
	})
}
