package edit

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/wimcast/wimcast/wim"
)

// Property is a value in the XML of an image: Path names an element as [wim.ImageInfo.SetProperty] takes it.
type Property struct {
	Path, Value string
}

// InfoOptions say what to change of an image's description, and of the file's header.
type InfoOptions struct {
	Options
	Properties []Property // set in this order; an empty value removes the element
	Boot       bool       // the image becomes the one that boots; image 0 stands for none
}

// Changed tells what SetInfo did.
type Changed struct {
	Properties []Property // those that had another value before
	Boot       bool
}

// SetInfo changes what the file at path says of image n. Where that is what it says already, the file is not written, not even for its
// integrity table.
func SetInfo(ctx context.Context, path string, n int, opts InfoOptions) (Changed, error) {
	var done Changed
	err := change(ctx, path, opts.Options, func(h *handle) error {
		if n < 0 || n > h.Header.ImageCount || n == 0 && len(opts.Properties) > 0 {
			return &wim.NoImageError{Image: n, Count: h.Header.ImageCount}
		}
		var info wim.ImageInfo
		if n > 0 {
			info = h.Images()[n-1]
		}
		for _, p := range opts.Properties {
			if old, _ := info.Property(p.Path); old == p.Value && p.Value != "" {
				continue
			}
			if err := info.SetProperty(p.Path, p.Value); err != nil {
				return err
			}
			done.Properties = append(done.Properties, p)
		}
		for i, other := range h.Images() {
			if i != n-1 && other.Name == info.Name && info.Name != "" && len(done.Properties) > 0 {
				return fmt.Errorf("image %d has the name %q already: %w", i+1, info.Name, ErrNameTaken)
			}
		}
		done.Boot = opts.Boot && h.Header.BootIndex != n
		if len(done.Properties) == 0 && !done.Boot {
			return nil
		}
		if h.Header.Pipable {
			return h.describePiped(ctx, n, info, opts)
		}
		_, err := h.appendTo(func(f io.WriteSeeker) (wim.WriterStats, error) {
			return h.describe(ctx, f, n, info, done, opts.appender(h.File))
		})
		return err
	})
	return done, wrap(err, "change", path)
}

// describe writes the tables with another description of image n.
func (h *handle) describe(ctx context.Context, f io.WriteSeeker, n int, info wim.ImageInfo, done Changed, opts wim.WriterOptions) (wim.WriterStats, error) {
	if done.Boot {
		if opts.BootIndex = n; n == 0 {
			opts.BootIndex = -1
		}
	}
	w, err := wim.Append(f, h.File, opts)
	if err != nil {
		return wim.WriterStats{}, err
	}
	if len(done.Properties) > 0 {
		if err := w.SetInfo(n, info); err != nil {
			return wim.WriterStats{}, err
		}
	}
	return w.Finish(ctx)
}

// describePiped is describe of a pipable file, which nothing can be put behind.
func (h *handle) describePiped(ctx context.Context, n int, info wim.ImageInfo, opts InfoOptions) error {
	o := opts.writer(h.File, Storage{})
	o.GUID, o.BootIndex = h.Header.GUID, h.Header.BootIndex
	if opts.Boot {
		o.BootIndex = n
	}
	_, err := h.rebuild(ctx, opts.Options, Storage{}, func(f *os.File) (wim.WriterStats, error) {
		w, err := wim.Create(f, o)
		if err != nil {
			return wim.WriterStats{}, err
		}
		for i, other := range h.Images() {
			if i == n-1 {
				other = info
			}
			if err := w.CopyImage(h.File, i+1, other); err != nil {
				return wim.WriterStats{}, err
			}
		}
		return w.Finish(ctx)
	})
	return err
}
