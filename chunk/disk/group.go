package disk

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/wimcast/wimcast/chunk"
)

// item is a chunk that was accepted and is not durable yet.
type item struct {
	id   chunk.ID
	data []byte
}

// group gathers chunks and commits them together, so that many writers share one wait for the disk. Until a commit succeeds its
// items stay, in order: a later one tries them again.
type group struct {
	limit  int // bytes of items beyond which put commits by itself
	commit func([]item) error

	commitMu sync.Mutex // held during a commit

	mu    sync.Mutex
	items []item
	known map[chunk.ID]bool
	bytes int
}

func newGroup(limit int, commit func([]item) error) *group {
	return &group{limit: limit, commit: commit, known: map[chunk.ID]bool{}}
}

// put checks data against id and takes a copy of it.
func (g *group) put(id chunk.ID, data []byte) error {
	if len(data) == 0 || len(data) > chunk.MaxSize {
		return fmt.Errorf("put chunk %v: it has %d bytes, want 1 to %d", id, len(data), chunk.MaxSize)
	}
	if chunk.Sum(data) != id {
		return fmt.Errorf("put chunk %v: %w", id, chunk.ErrMismatch)
	}
	for !g.take(id, data) {
		if err := g.sync(); err != nil {
			return err
		}
	}
	return nil
}

// take reports false if there is no room before a commit.
func (g *group) take(id chunk.ID, data []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.known[id]:
		return true
	case g.bytes+len(data) > g.limit:
		return false
	}
	g.items = append(g.items, item{id, bytes.Clone(data)})
	g.known[id] = true
	g.bytes += len(data)
	return true
}

// sync commits all items taken before the call.
func (g *group) sync() error {
	g.commitMu.Lock()
	defer g.commitMu.Unlock()
	g.mu.Lock()
	batch := g.items[:len(g.items):len(g.items)]
	g.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	if err := g.commit(batch); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.items = append([]item(nil), g.items[len(batch):]...)
	for _, it := range batch {
		delete(g.known, it.id)
		g.bytes -= len(it.data)
	}
	return nil
}

// has says whether an item is pending.
func (g *group) has(id chunk.ID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.known[id]
}

// pending returns the items not committed: how many, and their bytes.
func (g *group) pending() (n, size int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.items), g.bytes
}
