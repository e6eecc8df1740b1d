package edit

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// Errors of a path in an image. fs.ErrNotExist and fs.ErrExist are the others.
var (
	ErrIsDir    = errors.New("is a directory")
	ErrNotDir   = errors.New("is not a directory")
	ErrNotEmpty = errors.New("directory is not empty")
	ErrInside   = errors.New("a directory cannot move into itself") // nor the root anywhere
	ErrBadName  = errors.New("not a name a file can have")
)

// PathError says what could not be done with which path of the image.
type PathError struct {
	Op   string // add, delete or rename
	Path string // with a leading slash
	Err  error
}

// Error tells operation, path and cause.
func (e *PathError) Error() string { return fmt.Sprintf("%s %s: %v", e.Op, e.Path, e.Err) }
func (e *PathError) Unwrap() error { return e.Err }

// pathNames returns the names of a path, none for the root.
func pathNames(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' })
}

// clean returns the path as errors show it.
func clean(path string) string { return "/" + strings.Join(pathNames(path), "/") }

// find returns the entry at path; nil when there is none. The root's path is "" or "/".
func (t *tree) find(path string) *wim.Dentry {
	d := t.image.Root
	for _, name := range pathNames(path) {
		if d = t.child(d, name); d == nil {
			return nil
		}
	}
	return d
}

// parent finds the directory that an entry with these names would be in.
func (t *tree) parent(names []string) (*wim.Dentry, error) {
	d := t.image.Root
	for _, name := range names[:len(names)-1] {
		if d = t.child(d, name); d == nil {
			return nil, fmt.Errorf("%q: %w", name, fs.ErrNotExist)
		}
		if !isDir(d) {
			return nil, fmt.Errorf("%q: %w", name, ErrNotDir)
		}
	}
	return d, nil
}

// isDir says whether d can have children: not a link to a directory.
func isDir(d *wim.Dentry) bool { return d.IsDir() && !d.IsReparse() }

// checkName refuses what no file can be called, and what would not be read back.
func checkName(name string) error {
	if name == "." || name == ".." || strings.ContainsRune(name, 0) {
		return fmt.Errorf("%q is %w", name, ErrBadName)
	}
	if err := wim.CheckName(name); err != nil {
		return fmt.Errorf("%w: %w", err, ErrBadName)
	}
	return nil
}
