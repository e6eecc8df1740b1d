package content

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/chunk/disk"
	"github.com/wimcast/wimcast/content/device"
	"github.com/wimcast/wimcast/internal/vfs"
)

// places is a chunk.Store that has each chunk at its places in the content.
type places interface {
	chunk.Store
	Finish() error
	Close() error
}

// writtenSink writes blocks to where they belong, which serves as the store of what it has.
type writtenSink struct {
	to       places
	manifest *catalog.Manifest
	layout   *catalog.Layout
	put      []chunk.Block // since the last Commit
}

// asFile puts a file into the directory, by the content's name.
func asFile(p *Place, r received) (Sink, error) {
	return fileSink(p.fsys, r.manifest.Name, r, p.to.Overwrite)
}

// asDisk writes a disk image over the disk.
func asDisk(p *Place, r received) (Sink, error) {
	d, size := p.device, int64(r.manifest.Size)
	if err := d.Fits(size); err != nil {
		return nil, err
	}
	if err := p.mayOverwrite(r.hash.String()); err != nil {
		return nil, err
	}
	if err := d.HasRoom(written(r.manifest)); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.to.State, 0o700); err != nil {
		return nil, fmt.Errorf("note how far disk %s is written: %w", d, err)
	}
	state, err := vfs.OS(p.to.State)
	if err != nil {
		return nil, fmt.Errorf("note how far disk %s is written: %w", d, err)
	}
	p.device = nil // the overlay closes it
	over, err := disk.OpenOverlay(d, d.String(), state, journalName(d, r.hash.String()), refs(r.manifest), disk.OverlayConfig{
		Begin: func() error { return d.Begin(size) }, Zeros: d.Zeros(),
	})
	if err != nil {
		state.Close()
		return nil, err
	}
	return &diskSink{writtenSink{to: over, manifest: r.manifest, layout: r.layout}, over, d, state}, nil
}

// refs lists a content's chunks as package chunk wants them.
func refs(m *catalog.Manifest) []chunk.Ref {
	out := make([]chunk.Ref, len(m.Chunks))
	for i, c := range m.Chunks {
		out[i] = chunk.Ref{ID: c.ID, Size: c.Size}
	}
	return out
}

// Needs implements Sink.
func (s *writtenSink) Needs() ([]chunk.Block, bool, error) {
	var need []chunk.Block
	for i := range s.layout.Len() {
		b := chunk.Block(i)
		if s.layout.IsBlock(uint32(b)) && !s.to.Has(s.manifest.Chunks[b].ID) {
			need = append(need, b)
		}
	}
	return need, true, nil
}

// Put implements Sink.
func (s *writtenSink) Put(ctx context.Context, block chunk.Block, data []byte) error {
	if err := s.to.Put(ctx, s.manifest.Chunks[block].ID, data); err != nil {
		return err
	}
	s.put = append(s.put, block)
	return nil
}

// Commit implements Sink.
func (s *writtenSink) Commit() ([]chunk.Block, error) {
	if err := s.to.Sync(); err != nil {
		return nil, err
	}
	held := s.put
	s.put = nil
	return held, nil
}

// Finish implements Sink.
func (s *writtenSink) Finish(context.Context, func(done, total int64)) (Report, error) {
	return Report{}, s.to.Finish()
}

// Close implements Sink.
func (s *writtenSink) Close() error { return s.to.Close() }

// diskSink writes a disk, and reads it back.
type diskSink struct {
	writtenSink
	over   *disk.Overlay
	device *device.Target
	state  vfs.FS
}

// Finish implements Sink.
func (s *diskSink) Finish(ctx context.Context, progress func(done, total int64)) (Report, error) {
	err := s.over.Check(ctx, s.device.Drop, progress)
	if _, bad := errors.AsType[*chunk.DamagedError](err); bad {
		err = fmt.Errorf("%w: %w", ErrReadBack, err)
	}
	if err != nil {
		return Report{}, err
	}
	return Report{ReadBack: int64(s.manifest.Size)}, s.over.Finish()
}

// Close implements Sink.
func (s *diskSink) Close() error {
	err := s.over.Close()
	s.device.Reread()
	s.state.Close()
	return err
}
