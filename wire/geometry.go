package wire

import "github.com/wimcast/wimcast/chunk"

// Block is the index of a block in a cast.
type Block = chunk.Block

// Symbol is the index of a symbol in its block: 0..k-1 source, k..k+63 parity.
type Symbol uint16

// Seq numbers the datagrams of one run, from 1. It is also the AEAD nonce.
type Seq uint64

// Geometry of a block, see docs/protocol.md.
const (
	SymbolSize    = 1408
	ParitySymbols = 64
	MaxSource     = (chunk.MaxSize + SymbolSize - 1) / SymbolSize // 187
)

// MaxSeq is the last sequence of a run: more datagrams would wear out the run key.
const MaxSeq Seq = 1 << 28
