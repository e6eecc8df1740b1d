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

func (p *patchy) Has(id chunk.ID) bool { return p.data[id] != nil }

func (p *patchy) Get(_ context.Context, id chunk.ID, buf []byte) ([]byte, error) {
	p.gets++
	if p.data[id] == nil {
		return nil, chunk.ErrNotHeld
	}
	return append(buf[:0], p.data[id]...), nil
}

// TestBlockThatIsPublishedAgainIsReadAgain: the machine counts it as in memory all the while.
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
	m.load(0)
	if !m.put(<-m.read) {
		t.Fatal("the machine does not hear that the block cannot be read")
	}
	for range 3 {
		if _, err := m.symbol(0, 0); !errors.Is(err, chunk.ErrNotHeld) || m.again != nil {
			t.Fatalf("while the store lacks it: %v", err)
		}
	}
	store.data[id] = data
	for range 3 { // one reading for all who ask
		if _, err := m.symbol(0, 0); !errors.Is(err, chunk.ErrNotHeld) {
			t.Fatalf("while it is read again: %v", err)
		}
	}
	if m.put(<-m.read) {
		t.Error("the machine hears of a block that it knows")
	}
	for _, i := range []wire.Symbol{0, 1} { // source, parity
		if _, err := m.symbol(0, i); err != nil {
			t.Errorf("symbol %d: %v", i, err)
		}
	}
	if store.gets != 2 || len(m.spare) != 1 {
		t.Errorf("%d reads, %d spare blocks; want 2 and 1", store.gets, len(m.spare))
	}
}

// TestBlockThatIsGivenUpWhileItIsReadAgain: what comes then is nobody's.
func TestBlockThatIsGivenUpWhileItIsReadAgain(t *testing.T) {
	data := []byte("a chunk")
	id := chunk.Sum(data)
	store := &patchy{data: make(map[chunk.ID][]byte)}
	ctx, cancel := context.WithCancel(t.Context())
	m := newMemory(store, []catalog.ManifestChunk{{ID: id, Size: uint32(len(data))}})
	m.start(ctx)
	defer m.wg.Wait()
	defer cancel()
	m.load(0)
	m.put(<-m.read)
	store.data[id] = data
	m.symbol(0, 0)
	m.unload(0)
	if m.put(<-m.read) || m.blocks[0] != nil || m.again != nil || len(m.spare) != 2 {
		t.Errorf("block %v, again %v, %d spare", m.blocks[0], m.again, len(m.spare))
	}
	m.load(0)
	if !m.put(<-m.read) {
		t.Error("the machine does not hear that the block is there")
	}
	if _, err := m.symbol(0, 0); err != nil {
		t.Error(err)
	}
}
