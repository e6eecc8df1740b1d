package capture

import (
	"slices"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// tree is a file or directory that was scanned, with what is below it. It is a wim.ImageSource.
type tree struct {
	*park
	info     wim.ImageInfo
	security [][]byte

	at   int64 // place of its record
	dir  int   // number of its directory, where it is one
	from place // where it is on disk
}

// Head implements wim.ImageSource.
func (t *tree) Head() (info *wim.ImageInfo, security [][]byte) { return &t.info, t.security }

// Visit implements wim.ImageSource.
func (t *tree) Visit(fn func(d *wim.Dentry, depth int) error) error {
	r := &parkReader{p: t.park}
	r.seek(t.at)
	w := &visit{parkReader: r, levels: []*level{{}}}
	w.levels[0].reset(0)
	last, from := &w.levels[0].before, t.from
	for depth := 0; ; {
		l := w.level(depth)
		dir, ok := r.next(last, l, from)
		if !ok {
			depth-- // to what follows the directory that ends
		} else if err := fn(&l.d, depth); err != nil {
			return err
		}
		if dir {
			l.folder = &folder{from.dir, from.name}
			if depth > 0 {
				l.folder.name = l.d.Name
			}
			depth++
			w.level(depth).d.Parent = &l.d
			w.level(depth).reset(0)
		}
		if depth == 0 {
			return nil
		}
		last, from = &w.level(depth).before, place{dir: w.level(depth - 1).folder}
	}
}

// visit is a walk: level n has the last dentry at that depth.
type visit struct {
	*parkReader
	levels []*level
}

func (w *visit) level(depth int) *level {
	if depth == len(w.levels) {
		w.levels = append(w.levels, &level{})
	}
	return w.levels[depth]
}

// Lists implements wim.ImageSource.
func (t *tree) Lists(fn func(d *wim.Dentry) error) error {
	if t.dir < 0 {
		return nil
	}
	l := &level{}
	r := &parkReader{p: t.park}
	for dir := t.dir; dir < int(t.dirs[t.dir].next); dir++ {
		err := t.list(r, l, dir, place{none: true}, func(d *wim.Dentry, _ int) error { return fn(d) })
		if err == nil {
			err = fn(nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list calls fn for the children of a directory, with their number if they are directories, and else -1.
func (t *tree) list(r *parkReader, l *level, dir int, from place, fn func(d *wim.Dentry, dir int) error) error {
	l.reset(0)
	r.seek(t.dirs[dir].start)
	for sub := dir + 1; ; {
		isDir, ok := r.next(&l.before, l, from)
		if !ok {
			return nil
		}
		n := -1
		if isDir {
			n = sub
		}
		if err := fn(&l.d, n); err != nil {
			return err
		}
		if isDir {
			r.seek(t.dirs[sub].end)
			sub = int(t.dirs[sub].next)
		}
	}
}

// find returns the dentry at a path, as findFold does.
func (t *tree) find(names ...string) *wim.Dentry {
	dir, in := t.dir, &folder{t.from.dir, t.from.name}
	var found *wim.Dentry
	for _, name := range names {
		if found = nil; dir < 0 {
			return nil
		}
		next := -1
		_ = t.list(&parkReader{p: t.park}, &level{}, dir, place{dir: in}, func(d *wim.Dentry, sub int) error { // it gives no error
			if d.Name == name || found == nil && strings.EqualFold(d.Name, name) {
				c := *d
				c.Streams = slices.Clone(d.Streams)
				found, next = &c, sub
			}
			return nil
		})
		if found == nil {
			return nil
		}
		dir, in = next, &folder{in, found.Name}
	}
	return found
}

// image makes dentries of the tree. firsts gets the first names of files, by their groups: others share their Sources.
func (t *tree) image(firsts map[uint64]*wim.Dentry) *wim.Dentry {
	var path []*wim.Dentry
	_ = t.Visit(func(v *wim.Dentry, depth int) error { // it gives no error
		d := *v
		d.Streams, d.Parent = slices.Clone(v.Streams), nil
		if first := firsts[d.HardLink]; first != nil {
			d.Streams = slices.Clone(first.Streams)
		} else if d.HardLink != 0 {
			firsts[d.HardLink] = &d
		}
		if path = path[:depth]; depth > 0 {
			d.Parent = path[depth-1]
			d.Parent.Children = append(d.Parent.Children, &d)
		}
		path = append(path, &d)
		return nil
	})
	return path[0]
}
