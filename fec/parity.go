package fec

import (
	"fmt"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/wire"
)

// ParityBytes is the size of all parity symbols of one block.
const ParityBytes = wire.ParitySymbols * wire.SymbolSize

// Source returns k, the number of source symbols of a block of size bytes, or 0 when size is not 1..chunk.MaxSize.
func Source(size int) int {
	if size < 1 || size > chunk.MaxSize {
		return 0
	}
	return (size + wire.SymbolSize - 1) / wire.SymbolSize
}

// Parity appends the parity symbols of the block data to dst[:0] and returns the ParityBytes bytes: parity symbol k+j is at
// j*wire.SymbolSize. It allocates the result only when dst has less capacity than that. The only error is a block
// that is empty or longer than chunk.MaxSize.
func Parity(dst, data []byte) ([]byte, error) {
	k := Source(len(data))
	if k == 0 {
		return nil, fmt.Errorf("make parity of %d bytes: a block has 1 to %d bytes", len(data), chunk.MaxSize)
	}
	if cap(dst) < ParityBytes {
		dst = make([]byte, ParityBytes)
	}
	dst = dst[:ParityBytes]
	s := getScratch()
	defer putScratch(s)
	for i := range k - 1 {
		s.shards[i] = data[i*wire.SymbolSize : (i+1)*wire.SymbolSize]
	}
	last := s.last[:]
	clear(last[copy(last, data[(k-1)*wire.SymbolSize:]):])
	s.shards[k-1] = last
	for j := range wire.ParitySymbols {
		s.shards[k+j] = dst[j*wire.SymbolSize : (j+1)*wire.SymbolSize : (j+1)*wire.SymbolSize]
	}
	if err := codec(k).Encode(s.shards[:k+wire.ParitySymbols]); err != nil {
		return nil, fmt.Errorf("make parity of %d bytes: %w", len(data), err)
	}
	return dst, nil
}

// Symbol returns the bytes of symbol i of the block data as they go on the wire: a piece of data, or of the parity that
// Parity made of it (which may be nil as long as only source symbols are asked for). It returns nil when there is no such
// symbol.
func Symbol(data, parity []byte, i wire.Symbol) []byte {
	k := Source(len(data))
	switch {
	case k == 0:
		return nil
	case int(i) < k:
		from := int(i) * wire.SymbolSize
		return data[from:min(from+wire.SymbolSize, len(data))]
	}
	from := (int(i) - k) * wire.SymbolSize
	if from+wire.SymbolSize > len(parity) || from >= ParityBytes {
		return nil
	}
	return parity[from : from+wire.SymbolSize]
}
