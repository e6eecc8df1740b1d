package catalog

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/wimcast/wimcast/chunk"
)

// Layout is the arithmetic of a chunk list: offsets, and which positions hold the same chunk. A block's index is the
// position at which its chunk first occurs; later positions of the chunk are never wanted or sent. It takes 16 bytes a
// chunk beside the list, and is read-only: safe for concurrent use.
type Layout struct {
	chunks  []ManifestChunk
	offsets []uint64      // of each position, and the end
	order   []uint32      // positions, sorted by chunk ID, then position
	first   []chunk.Block // of each position
}

// newLayout computes the layout. It fails when one chunk is listed with two sizes.
func newLayout(chunks []ManifestChunk) (*Layout, error) {
	l := &Layout{
		chunks:  chunks,
		offsets: make([]uint64, len(chunks)+1),
		order:   make([]uint32, len(chunks)),
		first:   make([]chunk.Block, len(chunks)),
	}
	for i, c := range chunks {
		l.offsets[i+1] = l.offsets[i] + uint64(c.Size)
		l.order[i] = uint32(i)
	}
	slices.SortFunc(l.order, func(a, b uint32) int {
		return cmp.Or(compareIDs(chunks[a].ID, chunks[b].ID), cmp.Compare(a, b))
	})
	block := chunk.Block(0)
	for i, pos := range l.order {
		if i == 0 || chunks[pos].ID != chunks[block].ID {
			block = chunk.Block(pos)
		}
		if chunks[pos].Size != chunks[block].Size {
			return nil, fmt.Errorf("chunk %v has %d bytes at position %d and %d at position %d",
				chunks[pos].ID, chunks[block].Size, block, chunks[pos].Size, pos)
		}
		l.first[pos] = block
	}
	return l, nil
}

// Len returns the number of positions.
func (l *Layout) Len() int { return len(l.chunks) }

// First returns the block of position i: the position at which its chunk first occurs.
func (l *Layout) First(i uint32) chunk.Block { return l.first[i] }

// IsBlock says whether position i is the first occurrence of its chunk.
func (l *Layout) IsBlock(i uint32) bool { return l.first[i] == chunk.Block(i) }

// Offset returns the content offset of position i in bytes; Offset(Len()) is the content's size.
func (l *Layout) Offset(i uint32) uint64 { return l.offsets[i] }

// At returns the position that holds the byte at content offset off, which must be less than the content's size.
func (l *Layout) At(off uint64) uint32 {
	return uint32(sort.Search(len(l.chunks), func(i int) bool { return l.offsets[i+1] > off }))
}

// positions lists, ascending, every position of block b's chunk; the first is b. The slice is not to be changed.
func (l *Layout) positions(b chunk.Block) []uint32 {
	from, to := l.run(l.chunks[b].ID)
	return l.order[from:to:to]
}

// Prologue says whether any position of block b's chunk belongs to the prologue.
func (l *Layout) Prologue(b chunk.Block) bool {
	return slices.ContainsFunc(l.positions(b), func(i uint32) bool { return l.chunks[i].Prologue })
}

// Find returns the block whose chunk is id.
func (l *Layout) Find(id chunk.ID) (b chunk.Block, ok bool) {
	from, to := l.run(id)
	if from == to {
		return 0, false
	}
	return chunk.Block(l.order[from]), true
}

// run returns the bounds in order of the positions of id.
func (l *Layout) run(id chunk.ID) (from, to int) {
	from = sort.Search(len(l.order), func(i int) bool { return compareIDs(l.chunks[l.order[i]].ID, id) >= 0 })
	n := sort.Search(len(l.order)-from, func(i int) bool { return l.chunks[l.order[from+i]].ID != id })
	return from, from + n
}

func compareIDs(a, b chunk.ID) int { return bytes.Compare(a[:], b[:]) }
