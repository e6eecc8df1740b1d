package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/content"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/node/folder"
)

// publishOptions says what to publish. name and version are needed.
type publishOptions struct {
	name, version string
	kind          catalog.Kind            // 0: what it looks like
	replace       bool                    // the name may stand for other content already
	progress      func(done, total int64) // called with bytes read; may be nil
	files         vfs.FS                  // in which the store is
	put           map[chunk.ID]bool       // gets the chunks that were put into the store, also when it fails
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

// publish cuts what is at path into chunks, makes them durable in store, and signs it into the site's catalogue.
// Nothing is in the catalogue before all of it is durable. What does not fit is refused before anything is stored.
func publish(ctx context.Context, own *folder.Folder, store chunk.Store, path string, opt publishOptions) (published, error) {
	cfg := content.OpenConfig{Kind: opt.kind, Name: opt.name, Scratch: own.Dir}
	if opt.progress != nil { // reading it comes first, and counts as the first half
		cfg.Progress = func(done, total int64) { opt.progress(done, 2*total) }
	}
	src, err := content.Open(ctx, path, cfg)
	if err != nil {
		return published{}, err
	}
	defer src.Close()
	if err := fits(ctx, store, src, opt.files); err != nil {
		return published{}, fmt.Errorf("publish %s: %w", path, err)
	}
	out, signed, err := split(ctx, own, store, src, opt)
	if err == nil {
		err = src.Same()
	}
	if err == nil && out.bytes != src.Size {
		err = content.ErrChanged
	}
	if errors.Is(err, content.ErrChanged) {
		return published{}, fmt.Errorf("publish %s: %w: nothing was published; run it again when no other program writes the file", path, err)
	}
	if err != nil {
		return published{}, fmt.Errorf("publish %s: %w", path, err)
	}
	p, err := own.Catalogue.Publish(signed, opt.replace)
	if err != nil {
		return published{}, fmt.Errorf("publish %s: %w", path, err)
	}
	out.entry, out.changed = p.Entry, p.Changed
	return out, nil
}

// fits fails with vfs.ErrNoRoom when the store has no room for the chunks that it does not hold. Only a source that would not fit as a whole is
// read for that, and no further than the room goes.
func fits(ctx context.Context, store chunk.Store, src *content.Source, files vfs.FS) error {
	free, known := vfs.Room(files)
	if !known || src.Size <= free {
		return nil
	}
	var need int64
	counted := make(map[chunk.ID]bool)
	return src.Split(ctx, func(p chunk.Piece, id chunk.ID) error {
		if counted[id] || store.Has(id) {
			return nil
		}
		counted[id] = true
		if need += int64(len(p.Data)); need <= free {
			return nil
		}
		return fmt.Errorf("the store: %w", vfs.Fits(files, src.Size))
	})
}

// split stores the chunks of a source and signs their list.
func split(ctx context.Context, own *folder.Folder, store chunk.Store, src *content.Source, opt publishOptions) (published, *catalog.SignedManifest, error) {
	b, err := catalog.NewBuilder(opt.name, opt.version, src.Kind)
	if err != nil {
		return published{}, nil, err
	}
	out := published{kind: src.Kind}
	put := opt.put // what was put is not held before the next sync: a chunk that repeats is new once
	err = src.Split(ctx, func(p chunk.Piece, id chunk.ID) error {
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
			opt.progress(src.Read+out.bytes, src.Read+src.Size)
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
