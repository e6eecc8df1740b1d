package fec

import (
	"fmt"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/wire"
)

// Block collects the symbols of one block until they suffice to give the chunk back. It holds at most k symbols.
// The zero Block must be Reset before use.
type Block struct {
	size   int
	k      int
	have   int
	got    [(maxShards + 63) / 64]uint64 // bitmap of the symbols held
	data   []byte                        // source symbols in place, k*wire.SymbolSize bytes; nil until the first symbol
	parity []paritySymbol
}

type paritySymbol struct {
	index wire.Symbol
	data  [wire.SymbolSize]byte
}

// NewBlock returns an empty Block for a chunk of size bytes, 1..chunk.MaxSize.
func NewBlock(size int) (*Block, error) {
	b := new(Block)
	return b, b.Reset(size, nil)
}

// Reset empties b for a chunk of size bytes and gives it buf to work in, if buf's capacity suffices (BufferSize); b owns
// buf from then on. A Block that is used again keeps its memory for parity.
func (b *Block) Reset(size int, buf []byte) error {
	k := Source(size)
	if k == 0 {
		return fmt.Errorf("start block of %d bytes: a block has 1 to %d bytes", size, chunk.MaxSize)
	}
	b.size, b.k, b.have = size, k, 0
	b.got = [len(b.got)]uint64{}
	b.parity = b.parity[:0]
	b.data = nil
	if cap(buf) >= k*wire.SymbolSize {
		b.data = buf[:k*wire.SymbolSize]
	}
	return nil
}

// BufferSize returns the capacity of a buffer that Reset can use for a chunk of size bytes.
func BufferSize(size int) int { return Source(size) * wire.SymbolSize }

// Source returns k: how many distinct symbols b needs in all.
func (b *Block) Source() int { return b.k }

// Need returns how many more distinct symbols b needs.
func (b *Block) Need() int { return b.k - b.have }

// Has says whether b holds symbol i.
func (b *Block) Has(i wire.Symbol) bool {
	return int(i) < maxShards && b.got[i/64]>>(i%64)&1 == 1
}

// Add copies symbol i into b. It returns false when b has no use for it: it holds that symbol or needs none. The error
// says that there is no such symbol or that it does not have the length it must have; b is then unchanged.
func (b *Block) Add(i wire.Symbol, symbol []byte) (bool, error) {
	if int(i) >= b.k+wire.ParitySymbols {
		return false, fmt.Errorf("add symbol %d: block has %d", i, b.k+wire.ParitySymbols)
	}
	want := wire.SymbolSize
	if int(i) == b.k-1 {
		want = b.size - (b.k-1)*wire.SymbolSize
	}
	if len(symbol) != want {
		return false, fmt.Errorf("add symbol %d: %d bytes, must be %d", i, len(symbol), want)
	}
	if b.Need() == 0 || b.Has(i) {
		return false, nil
	}
	if b.data == nil {
		b.data = make([]byte, b.k*wire.SymbolSize)
	}
	if int(i) < b.k {
		copy(b.data[int(i)*wire.SymbolSize:], symbol)
	} else {
		b.parity = append(b.parity, paritySymbol{index: i})
		copy(b.parity[len(b.parity)-1].data[:], symbol)
	}
	b.got[i/64] |= 1 << (i % 64)
	b.have++
	return true, nil
}

// Decode returns the chunk. It is the caller's from then on; b is empty and must be Reset before it is used again. It fails
// when Need is not zero. Symbols that were not of the block give a wrong chunk, not an error: compare its chunk.ID.
func (b *Block) Decode() ([]byte, error) {
	if b.Need() != 0 || b.k == 0 {
		return nil, fmt.Errorf("decode block: %d of %d symbols are missing", b.Need(), b.k)
	}
	clear(b.data[b.size:])
	if len(b.parity) > 0 {
		if err := b.reconstruct(); err != nil {
			return nil, fmt.Errorf("decode block of %d bytes: %w", b.size, err)
		}
	}
	data := b.data[:b.size]
	b.data, b.have, b.k = nil, 0, 0
	return data, nil
}

// reconstruct fills in the missing source symbols.
func (b *Block) reconstruct() error {
	s := getScratch()
	defer putScratch(s)
	for i := range b.k {
		from, to := i*wire.SymbolSize, (i+1)*wire.SymbolSize
		if !b.Has(wire.Symbol(i)) {
			to = from // the code writes a missing symbol into the capacity of its empty slice
		}
		s.shards[i] = b.data[from : to : (i+1)*wire.SymbolSize]
	}
	for i := range b.parity {
		s.shards[b.parity[i].index] = b.parity[i].data[:]
	}
	return codec(b.k).ReconstructData(s.shards[:b.k+wire.ParitySymbols])
}
