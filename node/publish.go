package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/node/folder"
	"github.com/wimcast/wimcast/wim"
)

// ErrChanged says that a file changed while it was published.
var ErrChanged = errors.New("the file changed while it was read")

// publishOptions says what to publish. name and version are needed.
type publishOptions struct {
	name, version string
	kind          catalog.Kind            // 0: an image when the file begins as a WIM does, else raw
	replace       bool                    // the name may stand for other content already
	progress      func(done, total int64) // bytes read; nil: not told
}

// published says what publish did.
type published struct {
	entry     catalog.Entry
	changed   bool // false: the catalogue had it already
	kind      catalog.Kind
	bytes     int64
	chunks    int   // positions in the manifest
	newChunks int   // that the store did not hold
	newBytes  int64 // in these
}

// publish splits the file at path into chunks, makes them durable in store, and signs it into the site's catalogue.
// Nothing is in the catalogue before all of it is durable. An error leaves at most chunks that the next gc takes away.
func publish(ctx context.Context, own *folder.Folder, store chunk.Store, path string, opt publishOptions) (published, error) {
	f, before, err := openRegular(path)
	if err != nil {
		return published{}, err
	}
	defer f.Close()
	if opt.kind == 0 {
		opt.kind = guessKind(f)
	}
	var layout chunk.Layout
	if opt.kind == catalog.KindImage {
		if layout, err = wimLayout(ctx, f, before.Size(), opt.halves()); err != nil {
			return published{}, fmt.Errorf("publish %s as an image: %w", path, err)
		}
	}
	out, signed, err := split(ctx, own, store, f, before.Size(), layout, opt)
	if err != nil {
		return published{}, fmt.Errorf("publish %s: %w", path, err)
	}
	after, err := os.Stat(path)
	if err != nil {
		return published{}, fmt.Errorf("publish: %w", err)
	}
	if !os.SameFile(before, after) || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) || out.bytes != before.Size() {
		return published{}, fmt.Errorf("publish %s: %w: nothing was published; run it again when no other program writes the file", path, ErrChanged)
	}
	p, err := own.Catalogue.Publish(signed, opt.replace)
	if err != nil {
		return published{}, fmt.Errorf("publish %s: %w", path, err)
	}
	out.entry, out.changed = p.Entry, p.Changed
	return out, nil
}

// openRegular opens a file to be published. Anything else is refused before it is opened: opening a pipe may take for ever.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("publish: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return nil, nil, fmt.Errorf("publish %s: want a regular file that is not empty", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("publish: %w", err)
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("publish: %w", err)
	}
	return f, info, nil
}

// halves has the check of an image count as the first half of publishing it, and what opt.progress is told afterwards as the
// second. It returns the progress of the check.
func (opt *publishOptions) halves() func(wim.Progress) {
	tell := opt.progress
	if tell == nil {
		return nil
	}
	var checked int64
	opt.progress = func(done, total int64) { tell(checked+done, checked+total) }
	return func(p wim.Progress) {
		checked = p.Total
		tell(p.Done, 2*p.Total)
	}
}

// split stores the chunks of r and signs their list.
func split(ctx context.Context, own *folder.Folder, store chunk.Store, r io.Reader, size int64, layout chunk.Layout, opt publishOptions) (published, *catalog.SignedManifest, error) {
	b, err := catalog.NewBuilder(opt.name, opt.version, opt.kind)
	if err != nil {
		return published{}, nil, err
	}
	out := published{kind: opt.kind}
	put := make(map[chunk.ID]bool) // what was put is not held before the next sync: a chunk that repeats is new once
	err = chunk.Split(r, layout, func(p chunk.Piece) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		id := chunk.Sum(p.Data)
		if !put[id] && !store.Has(id) {
			put[id] = true
			out.newChunks++
			out.newBytes += int64(len(p.Data))
			if err := store.Put(ctx, id, p.Data); err != nil {
				return err
			}
		}
		out.chunks++
		out.bytes += int64(len(p.Data))
		if opt.progress != nil {
			opt.progress(out.bytes, size)
		}
		return b.Add(id, p.Data, p.Prologue)
	})
	if err != nil {
		return published{}, nil, err
	}
	if err := store.Sync(); err != nil {
		return published{}, nil, err
	}
	signed, err := b.Sign(own.Publisher)
	if err != nil {
		return published{}, nil, err
	}
	return out, signed, nil
}

// guessKind looks at the first bytes of a file.
func guessKind(r io.ReaderAt) catalog.Kind {
	var magic [8]byte
	if _, err := r.ReadAt(magic[:], 0); err == nil && (string(magic[:]) == "MSWIM\x00\x00\x00" || string(magic[:]) == "WLPWM\x00\x00\x00") {
		return catalog.KindImage
	}
	return catalog.KindRaw
}

// wimLayout tells where a WIM is best cut, after reading all of it: what clients would refuse, perhaps with half of it on
// their disks, is refused here.
func wimLayout(ctx context.Context, r io.ReaderAt, size int64, progress func(wim.Progress)) (chunk.Layout, error) {
	f, err := wim.Open(r, size)
	if err != nil {
		return chunk.Layout{}, err
	}
	if f.Header.Parts > 1 {
		return chunk.Layout{}, fmt.Errorf("it is part %d of %d of a split set, which no client could apply: join the parts first (wimcast wim join)", f.Header.Part, f.Header.Parts)
	}
	if err := f.Verify(ctx, progress); errors.Is(err, wim.ErrMissing) {
		return chunk.Layout{}, fmt.Errorf("no client could apply it: %w; if it is a delta, make it whole first (wimcast wim export, with --ref)", err)
	} else if err != nil {
		return chunk.Layout{}, err
	}
	var layout chunk.Layout
	for _, part := range f.Prologue() {
		layout.Prologue = append(layout.Prologue, chunk.Range{Offset: part.Offset, Size: part.Size})
	}
	for run := range f.Runs() {
		layout.Bounds = append(layout.Bounds, run.Offset, run.End())
	}
	slices.Sort(layout.Bounds)
	layout.Bounds = slices.Compact(layout.Bounds)
	return layout, nil
}
