package xpress

import (
	"encoding/binary"
	"math/bits"
)

// refill makes at least 48 bits valid.
func refill(src []byte, buf uint64, pos int, n uint32) (uint64, int, uint32) {
	if pos > len(src)-8 {
		return refillTail(src, buf, pos, n)
	}
	return buf | words(binary.LittleEndian.Uint64(src[pos:]))>>(n&63), pos + int(^n&48)>>3, n | 48
}

// words turns four little-endian words into 64 bits, the first word highest.
func words(x uint64) uint64 {
	x = bits.RotateLeft64(x, 32)
	const low = 0x0000ffff0000ffff
	return x&low<<16 | x>>16&low
}

// refillTail fills the buffer near the end of src; behind the end it reads zeros, which the caller notices by pos.
func refillTail(src []byte, buf uint64, pos int, n uint32) (uint64, int, uint32) {
	for n < 48 {
		if pos+2 <= len(src) {
			buf |= uint64(binary.LittleEndian.Uint16(src[pos:])) << (48 - n)
		}
		pos += 2
		n += 16
	}
	return buf, pos, n
}

// longLength reads a match length that does not fit into its symbol. It stands behind the words that a reader of 16 to 32 bits would have read.
func longLength(src []byte, pos int, buf uint64, n uint32) (length, next int, rest uint64, left uint32, err error) {
	ahead := n>>4 - 1
	pos -= int(2 * ahead)
	n -= 16 * ahead
	buf &= ^uint64(0) << (64 - n)
	if pos >= len(src) {
		return 0, 0, 0, 0, errShort
	}
	if b := src[pos]; b != 255 {
		return minMatch + longSymbol + int(b), pos + 1, buf, n, nil
	}
	if pos+3 > len(src) {
		return 0, 0, 0, 0, errShort
	}
	return minMatch + int(binary.LittleEndian.Uint16(src[pos+1:])), pos + 3, buf, n, nil
}
