package lzms

import (
	"encoding/binary"
	"math/bits"
)

const (
	deltaHashBits = 17
	minDelta      = 3 // the shortest delta match that is looked for
	highBits      = 0x8080808080808080
)

// deltaFinder finds delta matches: for each power the latest place where the same differences began.
type deltaFinder struct {
	last  [1 << deltaHashBits]uint32 // position, by power and differences
	shift uint
}

func (d *deltaFinder) reset(size int) {
	n := smallBits(size, deltaHashBits)
	d.shift = uint(32 - n)
	clear(d.last[:1<<n])
}

// smallBits is how many of at most most bits of a hash are worth their clearing.
func smallBits(size, most int) int { return min(max(bits.Len(uint(size)), 8), most) }

// minus is a - b, byte by byte.
func minus(a, b uint64) uint64 {
	return (a | highBits) - b&^highBits ^ (a^^b)&highBits
}

// differences of the eight bytes at pos to those span before.
func differences(data []byte, pos, span int) uint64 {
	return minus(binary.LittleEndian.Uint64(data[pos:]), binary.LittleEndian.Uint64(data[pos-span:]))
}

// deltaLength is the length of the delta match at pos, up to limit. offset + span must not be above pos.
func deltaLength(data []byte, pos, offset, span, limit int) int {
	for n := 0; n < limit; n += 8 {
		if x := differences(data, pos+n, span) ^ differences(data, pos+n-offset, span); x != 0 {
			return min(n+bits.TrailingZeros64(x)>>3, limit)
		}
	}
	return limit
}

func (d *deltaFinder) slot(word uint64, power, pos int) *uint32 {
	phase := uint32(pos&(1<<power-1)) + uint32(1)<<power
	return &d.last[(uint32(word)<<8+phase)*0x9e3779b1>>d.shift&(1<<deltaHashBits-1)]
}

// look enters pos and gives the place before with the same differences at that power, or 0.
func (d *deltaFinder) look(data []byte, pos, power int) int {
	span := 1 << power
	if pos < 2*span {
		return 0
	}
	word := differences(data, pos, span)
	slot := d.slot(word, power, pos)
	at := int(*slot)
	*slot = uint32(pos)
	// Differences of zero are an ordinary match.
	if uint32(word)<<8 == 0 || at < span || at == pos || (pos-at)&(span-1) != 0 {
		return 0
	}
	return at
}
