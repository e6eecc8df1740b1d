package wim

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Progress says how far a Verify or a Writer is.
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

// Verify reads every resource, checks its SHA-1, and checks that every tree can be read and that there is a resource for each of its streams;
// then it checks the integrity tables, if there are any. It decodes on as many goroutines as there are processors, each run once and in
// the order of the file, and holds less than 200 MiB, unless a single piece of a solid run is over 64 MiB. progress, which may be nil, is
// called from one goroutine at a time.
func (f *File) Verify(ctx context.Context, progress func(Progress)) error {
	if err := f.VerifyContents(ctx, progress); err != nil {
		return err
	}
	return f.VerifyIntegrity(ctx)
}

// VerifyContents is Verify without the integrity tables.
func (f *File) VerifyContents(ctx context.Context, progress func(Progress)) error {
	m := &meter{fn: progress}
	for i := range f.placed {
		if r := &f.resources[i]; !r.metadata() {
			m.total += f.sizeOf(r)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	v := newVerifier(ctx, f, m)
	for range runtime.GOMAXPROCS(0) {
		g.Go(v.work)
	}
	g.Go(func() error {
		for n := range f.metadata {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := f.verifyTree(n + 1); err != nil {
				v.fail()
				return err
			}
		}
		return nil
	})
	defer context.AfterFunc(ctx, v.fail)()
	return g.Wait()
}

// verifyTree checks that a tree can be read and that the file has what it names.
func (f *File) verifyTree(n int) error {
	t, err := f.Tree(n)
	if err != nil {
		return err
	}
	entry := func(d *Dentry, _ At) error {
		for _, s := range d.Streams {
			if s.Hash.IsZero() {
				continue
			}
			if _, ok := f.IndexOf(s.Hash); ok {
				continue
			}
			if _, err := f.Find(s.Hash); err != nil {
				return corruptf("verify image %d: %q: %w", n, d.Path(), err)
			}
		}
		return nil
	}
	return t.Walk(nil, func(d *Dentry, at At) error {
		if d.Parent == nil {
			return entry(d, at)
		}
		return nil
	}, entry)
}
