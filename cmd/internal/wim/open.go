package wim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
)

// File is an open WIM file with the files it is in.
type File struct {
	*wim.File
	files []*os.File // the first is the one that was named
}

func (w File) Close() error {
	var errs []error
	for _, f := range w.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Open opens the WIM file at path for reading, together with the files that the globs match.
func Open(path string, globs ...string) (File, error) {
	return openNamed(path, path, globs)
}

// openNamed is Open of a file that errors may call by another name: it is then one that came through a pipe.
func openNamed(name, path string, globs []string) (File, error) {
	paths := []string{path}
	for _, glob := range globs {
		found, err := refPaths(glob)
		if err != nil {
			return File{}, err
		}
		paths = append(paths, found...)
	}
	w, err := openAll(paths, name != path)
	if err != nil {
		return File{}, ui.WIMHint(fmt.Errorf("open WIM %s: %w", name, err))
	}
	return w, nil
}

// refPaths gives the files that an option --ref names: those that match it as a glob; else those that match it when its brackets are taken
// for brackets; else the file whose path it is.
func refPaths(glob string) ([]string, error) {
	for _, g := range []string{glob, strings.ReplaceAll(glob, "[", "[[]")} {
		if found, err := filepath.Glob(g); err == nil && len(found) > 0 { // a glob that is none may be a path
			return found, nil
		}
	}
	if _, err := os.Stat(glob); err != nil {
		return nil, withStatus(statusOpen, ui.WithHint(fmt.Errorf("find --ref %q: no file matches", glob), "put the glob into quotes, and check its folder"))
	}
	return []string{glob}, nil
}

// openAll opens files as one, each of them once. The first one may hold the parts of a split set, if it came through
// a pipe.
func openAll(paths []string, piped bool) (w File, err error) {
	defer func() {
		if err != nil {
			_ = w.Close() // they were only read
		}
	}()
	var inputs []wim.Input
	var infos []os.FileInfo
	for _, path := range paths {
		info, err := os.Stat(path) // before it is opened: opening a pipe may take for ever
		if err != nil {
			return w, withStatus(statusOpen, err)
		}
		if !info.Mode().IsRegular() {
			return w, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
		}
		if slices.ContainsFunc(infos, func(o os.FileInfo) bool { return os.SameFile(o, info) }) {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			return w, err
		}
		w.files, infos = append(w.files, f), append(infos, info)
		inputs = append(inputs, wim.Input{R: f, Size: info.Size(), Name: path})
	}
	if piped {
		inputs[0].Name = "standard input"
		parts, err := wim.PipedParts(inputs[0])
		if err != nil {
			return w, err
		}
		inputs = append(parts, inputs[1:]...)
	}
	if len(inputs) == 1 {
		w.File, err = wim.Open(inputs[0].R, inputs[0].Size)
	} else {
		w.File, err = wim.OpenSet(inputs[0], inputs[1:]...)
	}
	return w, err
}
