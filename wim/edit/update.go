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

// Scan reads a file or directory of this machine as a tree: its root is the directory, or the one file. Streams have Sources.
type Scan func(ctx context.Context, path string, opts AddOptions) (*wim.Image, error)

// UpdateOptions say how an image is updated.
type UpdateOptions struct {
	Options
	Scan       Scan // reads what is added; nil: add fails
	IgnoreCase bool // compare names of the image without regard to case
	Rebuild    bool // write the file anew, without what it does not need

	Before func(Command) // told of each command before it is done; nil: not told
	// Replaced is told the path of each file that an add replaces; nil: not told.
	Replaced func(path string)
}

// Update changes the tree of image n of the file at path by the commands, in order. Either all are done, or the file stays as it is.
func Update(ctx context.Context, path string, n int, commands []Command, opts UpdateOptions) (wim.WriterStats, error) {
	var stats wim.WriterStats
	err := change(ctx, path, opts.Options, func(h *handle) error {
		img, err := h.Image(n)
		if err != nil {
			return err
		}
		if len(commands) == 0 {
			return nil
		}
		if err := apply(ctx, img, commands, opts); err != nil {
			return err
		}
		stats, err = h.replaceImage(ctx, n, img, opts)
		return err
	})
	return stats, wrap(err, "update", path)
}

// replaceImage writes the file with another tree in the place of image n.
func (h *handle) replaceImage(ctx context.Context, n int, img *wim.Image, opts UpdateOptions) (stats wim.WriterStats, err error) {
	finish := func(w *wim.Writer, err error) (wim.WriterStats, error) {
		if err == nil {
			err = w.Replace(n, img, h.File)
		}
		if err != nil {
			return wim.WriterStats{}, err
		}
		return w.Finish(ctx)
	}
	if !opts.Rebuild && !h.Header.Pipable && opts.Piping != Pipable {
		return h.appendTo(func(f io.WriteSeeker) (wim.WriterStats, error) {
			return finish(wim.Append(f, h.File, opts.appender(h.File)))
		})
	}
	return h.rebuild(ctx, opts.Options, Storage{}, func(f *os.File) (wim.WriterStats, error) {
		o := opts.writer(h.File, Storage{})
		o.GUID, o.BootIndex = h.Header.GUID, h.Header.BootIndex
		w, err := wim.Create(f, o)
		if err == nil {
			err = copyImages(w, h.File, nil)
		}
		return finish(w, err)
	})
}

// apply does the commands on an image in memory.
func apply(ctx context.Context, img *wim.Image, commands []Command, opts UpdateOptions) error {
	t := &tree{image: img, ignoreCase: opts.IgnoreCase, now: opts.now()}
	for _, c := range commands {
		if err := ctx.Err(); err != nil {
			return err
		}
		if opts.Before != nil {
			opts.Before(c)
		}
		if err := t.do(ctx, c, opts); err != nil {
			if c.Line > 0 {
				err = fmt.Errorf("line %d: %w", c.Line, err)
			}
			return err
		}
	}
	t.tidy()
	return nil
}

// do does one command.
func (t *tree) do(ctx context.Context, c Command, opts UpdateOptions) error {
	switch c.Verb {
	case VerbDelete:
		err := t.delete(c.From, c.Recursive)
		if c.Force && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	case VerbRename:
		return t.rename(c.From, c.To)
	}
	if opts.Scan == nil {
		return errors.New("add: there is nothing that reads files")
	}
	tree, err := opts.Scan(ctx, c.From, c.AddOptions)
	if err != nil {
		return err
	}
	return t.add(c.To, tree, c.NoReplace, opts.Replaced)
}
