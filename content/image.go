package content

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/wim"
)

// cutImage opens a WIM file, and reads all of it: what clients would refuse, perhaps with half of it on their disks, is refused here.
func cutImage(ctx context.Context, path string, cfg OpenConfig) (*Source, error) {
	s, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	if err := s.checkImage(ctx, cfg.Progress); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Source) checkImage(ctx context.Context, progress func(done, total int64)) error {
	f, err := wim.Open(s.file, s.Size)
	if err != nil {
		return err
	}
	if f.Header.Parts > 1 {
		return fmt.Errorf("it is part %d of %d of a split set, which no client could apply: join the parts first (wimcast wim join)", f.Header.Part, f.Header.Parts)
	}
	err = f.Verify(ctx, func(p wim.Progress) {
		s.Read = p.Total
		if progress != nil {
			progress(p.Done, p.Total)
		}
	})
	if errors.Is(err, wim.ErrMissing) {
		return fmt.Errorf("no client could apply it: %w; if it is a delta, make it whole first (wimcast wim export, with --ref)", err)
	}
	if err != nil {
		return err
	}
	s.layout = imageLayout(f)
	return nil
}

// imageLayout tells where a WIM is best cut.
func imageLayout(f *wim.File) (l chunk.Layout) {
	for _, part := range f.Prologue() {
		l.Prologue = append(l.Prologue, chunk.Range{Offset: part.Offset, Size: part.Size})
	}
	for run := range f.Runs() {
		l.Bounds = append(l.Bounds, run.Offset, run.End())
	}
	slices.Sort(l.Bounds)
	l.Bounds = slices.Compact(l.Bounds)
	return l
}
