package xpress

import (
	"encoding/binary"
	"math/bits"
)

// How hard to look for matches.
const (
	hashBits  = 14
	hash3Bits = 12
	maxChain  = 20 // earlier positions tried at the default level
	niceMatch = 48 // a match this long is taken without looking further
	maxMatch  = 1<<16 - 1
)

// none stands in the tables for "no position". Position 0xffff is never entered: too little follows it.
const none = 0xffff

// finder finds matches with chains of earlier positions of the same hash: of four bytes in head and prev, of three in head3, which
// only knows the latest.
type finder struct {
	head  [1 << hashBits]uint16
	head3 [1 << hash3Bits]uint16
	prev  [MaxSize]uint16
	depth int // earlier positions tried; 0 means maxChain
}

func log2(v uint32) uint { return uint(bits.Len32(v)-1) & 15 }

func hash4(v uint32) uint32 { return v * 0x9e3779b1 >> (32 - hashBits) }
func hash3(v uint32) uint32 { return v << 8 * 0x85ebca6b >> (32 - hash3Bits) }

// parse appends the tokens of src: a match is put off by one byte when the next position has a better one (lazy evaluation).
func (f *finder) parse(tokens []uint32, src []byte) []uint32 {
	for i := range f.head {
		f.head[i] = none
	}
	for i := range f.head3 {
		f.head3[i] = none
	}
	if f.depth == 0 {
		f.depth = maxChain
	}
	last := len(src) - 8 // the last position that is searched or entered
	pos, bestLen, bestOff := 0, 0, 0
	for pos <= last {
		if bestLen == 0 {
			bestLen, bestOff = f.find(src, pos, minMatch-1)
		}
		if bestLen < minMatch {
			tokens = append(tokens, uint32(src[pos]))
			pos++
			bestLen = 0
			continue
		}
		if bestLen < niceMatch && pos < last {
			l, o := f.find(src, pos+1, bestLen-1)
			if l != 0 && 4*(l-bestLen)+int(log2(uint32(bestOff)))-int(log2(uint32(o))) >= 2 {
				tokens = append(tokens, uint32(src[pos]))
				pos++
				bestLen, bestOff = l, o
				continue
			}
			tokens = append(tokens, uint32(bestLen)<<16|uint32(bestOff))
			f.enter(src, pos+2, pos+bestLen, last)
		} else {
			tokens = append(tokens, uint32(bestLen)<<16|uint32(bestOff))
			f.enter(src, pos+1, pos+bestLen, last)
		}
		pos += bestLen
		bestLen = 0
	}
	for ; pos < len(src); pos++ {
		tokens = append(tokens, uint32(src[pos]))
	}
	return tokens
}

// enter notes the positions [from, to).
func (f *finder) enter(src []byte, from, to, last int) {
	for p := from; p < to && p <= last; p++ {
		v := binary.LittleEndian.Uint32(src[p:])
		h := hash4(v)
		f.prev[p&(MaxSize-1)] = f.head[h&(1<<hashBits-1)]
		f.head[h&(1<<hashBits-1)] = uint16(p)
		f.head3[hash3(v)&(1<<hash3Bits-1)] = uint16(p)
	}
}

// find notes pos, and gives the longest match there that is longer than floor, or 0.
func (f *finder) find(src []byte, pos, floor int) (length, offset int) {
	v := binary.LittleEndian.Uint32(src[pos:])
	h, h3 := hash4(v)&(1<<hashBits-1), hash3(v)&(1<<hash3Bits-1)
	cand, cand3 := f.head[h], f.head3[h3]
	f.prev[pos&(MaxSize-1)] = cand
	f.head[h] = uint16(pos)
	f.head3[h3] = uint16(pos)

	best := floor
	if best < minMatch && cand3 != none && pos-int(cand3) <= maxOffset3 {
		if w := binary.LittleEndian.Uint32(src[cand3:]); (v^w)<<8 == 0 {
			best, length, offset = minMatch, minMatch, pos-int(cand3)
		}
	}
	limit := min(len(src)-pos, maxMatch)
	for chain := f.depth; cand != none && chain > 0; chain-- {
		c := int(cand)
		cand = f.prev[c&(MaxSize-1)]
		if best < limit && (best < 4 || binary.LittleEndian.Uint32(src[c+best-3:]) == binary.LittleEndian.Uint32(src[pos+best-3:])) &&
			binary.LittleEndian.Uint32(src[c:]) == v {
			if l := matchLen(src[c:], src[pos:pos+limit]); l > best {
				best, length, offset = l, l, pos-c
				if l >= niceMatch {
					break
				}
			}
		}
	}
	return length, offset
}

// maxOffset3 is the largest offset at which a match of three bytes is cheaper than three literals, more or less.
const maxOffset3 = 4096

// matchLen gives how many bytes at the start of a and b are equal; b is not longer than a.
func matchLen(a, b []byte) int {
	n := 0
	for n+8 <= len(b) {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
		n += 8
	}
	for n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
