package send

import (
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/fec"
	"github.com/wimcast/wimcast/wire"
)

// blocksOf lists a content's blocks for the sending machine.
func blocksOf(m *catalog.Manifest, l *catalog.Layout) []distributor.Block {
	blocks := make([]distributor.Block, len(m.Chunks))
	for i, c := range m.Chunks {
		if l.IsBlock(uint32(i)) {
			blocks[i] = distributor.Block{Size: c.Size, Prologue: l.Prologue(chunk.Block(i))}
		}
	}
	return blocks
}

// blockCacheMax is how many blocks' bytes and parity a cast keeps: at most 350 KiB each, so 14 MiB.
const blockCacheMax = 40

// blockCache gives the symbols of a content's blocks, reading a chunk and making its parity when first asked for.
type blockCache struct {
	from    chunk.Getter
	chunks  []catalog.ManifestChunk
	blocks  map[wire.Block]*cachedBlock
	oldest  []wire.Block // in the order in which they were read
	damaged map[wire.Block]error
}

type cachedBlock struct{ data, parity []byte }

func newBlockCache(from chunk.Getter, chunks []catalog.ManifestChunk) *blockCache {
	return &blockCache{from: from, chunks: chunks, blocks: make(map[wire.Block]*cachedBlock), damaged: make(map[wire.Block]error)}
}

// symbol returns the bytes of symbol i of block b, valid until the next call.
func (c *blockCache) symbol(b wire.Block, i wire.Symbol) ([]byte, error) {
	blk, err := c.block(b)
	if err != nil {
		return nil, err
	}
	if int(i) >= fec.Source(len(blk.data)) && len(blk.parity) == 0 {
		if blk.parity, err = fec.Parity(blk.parity, blk.data); err != nil {
			return nil, err
		}
	}
	return fec.Symbol(blk.data, blk.parity, i), nil
}

func (c *blockCache) block(b wire.Block) (*cachedBlock, error) {
	if blk := c.blocks[b]; blk != nil {
		return blk, nil
	}
	if err := c.damaged[b]; err != nil && !c.back(b) {
		return nil, err
	}
	blk := new(cachedBlock)
	if len(c.oldest) >= blockCacheMax { // the oldest one's memory serves the new one
		old := c.oldest[0]
		c.oldest = append(c.oldest[:0], c.oldest[1:]...)
		blk = c.blocks[old]
		blk.parity = blk.parity[:0]
		delete(c.blocks, old)
	}
	data, err := c.from.Get(c.chunks[b].ID, blk.data)
	if err != nil {
		c.damaged[b] = err
		return nil, err
	}
	delete(c.damaged, b)
	blk.data = data
	c.blocks[b] = blk
	c.oldest = append(c.oldest, b)
	return blk, nil
}

// back says whether a chunk that could not be read is there again: published once more.
func (c *blockCache) back(b wire.Block) bool {
	held, ok := c.from.(interface{ Has(id chunk.ID) bool })
	return ok && held.Has(c.chunks[b].ID)
}
