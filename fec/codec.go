package fec

import (
	"sync"

	"github.com/klauspost/reedsolomon"

	"github.com/wimcast/wimcast/wire"
)

// maxShards is the number of symbols of the largest block.
const maxShards = wire.MaxSource + wire.ParitySymbols

// codecs holds the code for each k, made when first needed. A code is immutable once made.
var codecs [wire.MaxSource + 1]struct {
	once sync.Once
	code reedsolomon.Encoder
}

// codec returns the code for k source symbols, 1 <= k <= wire.MaxSource.
func codec(k int) reedsolomon.Encoder {
	c := &codecs[k]
	c.once.Do(func() {
		code, err := reedsolomon.New(k, wire.ParitySymbols,
			reedsolomon.WithLeopardGF(true),
			reedsolomon.WithMaxGoroutines(1),
			reedsolomon.WithInversionCache(false),
			reedsolomon.WithWorkAllocator(workPool{}))
		if err != nil {
			panic(err) // our bug: every k in range is a valid code
		}
		c.code = code
	})
	return c.code
}

// scratch is what one call needs besides its arguments.
type scratch struct {
	shards [maxShards][]byte
	last   [wire.SymbolSize]byte // the last source symbol, padded
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func getScratch() *scratch { return scratches.Get().(*scratch) }

func putScratch(s *scratch) {
	clear(s.shards[:]) // keep no one's buffers alive
	scratches.Put(s)
}

// workPool lends the code its work buffers, for all k from one pool.
type workPool struct{}

// workStride keeps consecutive work buffers from falling into the same cache sets: the code asks for buffers of 32 KiB
// and uses the first wire.SymbolSize bytes of each.
const workStride = wire.SymbolSize + 64

type work struct {
	bufs [][]byte
	size int
}

var works sync.Pool

// Get implements reedsolomon.WorkAllocator.
func (workPool) Get(n, size int) [][]byte {
	if w, _ := works.Get().(*work); w != nil && w.size >= size && cap(w.bufs) >= n {
		bufs := w.bufs[:n]
		for i := range bufs {
			bufs[i] = bufs[i][:size]
		}
		return bufs
	}
	const most = 256 // of a code over GF(2^8)
	n = max(n, most)
	slab := make([]byte, n*(size+workStride))
	bufs := make([][]byte, n)
	for i := range bufs {
		from := i * (size + workStride)
		bufs[i] = slab[from : from+size : from+size]
	}
	return bufs
}

// Put implements reedsolomon.WorkAllocator.
func (workPool) Put(bufs [][]byte) {
	if len(bufs) == 0 {
		return
	}
	bufs = bufs[:cap(bufs)]
	works.Put(&work{bufs: bufs, size: cap(bufs[0])})
}
