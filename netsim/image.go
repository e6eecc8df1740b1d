package netsim

import (
	"math/rand/v2"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/fec"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// image is content to be cast.
type image struct {
	chunks [][]byte
	sender []distributor.Block
	peer   []peer.Block
	bytes  int64
	parity map[wire.Block][]byte // of blocks sent lately
}

// parityMax is how many blocks' parity an image keeps.
const parityMax = 64

// newImage draws chunks of avg/2 to avg*3/2 bytes.
func newImage(rng *rand.Rand, blocks, avg, prologue int) *image {
	im := &image{parity: map[wire.Block][]byte{}}
	for i := range blocks {
		size := min(max(avg/2+rng.IntN(avg+1), 1), chunk.MaxSize)
		b := make([]byte, size)
		fill(b, rng.Uint64())
		im.chunks = append(im.chunks, b)
		im.sender = append(im.sender, distributor.Block{Size: uint32(size), Prologue: i < prologue})
		im.peer = append(im.peer, peer.Block{ID: chunk.Sum(b), Size: uint32(size)})
		im.bytes += int64(size)
	}
	return im
}

// fill writes pseudo-random bytes (xorshift).
func fill(b []byte, x uint64) {
	x |= 1
	for i := range b {
		if i%8 == 0 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		b[i] = byte(x >> (i % 8 * 8))
	}
}

// symbol returns the bytes of one symbol.
func (im *image) symbol(i wire.Block, s wire.Symbol) []byte {
	data := im.chunks[i]
	if int(s) < fec.Source(len(data)) {
		return fec.Symbol(data, nil, s)
	}
	p, ok := im.parity[i]
	if !ok {
		if len(im.parity) >= parityMax {
			clear(im.parity)
		}
		var err error
		if p, err = fec.Parity(nil, data); err != nil {
			panic("netsim: " + err.Error())
		}
		im.parity[i] = p
	}
	return fec.Symbol(data, p, s)
}
