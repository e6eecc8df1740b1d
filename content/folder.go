package content

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/wim"
)

// cutFolder captures a directory into a WIM file of one image, which is gone when the Source is closed. The contents are stored as they
// are: compressed in pieces, all pieces behind a change would be others. Time is the directory's, so that the bytes depend on the tree
// and the name alone. What cannot be kept is an error: half a folder is worth nothing.
func cutFolder(ctx context.Context, path string, cfg OpenConfig) (*Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, errors.New("want a directory")
	}
	f, err := os.CreateTemp(cfg.Scratch, ".publish-*.wim")
	if err != nil {
		return nil, fmt.Errorf("make a file for its image: %w", err)
	}
	s := &Source{file: f}
	if os.Remove(f.Name()) != nil {
		s.remove = f.Name() // a system that keeps the names of open files
	}
	if err := s.capture(ctx, path, info, cfg); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Source) capture(ctx context.Context, path string, info os.FileInfo, cfg OpenConfig) error {
	left := ""
	stats, err := capture.Write(ctx, s.file, []capture.Source{{Dir: path, Name: cfg.Name}}, capture.WriteOptions{
		Scan: capture.Options{UnixData: true, Repeatable: true, Warn: func(path, what string) {
			if left == "" {
				left = path + " " + what
			}
		}},
		Writer: wim.WriterOptions{Time: info.ModTime(), Progress: func(p wim.Progress) {
			s.Read = p.Total
			if cfg.Progress != nil {
				cfg.Progress(p.Done, p.Total)
			}
		}},
	})
	if errors.Is(err, wim.ErrChanged) {
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if err != nil {
		return err
	}
	if stats.Skipped > 0 {
		return fmt.Errorf("%d of its files cannot be kept: %s; take them out, or make an image with 'wimcast wim capture' and publish that", stats.Skipped, left)
	}
	s.Size = stats.File.Size
	w, err := wim.Open(s.file, s.Size)
	if err != nil {
		return err
	}
	s.layout = imageLayout(w)
	return nil
}
