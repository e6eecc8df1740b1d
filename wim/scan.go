package wim

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// node is one name in a tree that is being captured.
type node struct {
	d        *Dentry
	inode    *inode // nil for directories
	children []*node
}

// inode is one file, whatever its number of names: a regular file, a symbolic link, or something special.
type inode struct {
	path   string      // of its first name
	info   fs.FileInfo // as scanned
	target []byte      // reparse data of a symbolic link
	names  []*Dentry
}

func (n *node) walk(fn func(*node)) {
	fn(n)
	for _, c := range n.children {
		c.walk(fn)
	}
}

// scanner walks one source.
type scanner struct {
	*capture
	ctx   context.Context // of one scan, which is one call
	img   *captured
	links map[fileID]*inode // files with several names
	group uint64
}

// scan reads the tree of a source, without the files' contents.
func (c *capture) scan(ctx context.Context, src CaptureSource) error {
	info, err := os.Stat(src.Dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("it is not a directory")
	}
	if c.sizes == nil {
		c.sizes = make(map[int64]int)
	}
	img := &captured{source: src}
	s := &scanner{capture: c, ctx: ctx, img: img, links: make(map[fileID]*inode)}
	img.root = &node{d: c.dentry("", info)}
	if err := s.directory(img.root, src.Dir, 1); err != nil {
		return err
	}
	for _, ino := range img.inodes {
		if len(ino.names) > 1 && ino.info.Mode()&fs.ModeSymlink == 0 {
			s.group++
			for _, d := range ino.names {
				d.HardLink = s.group
			}
		}
	}
	c.images = append(c.images, img)
	return nil
}

// dentry makes the dentry of a file.
func (c *capture) dentry(name string, info fs.FileInfo) *Dentry {
	t := FiletimeOf(info.ModTime())
	d := &Dentry{Name: name, SecurityID: -1, Created: t, Accessed: t, Modified: t, Attributes: AttrNormal}
	switch {
	case info.IsDir():
		d.Attributes = AttrDirectory
	case info.Mode()&fs.ModeSymlink != 0:
		d.Attributes, d.ReparseTag = AttrReparse, TagSymlink
		d.ReparseFlags = reparseNotFixed
	}
	if u, ok := unixData(info); ok && c.opts.UnixData {
		d.Tagged = u.append(nil)
	}
	return d
}

// reparseNotFixed says that the target was not made relative to the image.
const reparseNotFixed = 1

// directory adds what is in the directory at path to n.
func (s *scanner) directory(n *node, path string, depth int) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("scan %s: directories nest deeper than %d", path, maxDepth)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		full := filepath.Join(path, e.Name())
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("scan %s: %w", full, ErrChanged)
		}
		if err != nil {
			return err
		}
		if err := s.entry(n, full, info); err != nil {
			return err
		}
	}
	slices.SortFunc(n.children, func(a, b *node) int { return CompareNames(a.d.Name, b.d.Name) })
	for _, c := range n.children {
		if c.inode == nil {
			if err := s.directory(c, filepath.Join(path, c.d.Name), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// entry adds one file or directory to n.
func (s *scanner) entry(n *node, path string, info fs.FileInfo) error {
	if name, ok := encodeUTF16(info.Name()); !ok || len(name) > maxNameBytes {
		return fmt.Errorf("scan %s: its name is not UTF-8 of up to %d UTF-16 units; rename it", path, maxNameBytes/2)
	}
	if s.self != nil && os.SameFile(s.self, info) {
		return fmt.Errorf("scan %s: this is the output; write it outside the tree", path)
	}
	kind := info.Mode().Type()
	special := kind&^(fs.ModeDir|fs.ModeSymlink) != 0
	if _, ok := unixData(info); kind&(fs.ModeSocket|fs.ModeIrregular) != 0 || special && !(ok && s.opts.UnixData) {
		s.stats.Skipped++
		if s.opts.Warn != nil {
			s.opts.Warn(path, "is a "+describe(kind)+" and was left out")
		}
		return nil
	}
	c := &node{d: s.dentry(info.Name(), info)}
	n.children = append(n.children, c)
	if info.IsDir() {
		return nil
	}
	id, linked := fileIDOf(info)
	linked = linked && kind&fs.ModeSymlink == 0
	if linked {
		c.inode = s.links[id]
	}
	if c.inode == nil {
		var err error
		if c.inode, err = s.inode(c.d, path, info); err != nil {
			return err
		}
		if linked {
			s.links[id] = c.inode
		}
	}
	c.inode.names = append(c.inode.names, c.d)
	return nil
}

// inode notes a file that has not been met before.
func (s *scanner) inode(d *Dentry, path string, info fs.FileInfo) (*inode, error) {
	ino := &inode{path: path, info: info}
	switch kind := info.Mode().Type(); {
	case kind == 0:
		s.sizes[info.Size()]++
		s.total += info.Size()
	case kind&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			return nil, err
		}
		var ok bool
		if ino.target, ok = symlinkData(filepath.ToSlash(target)); !ok {
			return nil, fmt.Errorf("scan %s: its target is too long or not UTF-8", path)
		}
		if to, err := os.Stat(path); err == nil && to.IsDir() {
			d.Attributes |= AttrDirectory // Windows has two kinds of link; a dangling one counts as one to a file
		}
		s.total += int64(len(ino.target))
	}
	s.img.inodes = append(s.img.inodes, ino)
	return ino, nil
}

func describe(kind fs.FileMode) string {
	switch {
	case kind&fs.ModeSocket != 0:
		return "socket"
	case kind&fs.ModeNamedPipe != 0:
		return "fifo"
	case kind&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}
