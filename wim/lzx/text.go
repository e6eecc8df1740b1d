package lzx

import (
	"encoding/binary"
	"math/bits"
)

// text is a piece with some more bytes, so that loads need no checks: positions are cut to MaxWindow. What is behind the piece is of no consequence.
type text [MaxWindow + 8]byte

func load64[P ~uint16 | ~uint32 | ~int](t *text, at P) uint64 {
	i := int(at) & (MaxWindow - 1)
	return binary.LittleEndian.Uint64(t[i : i+8])
}

func load32[P ~uint16 | ~uint32 | ~int](t *text, at P) uint32 {
	i := int(at) & (MaxWindow - 1)
	return binary.LittleEndian.Uint32(t[i : i+4])
}

// matchLen returns how many bytes at c and pos are equal, at most limit; of the first n it is known.
func (t *text) matchLen(c, pos, n, limit int) int {
	for n < limit {
		if x := load64(t, c+n) ^ load64(t, pos+n); x != 0 {
			n += bits.TrailingZeros64(x) >> 3
			break
		}
		n += 8
	}
	return min(n, limit)
}

// recents compares the eight bytes at pos, which must not be 0, with those at the recent offsets: of the equal ones the bits are 0.
func (t *text) recents(pos int, q *queue) (x [recents]uint64, any bool) {
	v := load64(t, pos)
	x[0] = load64(t, pos-int(q[0])) ^ v
	x[1] = load64(t, pos-int(q[1])) ^ v
	x[2] = load64(t, pos-int(q[2])) ^ v
	return x, min(uint16(x[0]), uint16(x[1]), uint16(x[2])) == 0
}

// length returns how many bytes are equal at pos and at the offset r, from what recents told of the first eight, and at most limit.
func (t *text) length(x uint64, pos int, r uint32, limit int) int {
	if x != 0 {
		return min(bits.TrailingZeros64(x)>>3, limit)
	}
	return t.matchLen(pos-int(r), pos, 8, limit)
}
