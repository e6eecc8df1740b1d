package wim

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Progress says how far a Verify or Capture is.
type Progress struct {
	Done, Total int64 // uncompressed bytes
}

// progressStep is how many bytes lie between two calls of a progress function.
const progressStep = 4 << 20

// meter counts bytes from several goroutines and tells a function about them.
type meter struct {
	mu    sync.Mutex
	fn    func(Progress)
	told  int64
	done  atomic.Int64
	total int64
}

func (m *meter) add(n int64) {
	done := m.done.Add(n)
	if m.fn == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if done-m.told >= progressStep || done == m.total && done > m.told {
		m.told = done
		m.fn(Progress{done, m.total})
	}
}

// Verify reads every resource, on as many goroutines as there are processors, and checks its SHA-1; then every tree, and the integrity
// table if there is one. progress, which may be nil, is called from one goroutine at a time.
func (f *File) Verify(ctx context.Context, progress func(Progress)) error {
	m := &meter{fn: progress}
	for _, i := range f.order {
		m.total += f.resources[i].Size
	}
	if err := f.verifyResources(ctx, m); err != nil {
		return err
	}
	for n := range f.metadata {
		if err := f.verifyTree(n + 1); err != nil {
			return err
		}
	}
	return f.VerifyIntegrity(ctx)
}

func (f *File) verifyResources(ctx context.Context, m *meter) error {
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			var r Reader
			buf := make([]byte, 256<<10)
			for {
				i := next.Add(1) - 1
				if i >= int64(len(f.order)) {
					return nil
				}
				if err := f.verifyOne(ctx, &r, f.resources[f.order[i]], buf, m); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

func (f *File) verifyOne(ctx context.Context, r *Reader, res Resource, buf []byte, m *meter) error {
	if err := r.reset(f, res); err != nil {
		return wrapf(err, "verify resource %s", res.Hash)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(buf)
		m.add(int64(n))
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// verifyTree checks that a tree can be read and that the file has what it names.
func (f *File) verifyTree(n int) error {
	img, err := f.Image(n)
	if err != nil {
		return err
	}
	return img.Walk(func(d *Dentry) error {
		for _, s := range d.Streams {
			if s.Hash.IsZero() {
				continue
			}
			if _, err := f.Find(s.Hash); err != nil {
				return corruptf("verify image %d: %q: %w", n, d.Path(), err)
			}
		}
		return nil
	})
}

// The pieces of the file that an integrity table sums.
const (
	integrityPiece    = 10 << 20 // as written
	minIntegrityPiece = 4 << 10
	maxIntegrityPiece = 128 << 20
)

// VerifyIntegrity checks the integrity table, of each file where there are several: SHA-1 of all bytes from the end of the header to the end of
// the blob table. It is no error to have none.
func (f *File) VerifyIntegrity(ctx context.Context) error {
	for i := range f.volumes {
		if err := f.verifyIntegrity(ctx, &f.volumes[i]); err != nil {
			if name := f.volumes[i].Name; name != "" {
				err = wrapf(err, "check %s", name)
			}
			return err
		}
	}
	return nil
}

func (f *File) verifyIntegrity(ctx context.Context, v *volume) error {
	if v.header.Integrity.StoredSize == 0 {
		return nil
	}
	sums, piece, err := f.integrity(v)
	if err != nil {
		return err
	}
	end := max(v.header.BlobTable.End(), HeaderSize) // a file without images may have no blob table
	buf := make([]byte, min(piece, end-HeaderSize))
	for i := range int64(len(sums) / 20) {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := HeaderSize + i*piece
		p := buf[:min(piece, end-start)]
		if err := readFull(v.R, p, start); err != nil {
			return wrapf(err, "read bytes %d to %d", start, start+int64(len(p)))
		}
		if SHA1(sha1.Sum(p)) != SHA1(sums[20*i:][:20]) {
			return corruptf("check bytes %d to %d against the integrity table: %w", start, start+int64(len(p)), ErrHash)
		}
	}
	return nil
}

// integrity reads the integrity table of one of the files, which there must be: the sums, 20 bytes each, and how many bytes of the file each is of.
func (f *File) integrity(v *volume) (sums []byte, piece int64, err error) {
	at := v.header.Integrity
	end := max(v.header.BlobTable.End(), HeaderSize) // a file without images may have no blob table
	if at.Size < 12 || at.Size > 12+20*((end-HeaderSize)/minIntegrityPiece+1) {
		return nil, 0, corruptf("read integrity table: it has %d bytes", at.Size)
	}
	b, err := f.readPlain(at, v)
	if err != nil {
		return nil, 0, wrapf(err, "read integrity table")
	}
	le := binary.LittleEndian
	size, n, piece := int64(le.Uint32(b)), int64(le.Uint32(b[4:])), int64(le.Uint32(b[8:]))
	if piece < minIntegrityPiece || piece > maxIntegrityPiece || size != at.Size || size != 12+20*n || n != (end-HeaderSize+piece-1)/piece {
		return nil, 0, corruptf("read integrity table: %d sums of %d bytes each", n, piece)
	}
	return b[12:], piece, nil
}
