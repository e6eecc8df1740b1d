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
	from   chunk.Getter
	chunks []catalog.ManifestChunk

	blocks map[wire.Block]*loaded
	spare  []*loaded // whose memory serves the next ones

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

func newMemory(from chunk.Getter, chunks []catalog.ManifestChunk) *memory {
	return &memory{
		from: from, chunks: chunks, blocks: make(map[wire.Block]*loaded),
		wanted: make(chan *loaded, memoryBlocks), read: make(chan *loaded, memoryBlocks),
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
func (m *memory) load(b wire.Block) {
	l := new(loaded)
	if n := len(m.spare); n > 0 {
		l, m.spare = m.spare[n-1], m.spare[:n-1]
	}
	l.block, l.parity, l.err = b, l.parity[:0], nil
	m.wanted <- l
}

// put takes a block from its reader, if it could be read.
func (m *memory) put(l *loaded) {
	if l.err != nil {
		m.spare = append(m.spare, l)
		return
	}
	m.blocks[l.block] = l
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
	if int(i) >= fec.Source(len(l.data)) && len(l.parity) == 0 {
		var err error
		if l.parity, err = fec.Parity(l.parity, l.data); err != nil {
			return nil, err
		}
	}
	return fec.Symbol(l.data, l.parity, i), nil
}
