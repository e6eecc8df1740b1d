package apply

import (
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"sort"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/wim"
)

// blockMap says where the blocks of a content stand in the file.
type blockMap struct {
	chunks  []Chunk
	starts  []int64                 // offset of every chunk, and the file's size behind the last
	repeats map[chunk.Block][]int32 // later positions of blocks that have any
}

// newBlockMap checks a content and maps it. Blocks that are left in the file may have any size.
func newBlockMap(c Content, left bool) (*blockMap, error) {
	if len(c.Chunks) == 0 || len(c.Chunks) > chunk.MaxChunks {
		return nil, fmt.Errorf("map content: %d chunks, want 1 to %d", len(c.Chunks), chunk.MaxChunks)
	}
	m := &blockMap{chunks: c.Chunks, starts: make([]int64, len(c.Chunks)+1), repeats: map[chunk.Block][]int32{}}
	for i, ch := range c.Chunks {
		if ch.Size == 0 || ch.Size > chunk.MaxSize && !left {
			return nil, fmt.Errorf("map content: chunk %d has %d bytes, want 1 to %d", i, ch.Size, chunk.MaxSize)
		}
		if ch.Block != chunk.Block(i) {
			if ch.Block > chunk.Block(i) || c.Chunks[ch.Block].Block != ch.Block || c.Chunks[ch.Block].Size != ch.Size {
				return nil, fmt.Errorf("map content: chunk %d cannot be a repetition of chunk %d", i, ch.Block)
			}
			m.repeats[ch.Block] = append(m.repeats[ch.Block], int32(i))
		}
		m.starts[i+1] = m.starts[i] + int64(ch.Size)
	}
	return m, nil
}

// size is the length of the file.
func (m *blockMap) size() int64 { return m.starts[len(m.chunks)] }

// valid reports whether there is such a block.
func (m *blockMap) valid(block chunk.Block) bool {
	return int(block) < len(m.chunks) && m.chunks[block].Block == block
}

// positions calls fn with the offset of every place where a block stands.
func (m *blockMap) positions(block chunk.Block, fn func(off int64)) {
	fn(m.starts[block])
	for _, i := range m.repeats[block] {
		fn(m.starts[i])
	}
}

// covering calls fn with every chunk that has a byte in [off, end), in order: its block, and where it starts and ends.
func (m *blockMap) covering(off, end int64, fn func(block chunk.Block, from, to int64)) {
	i := sort.Search(len(m.chunks), func(i int) bool { return m.starts[i+1] > off })
	for ; i < len(m.chunks) && m.starts[i] < end; i++ {
		fn(m.chunks[i].Block, m.starts[i], m.starts[i+1])
	}
}

// mapBlocks finds the needed blocks.
func (p *plan) mapBlocks() {
	p.need = newBlockSet(len(p.blocks.chunks))
	for i := range p.runs(0, p.count()) {
		if at := p.placeOf(i); isWhole(at) {
			p.blocks.covering(at.Offset, at.End(), func(b chunk.Block, _, _ int64) { p.need.set(b) })
		} else {
			p.coverWanted(p.newRun(i), p.need.set)
		}
	}
}

// coverWanted calls fn with the blocks that hold what must be put of a run; with one block maybe more than once.
func (p *plan) coverWanted(r *run, fn func(block chunk.Block)) {
	r.wanted(func(from, to int64) {
		p.blocks.covering(r.Offset+from, r.Offset+to, func(b chunk.Block, _, _ int64) { fn(b) })
	})
}

// overlaps calls fn with every needed run that has a byte in [off, end) of the file, and which of its bytes.
func (p *plan) overlaps(off, end int64, fn func(i int, at wim.Place, from, to int64)) {
	n := p.count()
	first := sort.Search(n, func(i int) bool { return p.placeOf(i).End() > off })
	for i := range p.runs(first, n) {
		at := p.placeOf(i)
		if at.Offset >= end {
			return
		}
		fn(i, at, max(0, off-at.Offset), min(at.StoredSize, end-at.Offset))
	}
}

// set is a set of small numbers.
type set[I ~int | ~uint32] []uint64

type (
	bitset   = set[int]         // of resources, files or directories, by their index
	blockSet = set[chunk.Block] // of blocks
)

func newBitset(n int) bitset     { return make(bitset, (n+63)/64) }
func newBlockSet(n int) blockSet { return make(blockSet, (n+63)/64) }

func (b set[I]) has(i I) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b set[I]) set(i I)      { b[i/64] |= 1 << (i % 64) }
func (b set[I]) clear(i I)    { b[i/64] &^= 1 << (i % 64) }

// next returns the first member from i on, or -1.
func (b set[I]) next(i I) int {
	for n := int(i / 64); n < len(b); n++ {
		word := b[n]
		if n == int(i/64) {
			word &= ^uint64(0) << (i % 64)
		}
		if word != 0 {
			return n*64 + bits.TrailingZeros64(word)
		}
	}
	return -1
}

// each returns the members, ascending.
func (b set[I]) each() iter.Seq[I] {
	return func(yield func(I) bool) {
		for i, word := range b {
			for ; word != 0; word &= word - 1 {
				if !yield(I(i*64 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}

// list returns the members, ascending.
func (b set[I]) list() []I { return slices.Collect(b.each()) }

// spans is a set of bytes: sorted ranges that neither touch nor overlap.
type spans []span

type span struct{ from, to int64 }

// add puts [from, to) into the set.
func (s *spans) add(from, to int64) {
	if from >= to {
		return
	}
	v := *s
	i := sort.Search(len(v), func(i int) bool { return v[i].to >= from })
	j := i
	for ; j < len(v) && v[j].from <= to; j++ {
		from, to = min(from, v[j].from), max(to, v[j].to)
	}
	*s = slices.Replace(v, i, j, span{from, to})
}

// has reports whether all of [from, to) is in the set.
func (s spans) has(from, to int64) bool {
	if from >= to {
		return true
	}
	i := sort.Search(len(s), func(i int) bool { return s[i].to > from })
	return i < len(s) && s[i].from <= from && s[i].to >= to
}

// holes calls fn with every range of [from, to) that is not in the set, in order.
func (s spans) holes(from, to int64, fn func(from, to int64)) {
	i := sort.Search(len(s), func(i int) bool { return s[i].to > from })
	for ; i < len(s) && s[i].from < to; i++ {
		if s[i].from > from {
			fn(from, s[i].from)
		}
		from = s[i].to
	}
	if from < to {
		fn(from, to)
	}
}

// common calls fn with every range of [from, to) that is in the set, in order.
func (s spans) common(from, to int64, fn func(from, to int64)) {
	i := sort.Search(len(s), func(i int) bool { return s[i].to > from })
	for ; i < len(s) && s[i].from < to; i++ {
		fn(max(from, s[i].from), min(to, s[i].to))
	}
}

// size is how much of [from, to) is in the set.
func (s spans) size(from, to int64) (n int64) {
	s.common(from, to, func(a, b int64) { n += b - a })
	return n
}

// prefix is the length of the run that starts at 0.
func (s spans) prefix() int64 {
	if len(s) > 0 && s[0].from == 0 {
		return s[0].to
	}
	return 0
}
