package edit

import (
	"context"
	"io"
	"os"

	"github.com/wimcast/wimcast/wim"
)

// DeleteOptions say how images are deleted.
type DeleteOptions struct {
	Options
	Soft bool // leave what the images needed in the file: only its tables are written
}

// Delete removes image n, or All, from the file at path. Images behind it take the next lower numbers. If it was the one that boots, none does.
// Without Soft the file is written anew, without what the other images do not need.
func Delete(ctx context.Context, path string, n int, opts DeleteOptions) (wim.WriterStats, error) {
	var stats wim.WriterStats
	err := change(ctx, path, opts.Options, func(h *handle) error {
		gone, err := numbers(h.File, n)
		if err != nil {
			return err
		}
		left := func(i int) bool { return n != All && i != n }
		if !opts.Soft || h.Header.Pipable || opts.Piping == Pipable {
			stats, err = h.renew(ctx, opts.Options, Storage{}, opts.writer(h.File, Storage{}), left)
			return err
		}
		stats, err = h.appendTo(func(f io.WriteSeeker) (wim.WriterStats, error) {
			w, err := wim.Append(f, h.File, opts.appender(h.File))
			if err != nil {
				return wim.WriterStats{}, err
			}
			for range gone {
				if err := w.Drop(gone[0]); err != nil {
					return wim.WriterStats{}, err
				}
			}
			return w.Finish(ctx)
		})
		return err
	})
	return stats, wrap(err, "delete image of", path)
}

// Optimize writes the file at path anew, without what no image needs.
func Optimize(ctx context.Context, path string, s Storage, opts Options) (wim.WriterStats, error) {
	var stats wim.WriterStats
	err := change(ctx, path, opts, func(h *handle) error {
		o := opts.writer(h.File, s)
		if s.Compression != nil {
			o.Recompress = true
			if s.PieceSize == 0 && pieceSizeFits(*s.Compression, h.Header.PieceSize) {
				o.PieceSize = h.Header.PieceSize
			}
		}
		var err error
		stats, err = h.renew(ctx, opts, s, o, func(int) bool { return true })
		return err
	})
	return stats, wrap(err, "optimize", path)
}

// pieceSizeFits says whether resources of a compression can have pieces of that size.
func pieceSizeFits(c wim.Compression, size int) bool {
	switch c {
	case wim.XPRESS:
		return size >= 4<<10 && size <= 64<<10
	case wim.LZX:
		return size >= 32<<10 && size <= 2<<20
	case wim.LZMS:
		return size >= 32<<10
	}
	return size == 0
}

// change opens and locks a file, checks it if that is wanted, and lets fn change it.
func change(ctx context.Context, path string, opts Options, fn func(h *handle) error) error {
	h, err := openHandle(path)
	if err != nil {
		return err
	}
	defer h.close()
	if opts.Locked != nil {
		if err := opts.Locked(h.File); err != nil {
			return err
		}
	}
	if err := opts.verify(ctx, h.File); err != nil {
		return err
	}
	return fn(h)
}

// renew writes the file anew with the images that keep says to keep.
func (h *handle) renew(ctx context.Context, o Options, s Storage, opts wim.WriterOptions, keep func(n int) bool) (wim.WriterStats, error) {
	opts.GUID = h.Header.GUID
	for i, next := 1, 0; i <= h.Header.ImageCount; i++ {
		if keep(i) {
			next++
			if i == h.Header.BootIndex {
				opts.BootIndex = next
			}
		}
	}
	return h.rebuild(ctx, o, s, func(f *os.File) (wim.WriterStats, error) {
		w, err := wim.Create(f, opts)
		if err != nil {
			return wim.WriterStats{}, err
		}
		if err := copyImages(w, h.File, keep); err != nil {
			return wim.WriterStats{}, err
		}
		return w.Finish(ctx)
	})
}
