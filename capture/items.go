package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// item scans one item and puts it into the tree.
func (s *scanner) item(it Item) error {
	names, err := targetNames(it.Target)
	if err != nil {
		return err
	}
	info, err := os.Stat(it.Path)
	if err != nil {
		return err
	}
	if len(names) == 0 && !info.IsDir() {
		return errors.New("it is not a directory")
	}
	path := filepath.Clean(it.Path)
	if s.root = nil; s.opts.FixLinks && len(names) == 0 {
		s.root = info
	}
	s.path, s.skip, s.above = slices.Clone(names), len(names), nil
	d, err := s.top(names, path, info)
	if err == errSkip {
		return nil
	}
	if err != nil {
		return err
	}
	return s.place(d, names, info)
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

// top makes the dentry of an item itself.
func (s *scanner) top(names []string, path string, info fs.FileInfo) (*wim.Dentry, error) {
	name := ""
	if len(names) > 0 {
		name = names[len(names)-1]
	}
	if info.IsDir() {
		d := &wim.Dentry{Name: name, SecurityID: -1}
		return d, s.fill(&entry{d: d, info: info, name: path, linked: true, img: s.img})
	}
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	d, err := s.entry(nil, &folder{name: filepath.Dir(path)}, filepath.Base(path), info)
	if d != nil {
		d.Name = name
	}
	return d, err
}

// place puts a scanned tree where it belongs.
func (s *scanner) place(d *wim.Dentry, names []string, info fs.FileInfo) error {
	if len(names) == 0 && s.img.Root == nil {
		s.img.Root = d
		return nil
	}
	s.laid = true
	if s.img.Root == nil {
		s.img.Root = filler("", info)
	}
	if len(names) == 0 {
		return s.merge(s.img.Root, d)
	}
	at := s.img.Root
	for _, name := range names[:len(names)-1] {
		c := findChild(at, name)
		if c == nil {
			c = filler(name, info)
			c.Parent = at
			at.Children = append(at.Children, c)
		}
		if !c.IsDir() || c.IsReparse() {
			return fmt.Errorf("target: %q is in the way, which is no directory", c.Path())
		}
		at = c
	}
	return s.add(at, d)
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
func (s *scanner) add(to, d *wim.Dentry) error {
	d.Parent = to
	isDir := func(d *wim.Dentry) bool { return d.IsDir() && !d.IsReparse() }
	old := findChild(to, d.Name)
	switch {
	case old == nil:
		to.Children = append(to.Children, d)
		slices.SortFunc(to.Children, func(a, b *wim.Dentry) int { return wim.CompareNames(a.Name, b.Name) })
	case isDir(old) && isDir(d):
		return s.merge(old, d)
	case isDir(old) != isDir(d):
		return fmt.Errorf("lay sources over each other: %q is a directory in one and none in another", d.Path())
	default:
		s.dropped[old] = true
		to.Children[slices.Index(to.Children, old)] = d
	}
	return nil
}

// merge puts what is in one directory into another.
func (s *scanner) merge(to, from *wim.Dentry) error {
	for _, c := range from.Children {
		if err := s.add(to, c); err != nil {
			return err
		}
	}
	return nil
}

// recount counts what is left after trees were laid over each other.
func (s *scanner) recount() {
	s.stats.Dirs, s.stats.Files, s.stats.Bytes = 0, 0, 0
	read := make(map[wim.Source]bool)
	_ = s.img.Walk(func(d *wim.Dentry) error { // fn gives no error
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
