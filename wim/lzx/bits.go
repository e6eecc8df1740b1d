package lzx

import (
	"encoding/binary"
	"slices"

	"github.com/wimcast/wimcast/wim/internal/huffman"
)

// reader reads words highest bit first. buf holds the next bits, highest first, n of them valid; those below are either zero or
// what will be read there. Behind the end of src it reads zeros for a while, and overrun says so.
type reader struct {
	src     []byte
	swapped []byte // src with the bytes of each word swapped, so that bits stand in the order of bytes, and zeros
	pos     int    // in swapped
	buf     uint64
	n       uint32
}

// padding is how many zeros follow what is read. A fill reads at most 16 bytes from the first unused one.
const padding = 16

// start begins to read src.
func (r *reader) start(src []byte) {
	b := slices.Grow(r.swapped[:0], len(src)+padding+8)
	b = b[:len(src)+padding]
	i := 0
	for ; i+32 <= len(src); i += 32 {
		s, d := src[i:i+32:i+32], b[i:i+32:i+32]
		swapBytes(d, s)
		swapBytes(d[8:], s[8:])
		swapBytes(d[16:], s[16:])
		swapBytes(d[24:], s[24:])
	}
	for ; i+2 <= len(src); i += 2 {
		b[i], b[i+1] = src[i+1], src[i]
	}
	clear(b[i:])
	*r = reader{src: src, swapped: b}
}

// swapBytes copies four words with the bytes of each swapped.
func swapBytes(dst, src []byte) {
	const odd = 0x00ff00ff00ff00ff
	x := binary.LittleEndian.Uint64(src)
	binary.LittleEndian.PutUint64(dst, x>>8&odd|x&odd<<8)
}

// fill makes at least 56 bits valid. It is false when too much was read behind the end.
func (r *reader) fill() bool {
	if r.pos+8 > len(r.swapped) {
		return false
	}
	r.buf |= binary.BigEndian.Uint64(r.swapped[r.pos:]) >> (r.n & 63)
	r.pos += int(^r.n&63) >> 3
	r.n |= 56
	return true
}

// lookup returns the entry of a table for the next bits, of which most must be valid.
func (r *reader) lookup(t []uint32, root, most uint) uint32 {
	e := t[r.buf>>(64-root)]
	if e&huffman.Sub != 0 {
		e = t[(e&^huffman.Sub)>>8+uint32(r.buf<<root>>(64-most+root))]
	}
	return e
}

// drop drops the bits that an entry says.
func (r *reader) drop(e uint32) {
	r.buf <<= e & 63
	r.n -= e & 63
}

// take returns the next n bits, at most 31, which must be valid.
func (r *reader) take(n uint32) uint32 {
	v := uint32(r.buf >> 1 >> (63 - n&63))
	r.drop(n)
	return v
}

// overrun reports whether bits were used of words that src does not have.
func (r *reader) overrun() bool { return 8*r.pos-int(r.n) > 8*(len(r.src)&^1) }

// rawBlock reads an uncompressed block with its recent offsets.
func (r *reader) rawBlock(dst []byte) (recent offsets, err error) {
	// To the end of the word; when the position is at a word boundary one word of padding is skipped.
	pos := ((8*r.pos-int(r.n))>>4 + 1) * 2
	if pos > len(r.src) || len(r.src)-pos < 4*recents+len(dst) {
		return 0, errShort
	}
	var o [recents]uint32
	for i := range o {
		o[i] = binary.LittleEndian.Uint32(r.src[pos+4*i:])
		if o[i] == 0 {
			return 0, errOffset
		}
	}
	pos += 4 * recents
	pos += copy(dst, r.src[pos:])
	r.pos = min(pos+pos&1, len(r.src))
	r.buf, r.n = 0, 0
	return packOffsets(o[0], o[1], o[2]), nil
}
