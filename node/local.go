package node

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/chunk/disk"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/node/folder"
	"github.com/wimcast/wimcast/node/transport"
)

// Local is a distribution point's folder, opened: what its administrator does to it, whether the node runs (a Node in that role
// has one inside) or is stopped.
type Local struct {
	folder *folder.Folder
	store  *disk.Store
	files  vfs.FS

	writing sync.RWMutex        // publish takes it shared, gc alone
	casting func(chunk.ID) bool // says whether a running cast sends the chunk; nil: none runs
	listen  string              // where the running node listens; "": none runs
	want    transport.Want      // of the running node's casts
}

// OpenLocal opens the folder of a distribution point. No other process may have it open.
func OpenLocal(dir string) (*Local, error) {
	own, err := folder.Open(dir)
	if err != nil {
		return nil, err
	}
	if !own.IsDistributionPoint() {
		own.Close()
		return nil, fmt.Errorf("open %s: this is a client's folder; a distribution point's is made with 'wimcast site init'", dir)
	}
	files, store, err := own.OpenStore()
	if err != nil {
		own.Close()
		return nil, err
	}
	return &Local{folder: own, store: store, files: files}, nil
}

// Close frees the folder.
func (l *Local) Close() error {
	return errors.Join(l.store.Close(), l.files.Close(), l.folder.Close())
}

// Publish puts a file into store and catalogue. When it fails it leaves nothing behind.
func (l *Local) Publish(ctx context.Context, req PublishRequest, progress func(done, total int64)) (PublishResult, error) {
	put := make(map[chunk.ID]bool)
	l.writing.RLock()
	p, err := publish(ctx, l.folder, l.store, req.Path, publishOptions{
		name: req.Name, version: req.Version, kind: req.Kind, replace: req.Replace, progress: progress, files: l.files, put: put,
	})
	l.writing.RUnlock()
	if err != nil {
		return PublishResult{}, errors.Join(err, l.takeBack(put))
	}
	return PublishResult{
		Name: req.Name, Version: req.Version, Kind: p.kind, Manifest: p.entry.Manifest, Bytes: p.bytes,
		Chunks: p.chunks, NewChunks: p.newChunks, NewBytes: p.newBytes, Changed: p.changed,
	}, nil
}

// takeBack frees the room of chunks that were put in vain, unless another content has come to need them meanwhile.
func (l *Local) takeBack(put map[chunk.ID]bool) error {
	if len(put) == 0 {
		return nil
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	needed, err := l.needed()
	if err != nil {
		return err
	}
	// Also when the publishing was interrupted.
	return l.store.Discard(context.Background(), func(id chunk.ID) bool { return put[id] && !needed(id) })
}

// needed says of chunks whether a content needs them. writing is held.
func (l *Local) needed() (func(chunk.ID) bool, error) {
	live, err := l.folder.Catalogue.LiveChunks()
	if err != nil || l.casting == nil {
		return live.Has, err
	}
	// a content that was removed may still be on its way to somebody
	return func(id chunk.ID) bool { return live.Has(id) || l.casting(id) }, nil
}

// tokenHoursMax is the longest that a token may be good: ten years.
const tokenHoursMax = 10 * 365 * 24

// Token draws an enrolment token. Without addresses it names those of this machine, with the port on which the node listens, or will.
func (l *Local) Token(_ context.Context, req TokenRequest) (TokenResult, error) {
	if req.Hours < 0 || req.Hours > tokenHoursMax || req.Uses < 0 || int64(req.Uses) > math.MaxUint32 {
		return TokenResult{}, fmt.Errorf("make token: %d hours and %d uses: want up to %d hours and %d uses; 0 stands for the default", req.Hours, req.Uses, tokenHoursMax, uint32(math.MaxUint32))
	}
	out := TokenResult{Addresses: req.Addresses}
	if len(out.Addresses) == 0 {
		var err error
		if out.Addresses, out.LeftOut, err = l.addresses(); err != nil {
			return TokenResult{}, err
		}
	}
	policy := catalog.TokenPolicy{Uses: uint32(req.Uses), TTL: time.Duration(req.Hours) * time.Hour}
	t, err := l.folder.Catalogue.NewToken(out.Addresses, policy, time.Now())
	if err != nil {
		return TokenResult{}, err
	}
	out.Token = t.String()
	return out, nil
}

// Contents lists the catalogue.
func (l *Local) Contents(context.Context) ([]Content, error) {
	var out []Content
	head, _, _ := l.folder.Catalogue.Head()
	for _, e := range head.Entries {
		_, signed, err := l.folder.Catalogue.Get(catalog.Ref{Name: e.Name, Version: e.Version})
		if err != nil {
			return nil, err
		}
		m := signed.Manifest
		out = append(out, Content{
			Name: e.Name, Version: e.Version, Kind: m.Kind, Bytes: int64(m.Size), Chunks: len(m.Chunks),
			Manifest: e.Manifest, Digest: m.Digest,
		})
	}
	return out, nil
}

// Remove removes a content from the catalogue. Its chunks stay until GC.
func (l *Local) Remove(_ context.Context, name, version string) error {
	return l.folder.Catalogue.Remove(name, version)
}

// GC frees the chunks that no content needs.
func (l *Local) GC(ctx context.Context) (GCResult, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	needed, err := l.needed()
	if err != nil {
		return GCResult{}, err
	}
	st, err := l.store.GC(ctx, needed)
	return GCResult{Chunks: st.Chunks, BytesBefore: st.BytesBefore, BytesAfter: st.BytesAfter, Damaged: st.Damaged}, err
}

// Verify reads every chunk of every content and returns what is damaged or missing, a line each.
func (l *Local) Verify(ctx context.Context) (VerifyResult, error) {
	var result VerifyResult
	if err := l.store.Scrub(ctx, func(d *chunk.DamagedError) { result.Damaged = append(result.Damaged, d.Error()) }); err != nil {
		return result, err
	}
	head, _, _ := l.folder.Catalogue.Head()
	for _, e := range head.Entries {
		_, signed, err := l.folder.Catalogue.Get(catalog.Ref{Name: e.Name, Version: e.Version})
		if err != nil {
			return result, err
		}
		missing := 0
		for _, c := range signed.Manifest.Chunks {
			if !l.store.Has(c.ID) {
				missing++
			}
		}
		result.Contents++
		if missing > 0 {
			result.Incomplete = append(result.Incomplete, fmt.Sprintf("%s@%s lacks %d of %d chunks; publish it again", e.Name, e.Version, missing, len(signed.Manifest.Chunks)))
		}
	}
	result.Chunks = l.store.Stats().Chunks
	return result, nil
}
