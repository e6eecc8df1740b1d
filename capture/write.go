package capture

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/wimcast/wimcast/wim"
)

// Source is a tree that becomes an image.
type Source struct {
	Dir         string
	Name        string // "" takes the directory's last name
	Description string
}

// WriteOptions say how to capture to a file.
type WriteOptions struct {
	Scan   Options // of every source; name and description are the source's
	Writer wim.WriterOptions
}

// WriteStats count what was captured and what was written.
type WriteStats struct {
	Stats
	File wim.WriterStats
}

// Write captures trees as the images of a WIM file, in order, contents shared between them. w must be empty and at its start. Where it
// fails w holds no valid file. The same trees, options and Time give the same bytes.
func Write(ctx context.Context, w io.WriteSeeker, sources []Source, opts WriteOptions) (WriteStats, error) {
	var stats WriteStats
	if f, ok := w.(*os.File); ok && opts.Scan.Output == nil {
		opts.Scan.Output, _ = f.Stat() // without it only the check against capturing the output is lost
	}
	if opts.Scan.FixLinks {
		opts.Writer.Flags |= wim.FlagRPFix
	}
	if len(sources) == 0 {
		return stats, fmt.Errorf("capture: no sources")
	}
	out, err := wim.Create(w, opts.Writer)
	if err != nil {
		return stats, err
	}
	for _, src := range sources {
		o := opts.Scan
		if o.Name, o.Description = src.Name, src.Description; o.Name == "" {
			if o.Name, err = defaultName(src.Dir); err != nil {
				return stats, err
			}
		}
		tree, s, err := ScanTree(ctx, []Item{{Path: src.Dir}}, o)
		if err != nil {
			return stats, fmt.Errorf("capture %s: %w", src.Dir, err)
		}
		stats.add(s)
		if err := out.Image(tree, o.Base.file()); err != nil {
			return stats, fmt.Errorf("capture %s: %w", src.Dir, err)
		}
	}
	if stats.File, err = out.Finish(ctx); err != nil {
		return stats, fmt.Errorf("capture %s: %w", sources[0].Dir, err)
	}
	return stats, nil
}

func (s *Stats) add(o Stats) {
	s.Dirs += o.Dirs
	s.Files += o.Files
	s.Bytes += o.Bytes
	s.Skipped += o.Skipped
	s.Excluded += o.Excluded
	s.Fixed += o.Fixed
	s.Unchanged += o.Unchanged
}
