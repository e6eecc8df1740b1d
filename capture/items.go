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
	laid bool // there were several
}

// lay makes an image of what was scanned.
func (s *scanner) lay(trees []scanned) (*wim.Image, error) {
	o := &overlay{Image: &wim.Image{Info: trees[0].info, Security: s.security}}
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
		return merge(o.Root, d)
	}
	at := o.Root
	for _, name := range names[:len(names)-1] {
		c := findChild(at, name)
		if c == nil {
			c = filler(name, info)
			c.Parent = at
			at.Children = append(at.Children, c)
		}
		if !c.IsDir() || c.IsReparse() {
			return fmt.Errorf("target: %q is in the way: %w", c.Path(), syscall.ENOTDIR)
		}
		at = c
	}
	return add(at, d)
}

// filler is a directory that no source has. It is as old as what is put into it, so that the same sources give the same bytes.
func filler(name string, info fs.FileInfo) *wim.Dentry {
	t := wim.FiletimeOf(info.ModTime())
	return &wim.Dentry{Name: name, Attributes: wim.AttrDirectory, SecurityID: -1, Created: t, Accessed: t, Modified: t}
}

func findChild(d *wim.Dentry, name string) *wim.Dentry {
	for _, c := range d.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// add puts d into a directory, over what has its name there.
func add(to, d *wim.Dentry) error {
	d.Parent = to
	isDir := func(d *wim.Dentry) bool { return d.IsDir() && !d.IsReparse() }
	old := findChild(to, d.Name)
	switch {
	case old == nil:
		to.Children = append(to.Children, d)
		slices.SortFunc(to.Children, func(a, b *wim.Dentry) int { return wim.CompareNames(a.Name, b.Name) })
	case isDir(old) && isDir(d):
		return merge(old, d)
	case isDir(old) != isDir(d):
		cause := syscall.ENOTDIR
		if isDir(old) {
			cause = syscall.EISDIR
		}
		return fmt.Errorf("lay sources over each other: %q is a directory in one and none in another: %w", d.Path(), cause)
	default:
		to.Children[slices.Index(to.Children, old)] = d
	}
	return nil
}

// merge puts what is in one directory into another.
func merge(to, from *wim.Dentry) error {
	for _, c := range from.Children {
		if err := add(to, c); err != nil {
			return err
		}
	}
	return nil
}

// recount counts what is left after trees were laid over each other.
func (s *scanner) recount(img *wim.Image) {
	s.stats.Dirs, s.stats.Files, s.stats.Bytes = 0, 0, 0
	read := make(map[wim.Source]bool)
	_ = img.Walk(func(d *wim.Dentry) error { // fn gives no error
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
