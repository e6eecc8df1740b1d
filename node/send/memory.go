package send

import (
	"context"
	"errors"
	"sync"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/fec"
	"github.com/wimcast/wimcast/wire"
)

// Limits of a cast's memory.
const (
	memoryBlocks = 40 // blocks whose bytes and parity a cast keeps: at most 350 KiB each, so 14 MiB
	readersMax   = 8  // blocks being read at a time
)

// Source is what a cast reads from: of a chunk.Store, what it needs.
type Source interface {
	chunk.Getter
	Has(id chunk.ID) bool
}

// blocksOf lists a content's blocks for the machine.
func blocksOf(content *catalog.SignedManifest) []distributor.Block {
	chunks := content.Manifest.Chunks
	blocks := make([]distributor.Block, len(chunks))
	for i, c := range chunks {
		b := content.Layout.First(uint32(i))
		blocks[b].Size = c.Size
		blocks[b].Prologue = blocks[b].Prologue || c.Prologue // of any of its positions
	}
	return blocks
}

// memory has the blocks that the machine wants in memory. They are read by goroutines of their own; all else is the
// cast's goroutine's.
type memory struct {
	from   Source
	chunks []catalog.ManifestChunk

	blocks map[wire.Block]*loaded
	spare  []*loaded // whose memory serves the next ones
	again  *loaded   // the one that is being read anew, or nil

	wanted chan *loaded // to the readers
	read   chan *loaded // from them; never full
	wg     sync.WaitGroup
}

// loaded is a block in memory, or on its way there, when it is its reader's.
type loaded struct {
	block        wire.Block
	data, parity []byte
	err          error // why it cannot be read
}

var errNotLoaded = errors.New("the block is not in memory")

func newMemory(from Source, chunks []catalog.ManifestChunk) *memory {
	const most = memoryBlocks + 1 // those of the machine, and again
	return &memory{
		from: from, chunks: chunks, blocks: make(map[wire.Block]*loaded),
		wanted: make(chan *loaded, most), read: make(chan *loaded, most),
	}
}

// start starts the readers. They end with ctx; then wg is done.
func (m *memory) start(ctx context.Context) {
	for range readersMax {
		m.wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case l := <-m.wanted:
					l.data, l.err = m.get(ctx, l)
					m.read <- l
				}
			}
		})
	}
}

// get reads a block into its memory, which is kept when that fails.
func (m *memory) get(ctx context.Context, l *loaded) ([]byte, error) {
	data, err := m.from.Get(ctx, m.chunks[l.block].ID, l.data)
	if err != nil {
		return l.data[:0], err
	}
	return data, nil
}

// load has a block read.
func (m *memory) load(b wire.Block) { m.wanted <- m.take(b) }

func (m *memory) take(b wire.Block) *loaded {
	l := new(loaded)
	if n := len(m.spare); n > 0 {
		l, m.spare = m.spare[n-1], m.spare[:n-1]
	}
	l.block, l.parity, l.err = b, l.parity[:0], nil
	return l
}

// put takes a block from its reader. It reports whether the machine waits for it.
func (m *memory) put(l *loaded) bool {
	if l != m.again {
		m.blocks[l.block] = l
		return true
	}
	m.again = nil
	if old := m.blocks[l.block]; old != nil && old.err != nil { // nobody has done without it meanwhile
		m.blocks[l.block], l = l, old
	}
	m.spare = append(m.spare, l)
	return false
}

// unload forgets a block.
func (m *memory) unload(b wire.Block) {
	m.spare = append(m.spare, m.blocks[b])
	delete(m.blocks, b)
}

// symbol returns the bytes of symbol i of block b, valid until the next call.
func (m *memory) symbol(b wire.Block, i wire.Symbol) ([]byte, error) {
	l := m.blocks[b]
	if l == nil {
		return nil, errNotLoaded
	}
	if l.err != nil {
		m.retry(b)
		return nil, l.err
	}
	if int(i) >= fec.Source(len(l.data)) && len(l.parity) == 0 {
		var err error
		if l.parity, err = fec.Parity(l.parity, l.data); err != nil {
			return nil, err
		}
	}
	return fec.Symbol(l.data, l.parity, i), nil
}

// retry reads a block anew that could not be read, if it is there again: published once more. One at a time.
func (m *memory) retry(b wire.Block) {
	if m.again == nil && m.from.Has(m.chunks[b].ID) {
		m.again = m.take(b)
		m.wanted <- m.again
	}
}
