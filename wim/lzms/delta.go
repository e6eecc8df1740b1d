package lzms

import (
	"encoding/binary"
	"math/bits"
)

const (
	deltaHashBits = 17
	minDelta      = 3 // the shortest delta match that is looked for
	triedPowers   = 5 // larger steps than 16 bytes are rare, and each costs time at every position
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

// look enters pos and gives, for each power, the offset of the latest place with the same three differences, or 0.
func (d *deltaFinder) look(data []byte, pos int, offsets *[triedPowers]int) {
	now := binary.LittleEndian.Uint32(data[pos:])
	for power := range offsets {
		offsets[power] = 0
		span := 1 << power
		if pos < 2*span {
			continue
		}
		// Differences of zero are an ordinary match.
		word := minus32(now, binary.LittleEndian.Uint32(data[pos-span:])) << 8
		if word == 0 {
			continue
		}
		phase := uint32(pos&(span-1)) + uint32(span)
		slot := &d.last[(word+phase)*0x9e3779b1>>d.shift&(1<<deltaHashBits-1)]
		at := int(*slot)
		*slot = uint32(pos)
		if at < span || at == pos || (pos-at)&(span-1) != 0 ||
			minus32(binary.LittleEndian.Uint32(data[at:]), binary.LittleEndian.Uint32(data[at-span:]))<<8 != word {
			continue
		}
		offsets[power] = pos - at
	}
}

// minus32 is minus of four bytes.
func minus32(a, b uint32) uint32 {
	const high = highBits & 0xffffffff
	return (a | high) - b&^high ^ (a^^b)&high
}
