package edit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/wimcast/wimcast/wim"
)

// ExportOptions say how images are exported.
type ExportOptions struct {
	Options
	Storage // of a new file; one that exists keeps its own, unless it is rebuilt

	Name        *string     // of the image in the destination; nil: as in the source. Only of a single image
	Description *string     // likewise
	Boot        bool        // a single image becomes the one that boots; of all, that which boots in the source
	WIMBoot     bool        // mark the images as made for WIMBoot
	Rebuild     bool        // write a destination that exists anew, without what it does not need
	Base        []*wim.File // a new file leaves out what these hold: it is a delta of them
}

// Export copies image n of src, or All, to the file dest, which is made if there is none, and otherwise gets the images behind its own. src may
// be a split set, or have files to borrow contents from: see [wim.OpenSet]. Contents are copied as they are stored where compression and piece
// size agree, and those that dest has already are not copied again.
//
// Names must be unique in dest; but any number of images may have none.
func Export(ctx context.Context, src *wim.File, n int, dest string, opts ExportOptions) (wim.WriterStats, error) {
	e, err := newExport(ctx, src, n, opts)
	if err != nil {
		return wim.WriterStats{}, fmt.Errorf("export: %w", err)
	}
	if _, err := os.Stat(dest); errors.Is(err, fs.ErrNotExist) {
		stats, err := e.create(ctx, dest)
		return stats, wrap(err, "export to", dest)
	}
	stats, err := e.add(ctx, dest)
	return stats, wrap(err, "export to", dest)
}

// ExportTo is Export to a pipe: what is written is a pipable file. It is made in a temporary file first.
func ExportTo(ctx context.Context, src *wim.File, n int, dest io.Writer, opts ExportOptions) (wim.WriterStats, error) {
	opts.Piping = Pipable
	e, err := newExport(ctx, src, n, opts)
	if err != nil {
		return wim.WriterStats{}, fmt.Errorf("export: %w", err)
	}
	stats, err := Pipe(ctx, dest, "", func(f *os.File) (wim.WriterStats, error) { return e.write(ctx, f) })
	if err != nil {
		return stats, fmt.Errorf("export to a pipe: %w", err)
	}
	return stats, nil
}

// export is one run of Export.
type export struct {
	ExportOptions
	src    *wim.File
	images []int
}

func newExport(ctx context.Context, src *wim.File, n int, opts ExportOptions) (*export, error) {
	e := &export{ExportOptions: opts, src: src}
	var err error
	if e.images, err = numbers(src, n); err != nil {
		return nil, err
	}
	if err := e.check(n); err != nil {
		return nil, err
	}
	return e, opts.verify(ctx, src)
}

// check refuses options that do not go together.
func (e *export) check(n int) error {
	switch {
	case n == All && len(e.images) != 1 && (e.Name != nil || e.Description != nil):
		return fmt.Errorf("a name or description is for one image, not for all: %w", ErrOptions)
	case e.Boot && n == All && len(e.images) > 1 && e.src.Header.BootIndex == 0:
		return errors.New("none of the source's images boots, so it is not clear which is to boot here: export that one by its number")
	}
	return nil
}

// create writes a new file.
func (e *export) create(ctx context.Context, dest string) (wim.WriterStats, error) {
	pipes, err := e.pipes(wim.Header{}, e.Storage)
	if err != nil {
		return wim.WriterStats{}, err
	}
	return writeNew(ctx, dest, nil, pipes, func(f *os.File) (wim.WriterStats, error) { return e.write(ctx, f) })
}

// write writes the images to an empty file.
func (e *export) write(ctx context.Context, f *os.File) (wim.WriterStats, error) {
	opts := e.writer(e.src, e.Storage)
	opts.Check = e.Integrity == AddIntegrity
	opts.Base = e.Base
	opts.BootIndex = e.boots(0)
	w, err := wim.Create(f, opts)
	if err != nil {
		return wim.WriterStats{}, err
	}
	return e.finish(ctx, w)
}

// add puts the images behind those of a file that exists.
func (e *export) add(ctx context.Context, dest string) (stats wim.WriterStats, err error) {
	if len(e.Base) > 0 {
		return stats, fmt.Errorf("only a new file can be a delta of others: %w", ErrOptions)
	}
	h, err := openHandle(dest)
	if err != nil {
		return stats, err
	}
	defer h.close()
	if c := e.Compression; c != nil && *c != h.Header.Compression {
		return stats, fmt.Errorf("it has %s compression, and keeps that; change it with optimize --compress first", h.Header.Compression)
	}
	if err := e.verify(ctx, h.File); err != nil {
		return stats, err
	}
	if !e.Rebuild && !h.Header.Pipable && e.Piping != Pipable {
		return h.appendTo(func(f io.WriteSeeker) (wim.WriterStats, error) {
			w, err := wim.Append(f, h.File, e.behind(h.File))
			if err != nil {
				return wim.WriterStats{}, err
			}
			return e.finish(ctx, w)
		})
	}
	return h.rebuild(ctx, e.Options, e.Storage, func(f *os.File) (stats wim.WriterStats, err error) {
		opts := e.writer(h.File, e.Storage)
		opts.GUID = h.Header.GUID
		if opts.BootIndex = e.boots(h.Header.ImageCount); opts.BootIndex == 0 {
			opts.BootIndex = h.Header.BootIndex
		}
		w, err := wim.Create(f, opts)
		if err != nil {
			return stats, err
		}
		if err := copyImages(w, h.File, nil); err != nil {
			return stats, err
		}
		return e.finish(ctx, w)
	})
}

// behind returns the options of a Writer that puts the images behind those of a file.
func (e *export) behind(f *wim.File) wim.WriterOptions {
	opts := e.appender(f)
	opts.Recompress, opts.Level = e.Recompress, e.Level
	if e.Solid {
		opts.Solid, opts.SolidCompression, opts.SolidPieceSize, opts.SolidLevel = true, e.SolidCompression, e.SolidPieceSize, e.SolidLevel
	}
	opts.BootIndex = e.boots(f.Header.ImageCount)
	return opts
}

// boots returns the number of the image that is to boot where others come before those that are exported; 0: it is not for this export to say.
func (e *export) boots(before int) int {
	switch {
	case !e.Boot:
		return 0
	case len(e.images) == 1:
		return before + 1
	}
	return before + e.src.Header.BootIndex
}

// finish adds the images and writes.
func (e *export) finish(ctx context.Context, w *wim.Writer) (stats wim.WriterStats, err error) {
	taken := make(map[string]bool)
	for _, info := range w.Images() {
		taken[info.Name] = true
	}
	for _, n := range e.images {
		info := e.src.Images()[n-1]
		if e.Name != nil {
			info.Name = *e.Name
		}
		if e.Description != nil {
			info.Description = *e.Description
		}
		if taken[info.Name] && info.Name != "" {
			return stats, fmt.Errorf("there is an image with the name %q already: give this one another name: %w", info.Name, ErrNameTaken)
		}
		taken[info.Name] = true
		if e.WIMBoot {
			if err := info.SetProperty("WIMBOOT", "1"); err != nil {
				return stats, err
			}
		}
		if err := w.CopyImage(e.src, n, info); err != nil {
			return stats, err
		}
	}
	return w.Finish(ctx)
}

// copyImages adds the images of f that keep says to keep; nil: all.
func copyImages(w *wim.Writer, f *wim.File, keep func(n int) bool) error {
	for i, info := range f.Images() {
		if keep != nil && !keep(i+1) {
			continue
		}
		if err := w.CopyImage(f, i+1, info); err != nil {
			return err
		}
	}
	return nil
}
