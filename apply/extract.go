package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// Folders in a target that holds other things, in which files are made before they are moved to their places.
const (
	stageName = ".wimcast-extract-" // with a number behind it
	overName  = ".wimcast-over"
)

// ErrInTheWay says that a directory would have to be replaced by something else, or something else by a directory.
var ErrInTheWay = errors.New("something else has its name there")

// Extract writes a part of an image, as Select returns it, or all of it if that is nil, into a directory that may hold other things: files that are there by the same
// name are replaced, directories are merged. All of it is applied to a folder in dir first, checked, and moved to its place by renames when it is
// complete, so an extract that fails changes nothing but leaves, at the worst, that folder. Only needed pieces of the file are read.
func Extract(ctx context.Context, wf *wim.File, image int, part *wim.Image, dir string, opts FileOptions) (rep Report, err error) {
	into, err := vfs.OS(dir)
	if err != nil {
		return rep, fmt.Errorf("open directory %s: %w", dir, err)
	}
	defer into.Close()
	full, err := os.MkdirTemp(dir, stageName)
	if err != nil {
		return rep, fmt.Errorf("make a folder in %s: %w", dir, err)
	}
	m, err := openMerger(into, dir, filepath.Base(full))
	if err != nil {
		return rep, err
	}
	opts.part = part
	rep, err = m.run(ctx, wf, image, opts)
	return rep, m.end(err)
}

// Over applies an image as File does, also to a directory that holds other things: then as Extract does, but a restart goes on where an earlier
// run was cut short, be it in the folder or between two renames.
func Over(ctx context.Context, wf *wim.File, image int, dir string, opts FileOptions) (rep Report, err error) {
	into, err := vfs.OS(dir)
	if err != nil {
		return rep, fmt.Errorf("open target %s: %w", dir, err)
	}
	defer into.Close()
	if other, err := holdsOther(into); err != nil {
		return rep, err
	} else if !other {
		return File(ctx, wf, image, into, opts)
	}
	if err := into.Mkdir(overName, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return rep, fmt.Errorf("make a folder in %s: %w", dir, err)
	}
	m, err := openMerger(into, dir, overName)
	if err != nil {
		return rep, err
	}
	rep, err = m.run(ctx, wf, image, opts)
	if errors.Is(err, ErrOther) { // nobody goes on with that: this image is to stand over it
		if err = errors.Join(m.clear(), m.stage.Remove(markerName)); err == nil {
			rep, err = m.run(ctx, wf, image, opts)
		}
	}
	if err == nil || hopeless(err) {
		return rep, m.end(err)
	}
	_ = m.stage.Close()
	_ = into.Remove(overName) // if nothing is in it; else the next run goes on with that
	return rep, err
}

// holdsOther says whether a directory holds what no apply of File to it left there.
func holdsOther(target vfs.FS) (bool, error) {
	if _, err := target.Lstat(overName); err == nil {
		return true, nil
	}
	_, err := (&Job{fsys: target}).inspect()
	if errors.Is(err, ErrNotEmpty) {
		return true, nil
	}
	return false, err
}

// hopeless says whether an error comes again as long as the image and the target are what they are.
func hopeless(err error) bool {
	for _, e := range []error{ErrInTheWay, ErrHostile, wim.ErrHash, wim.ErrCorrupt, wim.ErrMissing} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
