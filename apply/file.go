package apply

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// fileCommit is how many bytes File puts between two commits.
const fileCommit = 256 << 20

// FileOptions are the options of File. The zero value applies with the strictest rules and no xattrs.
type FileOptions struct {
	Rules      wim.Rules
	UnixXattrs bool
	Spool      int64
	Workers    int
	Events     func(Event)
	Progress   func(done, total int64) // stored bytes of the image put so far; nil: not told
}

// File applies one image of a WIM file that is here already, reading each needed byte once and in order. It is the same path that
// a cast feeds, restartable in the same way.
func File(ctx context.Context, r io.ReaderAt, size int64, image int, target vfs.FS, opts FileOptions) (Report, error) {
	content, err := contentOf(r, size)
	if err != nil {
		return Report{}, err
	}
	p, err := New(ctx, Config{
		Target: target, Image: image, Content: content, Rules: opts.Rules, UnixXattrs: opts.UnixXattrs,
		Spool: opts.Spool, Workers: opts.Workers, Events: opts.Events,
	}, r)
	if err != nil {
		return Report{}, err
	}
	defer p.Close()
	if err := p.putAll(ctx, r, opts.Progress); err != nil {
		return Report{}, err
	}
	return p.Finish(ctx)
}

// putAll puts every needed block from the file.
func (p *Plan) putAll(ctx context.Context, r io.ReaderAt, progress func(done, total int64)) error {
	needs := p.Needs()
	var done, total int64
	for _, b := range needs {
		total += int64(p.blocks.chunks[b].Size)
	}
	for _, b := range needs {
		if err := ctx.Err(); err != nil {
			return err
		}
		data := make([]byte, p.blocks.chunks[b].Size)
		if _, err := r.ReadAt(data, p.blocks.starts[b]); err != nil {
			return fmt.Errorf("read image at %d: %w", p.blocks.starts[b], err)
		}
		if err := p.Put(b, data); err != nil {
			return err
		}
		if p.Backlog() > fileCommit {
			if _, err := p.Commit(); err != nil {
				return err
			}
		}
		if done += int64(len(data)); progress != nil {
			progress(done, total)
		}
	}
	return nil
}

// contentOf cuts a WIM file into chunks, at bounds of resources where it can, and names it by a hash of its prologue, which has the
// hashes of everything else.
func contentOf(r io.ReaderAt, size int64) (Content, error) {
	f, err := wim.Open(r, size)
	if err != nil {
		return Content{}, err
	}
	l := f.Layout()
	h := blake3.New()
	var bounds []int64
	for _, part := range l.Prologue {
		if _, err := io.Copy(h, io.NewSectionReader(r, part.Offset, part.Size)); err != nil {
			return Content{}, fmt.Errorf("read prologue: %w", err)
		}
	}
	for _, res := range l.Resources {
		bounds = append(bounds, res.Offset, res.Offset+res.StoredSize)
	}
	slices.Sort(bounds)
	return Content{ID: chunk.ID(h.Sum(nil)), Chunks: cutAt(bounds, size)}, nil
}

// cutAt gives chunks of at most chunk.MaxSize bytes that end at the last bound that fits, if one does. Bounds are sorted.
func cutAt(bounds []int64, size int64) []Chunk {
	var out []Chunk
	start, last := int64(0), int64(0)
	cut := func(to int64) {
		out = append(out, Chunk{Block: len(out), Size: uint32(to - start)})
		start = to
	}
	for _, b := range append(bounds, size) {
		if b-start > chunk.MaxSize && last > start {
			cut(last)
		}
		for b-start > chunk.MaxSize {
			cut(start + chunk.MaxSize)
		}
		last = b
	}
	if start < size {
		cut(size)
	}
	return out
}
