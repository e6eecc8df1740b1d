package edit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/wimcast/wimcast/wim"
)

// Join writes the parts of a split set, in any order, as one file, which replaces one that has the name.
func Join(ctx context.Context, out string, parts []string, opts Options) (wim.WriterStats, error) {
	stats, err := join(ctx, out, parts, opts)
	return stats, wrap(err, "join to", out)
}

func join(ctx context.Context, out string, parts []string, opts Options) (stats wim.WriterStats, err error) {
	in, err := openSet(parts)
	if err != nil {
		return stats, err
	}
	defer in.close()
	if in.is(out) {
		return stats, errSame
	}
	if err := opts.verify(ctx, in.File); err != nil {
		return stats, err
	}
	old, err := os.Stat(out)
	if errors.Is(err, os.ErrNotExist) {
		old, err = nil, nil
	}
	if err != nil {
		return stats, err
	}
	piping := opts.Piping == KeepPiping && in.Header.Pipable
	return writeNew(ctx, out, old, piping, func(f *os.File) (stats wim.WriterStats, err error) {
		o := opts.writer(in.File, Storage{})
		o.BootIndex = in.Header.BootIndex
		o.Check = opts.Integrity == AddIntegrity || opts.Integrity == KeepIntegrity && in.Header.Integrity.Size > 0
		w, err := wim.Create(f, o)
		if err != nil {
			return stats, err
		}
		for i := range in.Placed() { // those that no image needs too, as nothing is to get lost
			if in.Resource(i).IsMetadata() {
				continue
			}
			if err := w.Resource(in.File, i); err != nil {
				return stats, err
			}
		}
		if err := copyImages(w, in.File, nil); err != nil {
			return stats, err
		}
		return w.Finish(ctx)
	})
}

// openSet opens the parts of a set, all of which must be there, and nothing else.
func openSet(parts []string) (*input, error) {
	in := &input{}
	if err := in.openParts(parts); err != nil {
		return nil, errors.Join(err, in.close())
	}
	return in, nil
}

func (in *input) openParts(parts []string) error {
	if len(parts) == 0 {
		return errors.New("no parts are given")
	}
	var volumes []wim.Input
	var first wim.Header
	seen := make(map[int]string)
	for i, path := range parts {
		v, err := in.open(path)
		if err != nil {
			return err
		}
		f, err := wim.Open(v.R, v.Size)
		if err != nil {
			return fmt.Errorf("open %s: %w", path, err)
		}
		h := f.Header
		if i == 0 {
			first = h
		}
		if h.GUID != first.GUID || h.Parts != first.Parts {
			return wim.FaultSet.Of(fmt.Errorf("open %s: it is not a part of the set that %s is of", path, parts[0]))
		}
		if other, ok := seen[h.Part]; ok {
			return wim.FaultSet.Of(fmt.Errorf("open %s: it is part %d of %d, and so is %s; give each part once", path, h.Part, h.Parts, other))
		}
		seen[h.Part] = path
		volumes = append(volumes, v)
	}
	for n := 1; n <= first.Parts; n++ {
		if _, ok := seen[n]; !ok {
			return wim.FaultSet.Of(fmt.Errorf("find part %d: the set has %d parts, here are %d: %w", n, first.Parts, len(parts), wim.ErrMissing))
		}
	}
	var err error
	in.File, err = wim.OpenSet(volumes[0], volumes[1:]...)
	return err
}

// input is one or several files that are only read.
type input struct {
	*wim.File
	files []*os.File
	infos []os.FileInfo
}

// openInput opens a file that is whole by itself.
func openInput(path string) (*input, error) {
	in := &input{}
	f, err := in.open(path)
	if err != nil {
		return nil, err
	}
	if in.File, err = wim.Open(f.R, f.Size); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), in.close())
	}
	if h := in.Header; h.Parts > 1 {
		return nil, errors.Join(fmt.Errorf("it is part %d of %d of a split set; join the set first", h.Part, h.Parts), in.close())
	}
	return in, nil
}

func (in *input) open(path string) (wim.Input, error) {
	f, err := os.Open(path)
	if err != nil {
		return wim.Input{}, fmt.Errorf("open WIM: %w", err)
	}
	in.files = append(in.files, f)
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular(path)
	}
	if err != nil {
		return wim.Input{}, fmt.Errorf("open WIM %s: %w", path, err)
	}
	in.infos = append(in.infos, info)
	return wim.Input{R: f, Size: info.Size(), Name: path}, nil
}

// errNotRegular says that what is at path is no file that can be read as one.
func errNotRegular(path string) error {
	return &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
}

// is says whether path is one of the files.
func (in *input) is(path string) bool {
	info, err := os.Stat(path)
	return err == nil && slices.ContainsFunc(in.infos, func(i os.FileInfo) bool { return os.SameFile(i, info) })
}

func (in *input) close() error {
	var errs []error
	for _, f := range in.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
