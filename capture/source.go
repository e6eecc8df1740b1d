package capture

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wimcast/wimcast/wim"
)

// folder is a directory that was scanned. Files keep it in place of their path: a tree of a million files then has each name once.
type folder struct {
	parent *folder
	name   string // of the topmost: its path on disk
}

// path is where the folder is.
func (f *folder) path() string {
	if f.parent == nil {
		return f.name
	}
	return join(f.parent.path(), f.name)
}

// join is filepath.Join of names that need no cleaning.
func join(dir, name string) string {
	if dir != "" && os.IsPathSeparator(dir[len(dir)-1]) {
		return dir + name
	}
	return dir + string(filepath.Separator) + name
}

// below is the path of name in the folder from the topmost one, with slashes.
func (f *folder) below(name string) string {
	if f.parent == nil {
		return name
	}
	return f.parent.below(f.name) + "/" + name
}

// fileSource is the contents of a regular file. It is the wim.Source of all its names.
type fileSource struct {
	dir  *folder
	name string
	was  identity // when it was scanned
}

func (s *fileSource) Path() string { return s.dir.below(s.name) }
func (s *fileSource) Size() int64  { return s.was.size }

func (s *fileSource) full() string { return join(s.dir.path(), s.name) }

// Open opens the file and refuses it when it is not what it was at the scan.
func (s *fileSource) Open() (io.ReadCloser, error) {
	f, err := openContent(s.full(), s.was.linked)
	if errors.Is(err, fs.ErrNotExist) || isLink(err) {
		return nil, s.changed()
	}
	if err != nil {
		return nil, err
	}
	r := &contentReader{src: s, f: f, left: s.was.size}
	if err := r.check(); err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

func (s *fileSource) changed() error {
	return fmt.Errorf("read %s: %w", s.full(), wim.ErrChanged)
}

// contentReader reads a file and notices at its end when it changed meanwhile.
type contentReader struct {
	src  *fileSource
	f    *os.File
	left int64
}

// check compares the file with what was scanned.
func (r *contentReader) check() error {
	now, err := r.f.Stat()
	if err != nil {
		return err
	}
	if !r.src.was.same(now) {
		return r.src.changed()
	}
	return nil
}

func (r *contentReader) Read(b []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.f.Read(b[:min(int64(len(b)), r.left)])
	r.left -= int64(n)
	switch {
	case err == io.EOF:
		return n, r.src.changed() // it became shorter
	case err != nil:
		return n, err
	case r.left > 0:
		return n, nil
	}
	if err := r.check(); err != nil {
		return n, err
	}
	return n, io.EOF
}

// ReadAt reads anywhere, without looking for changes.
func (r *contentReader) ReadAt(b []byte, off int64) (int, error) { return r.f.ReadAt(b, off) }

func (r *contentReader) Close() error { return r.f.Close() }

// byteSource is a stream that is in memory, such as reparse data.
type byteSource struct {
	path string
	data []byte
}

func (s *byteSource) Path() string                 { return s.path }
func (s *byteSource) Size() int64                  { return int64(len(s.data)) }
func (s *byteSource) Open() (io.ReadCloser, error) { return &byteReader{s.data}, nil }

type byteReader struct{ data []byte }

func (r *byteReader) Read(b []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.data)
	r.data = r.data[n:]
	return n, nil
}

func (r *byteReader) Close() error { return nil }
