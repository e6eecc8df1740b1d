package apply

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// maxDifferences bounds what Compare lists.
const maxDifferences = 1000

// Difference is one way in which two trees differ.
type Difference struct {
	Path string // relative, with slashes
	What string // for people: "missing", "size 3, want 5", ...
}

// Compare compares two directories: names, kinds, contents, link targets, times of modification to 100 ns, which names are links
// of one file (on POSIX), and, when modes is set, permission bits. At most 1000 are listed. An error says that
// something could not be read.
func Compare(want, got string, modes bool) ([]Difference, error) {
	w, err := listTree(want)
	if err != nil {
		return nil, err
	}
	g, err := listTree(got)
	if err != nil {
		return nil, err
	}
	c := &comparison{want: want, got: got, modes: modes, buf: [2][]byte{make([]byte, copySize), make([]byte, copySize)}}
	for _, name := range w.names {
		if len(c.out) >= maxDifferences {
			return c.out[:maxDifferences], nil
		}
		if _, ok := g.info[name]; !ok {
			c.add(name, "missing")
			continue
		}
		if err := c.entry(name, w, g); err != nil {
			return nil, err
		}
	}
	for _, name := range g.names {
		if _, ok := w.info[name]; !ok {
			c.add(name, "not in the source")
		}
	}
	return c.out[:min(len(c.out), maxDifferences)], nil
}

// listing is a tree's names, in order, and what they are.
type listing struct {
	names []string
	info  map[string]fs.FileInfo
	first map[fileKey]string // first name of every file that has several
}

func listTree(dir string) (*listing, error) {
	l := &listing{info: map[string]fs.FileInfo{}, first: map[fileKey]string{}}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		l.names = append(l.names, rel)
		l.info[rel] = info
		if k, ok := keyOf(info); ok && l.first[k] == "" {
			l.first[k] = rel
		}
		return nil
	})
	slices.Sort(l.names)
	return l, err
}

// linked returns the first name of the file that name is a link of, "" if it is the only one.
func (l *listing) linked(name string) string {
	k, ok := keyOf(l.info[name])
	if !ok {
		return ""
	}
	return l.first[k]
}

type comparison struct {
	want, got string
	modes     bool
	out       []Difference
	buf       [2][]byte
}

func (c *comparison) add(name, format string, args ...any) {
	c.out = append(c.out, Difference{Path: name, What: fmt.Sprintf(format, args...)})
}

// entry compares one name that both trees have.
func (c *comparison) entry(name string, w, g *listing) error {
	a, b := w.info[name], g.info[name]
	if a.Mode().Type() != b.Mode().Type() {
		c.add(name, "is %v, want %v", b.Mode(), a.Mode())
		return nil
	}
	if at, bt := a.ModTime().Truncate(100*time.Nanosecond), b.ModTime().Truncate(100*time.Nanosecond); !at.Equal(bt) {
		c.add(name, "modified %v, want %v", bt.UTC(), at.UTC())
	}
	if c.modes && a.Mode() != b.Mode() && a.Mode()&fs.ModeSymlink == 0 {
		c.add(name, "mode %v, want %v", b.Mode(), a.Mode())
	}
	if x, y := w.linked(name), g.linked(name); x != y {
		c.add(name, "is a link of %q, want %q", y, x)
	}
	switch {
	case a.Mode().IsRegular():
		return c.contents(name, a.Size(), b.Size())
	case a.Mode()&fs.ModeSymlink != 0:
		return c.target(name)
	}
	return nil
}

func (c *comparison) target(name string) error {
	a, err := os.Readlink(filepath.Join(c.want, name))
	if err != nil {
		return err
	}
	b, err := os.Readlink(filepath.Join(c.got, name))
	if err != nil {
		return err
	}
	if a != b {
		c.add(name, "leads to %q, want %q", b, a)
	}
	return nil
}

func (c *comparison) contents(name string, want, got int64) error {
	if want != got {
		c.add(name, "size %d, want %d", got, want)
		return nil
	}
	a, err := os.Open(filepath.Join(c.want, name))
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := os.Open(filepath.Join(c.got, name))
	if err != nil {
		return err
	}
	defer b.Close()
	for off := int64(0); off < want; {
		n := min(want-off, copySize)
		if _, err := io.ReadFull(a, c.buf[0][:n]); err != nil {
			return fmt.Errorf("read %s: %w", a.Name(), err)
		}
		if _, err := io.ReadFull(b, c.buf[1][:n]); err != nil {
			return fmt.Errorf("read %s: %w", b.Name(), err)
		}
		if !bytes.Equal(c.buf[0][:n], c.buf[1][:n]) {
			c.add(name, "contents differ in bytes %d to %d", off, off+n)
			return nil
		}
		off += n
	}
	return nil
}
