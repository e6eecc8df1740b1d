package lzx

import (
	"encoding/binary"
	"math/bits"

	"github.com/wimcast/wimcast/wim/internal/huffman"
)

// reader reads words highest bit first. buf holds the next bits, highest first, n of them valid; those below are either zero or
// what will be read there. Behind the end of src it reads zeros, and overrun says so.
type reader struct {
	src []byte
	pos int
	buf uint64
	n   uint
}

// fill makes at least 49 bits valid.
func (r *reader) fill() {
	if r.n < 49 {
		r.buf, r.pos, r.n = fillTail(r.src, r.buf, r.pos, r.n)
	}
}

// take gives the next n bits, at most 31, which must be valid.
func (r *reader) take(n uint) uint32 {
	v := uint32(r.buf >> 1 >> (63 - n))
	r.buf <<= n
	r.n -= n
	return v
}

// symbol decodes one symbol, for which 16 bits must be valid.
func (r *reader) symbol(t *huffman.Table) (uint32, bool) {
	e := t[r.buf>>(64-huffman.RootBits)]
	if e&huffman.Sub != 0 {
		e = t[(e&^huffman.Sub)>>8+uint32(r.buf<<huffman.RootBits>>59)]
	}
	l := uint(e & 31)
	r.buf <<= l
	r.n -= l
	return e >> 8, l != 0
}

// overrun reports whether bits were used that src does not have.
func (r *reader) overrun() bool { return r.pos-int(r.n>>4)*2 > len(r.src) }

// rawBlock reads an uncompressed block with its recent offsets.
func (r *reader) rawBlock(dst []byte, recent *[3]uint32) error {
	r.fill()
	// Whole words that were read ahead are given back; when the position is at a word boundary one word of padding is skipped.
	ahead := r.n >> 4
	if r.n&15 == 0 {
		ahead--
	}
	r.pos -= int(2 * ahead)
	r.buf, r.n = 0, 0
	if r.pos > len(r.src) || len(r.src)-r.pos < 12+len(dst) {
		return errShort
	}
	for i := range recent {
		recent[i] = binary.LittleEndian.Uint32(r.src[r.pos+4*i:])
		if recent[i] == 0 {
			return errOffset
		}
	}
	r.pos += 12
	r.pos += copy(dst, r.src[r.pos:])
	if len(dst)&1 != 0 {
		r.pos = min(r.pos+1, len(r.src))
	}
	return nil
}

// words turns four little-endian words into 64 bits, the first word highest.
func words(x uint64) uint64 {
	x = bits.RotateLeft64(x, 32)
	const low = 0x0000ffff0000ffff
	return x&low<<16 | x>>16&low
}

// fillTail fills the buffer word by word.
func fillTail(src []byte, buf uint64, pos int, n uint) (uint64, int, uint) {
	for n <= 48 {
		if pos+2 <= len(src) {
			buf |= uint64(binary.LittleEndian.Uint16(src[pos:])) << (48 - n)
		}
		pos += 2
		n += 16
	}
	return buf, pos, n
}

// copyMatch copies length bytes from offset bytes before op to op, where they may overlap. All of it must lie in dst.
func copyMatch(dst []byte, op, offset, length int) {
	if offset >= 8 && length <= 32 && op+length+8 <= len(dst) {
		from, to := dst[op-offset:], dst[op:]
		for i := 0; i < length; i += 8 {
			binary.LittleEndian.PutUint64(to[i:], binary.LittleEndian.Uint64(from[i:]))
		}
		return
	}
	end := op + length
	if offset == 1 {
		v := dst[op-1]
		run := dst[op:end]
		for i := range run {
			run[i] = v
		}
		return
	}
	start := op - offset
	for op < end {
		op += copy(dst[op:end], dst[start:op])
	}
}
