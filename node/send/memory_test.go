package send

import (
	"context"
	"errors"
	"testing"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/wire"
)

// patchy holds chunks that may be lost and come back. The readers are idle while a test changes it.
type patchy struct {
	data map[chunk.ID][]byte
	gets int
}

func (p *patchy) Get(_ context.Context, id chunk.ID, buf []byte) ([]byte, error) {
	p.gets++
	if p.data[id] == nil {
		return nil, chunk.ErrNotHeld
	}
	return append(buf[:0], p.data[id]...), nil
}

// TestBlockThatIsPublishedAgainIsReadAgain: one that could not be read is forgotten, so that the machine can ask for it anew.
func TestBlockThatIsPublishedAgainIsReadAgain(t *testing.T) {
	data := []byte("a chunk")
	id := chunk.Sum(data)
	store := &patchy{data: make(map[chunk.ID][]byte)}
	ctx, cancel := context.WithCancel(t.Context())
	m := newMemory(store, []catalog.ManifestChunk{{ID: id, Size: uint32(len(data))}})
	m.start(ctx)
	defer m.wg.Wait()
	defer cancel()
	if _, err := m.symbol(0, 0); !errors.Is(err, errNotLoaded) {
		t.Fatalf("before it is loaded: %v", err)
	}
	for range 3 {
		m.load(0)
		l := <-m.read
		if m.put(l); !errors.Is(l.err, chunk.ErrNotHeld) {
			t.Fatalf("while the store lacks it: %v", l.err)
		}
		if _, err := m.symbol(0, 0); !errors.Is(err, errNotLoaded) {
			t.Fatalf("it was not read: %v", err)
		}
	}
	store.data[id] = data
	m.load(0)
	m.put(<-m.read)
	for _, i := range []wire.Symbol{0, 1} { // source, parity
		if _, err := m.symbol(0, i); err != nil {
			t.Errorf("symbol %d: %v", i, err)
		}
	}
	if store.gets != 4 || len(m.spare) != 0 || len(m.blocks) != 1 {
		t.Errorf("%d reads, %d spare blocks, %d in memory; want 4, 0 and 1: the memory of a failure serves the next one", store.gets, len(m.spare), len(m.blocks))
	}
	m.unload(0)
	if _, err := m.symbol(0, 0); !errors.Is(err, errNotLoaded) || len(m.spare) != 1 {
		t.Errorf("after it is unloaded: %v, %d spare blocks", err, len(m.spare))
	}
}
