package edit

import (
	"context"
	"io"
	"io/fs"
	"os"

	"github.com/wimcast/wimcast/wim"
)

// AppendOptions say how an image is added. Compression and piece size are the file's, unless it is written anew.
type AppendOptions struct {
	Options
	Storage
	Rebuild bool // write the file anew, without holes
}

// Addition is an image that is added to a file.
type Addition struct {
	Image      wim.ImageSource
	From       *wim.File   // where streams without a Source come from; nil: there are none
	Base       []*wim.File // what these have is not written
	Boot       bool        // the image is the one that boots
	FixedLinks bool        // absolute links of the image are relative to it: the file's header will say so
}

// Append adds an image behind the last one of the file at path. get, called when the file is open and locked, makes the image: it can
// look at the images that there are, and keep info's file out of what it captures. The image's name must not be another's.
func Append(ctx context.Context, path string, opts AppendOptions, get func(f *wim.File, info fs.FileInfo) (Addition, error)) (wim.WriterStats, error) {
	var stats wim.WriterStats
	err := change(ctx, path, opts.Options, func(h *handle) error {
		add, err := get(h.File, h.info)
		if err != nil {
			return err
		}
		stats, err = h.add(ctx, add, opts)
		return err
	})
	return stats, wrap(err, "append to", path)
}

func (h *handle) add(ctx context.Context, add Addition, opts AppendOptions) (stats wim.WriterStats, err error) {
	storage := opts.Storage
	opts.Rebuild = opts.Rebuild || h.Header.Pipable || opts.Piping == Pipable
	if !opts.Rebuild {
		storage.Compression, storage.PieceSize = nil, 0
	}
	o := opts.writer(h.File, storage)
	o.Base = add.Base
	if add.FixedLinks {
		o.Flags |= wim.FlagRPFix
	}
	finish := func(w *wim.Writer) (wim.WriterStats, error) {
		if err := w.Image(add.Image, add.From); err != nil {
			return wim.WriterStats{}, err
		}
		return w.Finish(ctx)
	}
	if !opts.Rebuild {
		o.Check, o.NoCheck = opts.Integrity == AddIntegrity, opts.Integrity == DropIntegrity
		if add.Boot {
			o.BootIndex = h.Header.ImageCount + 1
		}
		return h.appendTo(func(f io.WriteSeeker) (wim.WriterStats, error) {
			w, err := wim.Append(f, h.File, o)
			if err != nil {
				return wim.WriterStats{}, err
			}
			return finish(w)
		})
	}
	o.GUID, o.BootIndex = h.Header.GUID, h.Header.BootIndex
	if add.Boot {
		o.BootIndex = h.Header.ImageCount + 1
	}
	return h.rebuild(ctx, opts.Options, storage, func(f *os.File) (wim.WriterStats, error) {
		w, err := wim.Create(f, o)
		if err != nil {
			return wim.WriterStats{}, err
		}
		if err := copyImages(w, h.File, nil); err != nil {
			return wim.WriterStats{}, err
		}
		return finish(w)
	})
}
