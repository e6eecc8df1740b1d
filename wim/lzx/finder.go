package lzx

import (
	"encoding/binary"
	"math/bits"
)

// position is a position of a piece plus one, where zero is none: uint16 for pieces of at most 64 KiB (at whose end no position is entered), for
// the sake of the caches, else uint32.
type position interface{ uint16 | uint32 }

// chains finds matches with chains of earlier positions of the same hash of four bytes, and the latest position of the same hash of three.
type chains[P position] struct {
	head  []P
	head3 []P
	prev  []P
	shift uint
	depth int // earlier positions tried
	nice  int // a match this long is taken without looking further
}

const (
	hash3Bits = 12
	// maxOffset3 is the largest offset at which a match of three bytes is cheaper than three literals, more or less.
	maxOffset3 = 2048
	// tail is how many bytes at the end of a piece have no positions that are entered, and so are only found as the end of matches.
	tail = 8
)

func newChains[P position](size, depth, nice int) *chains[P] {
	order := min(max(12, bits.Len(uint(size-1))), 17)
	return &chains[P]{
		head: make([]P, 1<<order), head3: make([]P, 1<<hash3Bits), prev: make([]P, size),
		shift: uint(32 - order), depth: depth, nice: nice,
	}
}

func (f *chains[P]) reset() {
	clear(f.head)
	clear(f.head3)
}

// enter notes a position and gives the latest ones with the same four and three bytes, if their hashes tell right.
func (f *chains[P]) enter(data []byte, pos int) (next, next3 P) {
	v := binary.LittleEndian.Uint32(data[pos:])
	h, h3 := v*0x9e3779b1>>f.shift, v<<8*0x85ebca6b>>(32-hash3Bits)
	next, next3 = f.head[h], f.head3[h3]
	f.prev[pos] = next
	f.head[h], f.head3[h3] = P(pos+1), P(pos+1)
	return next, next3
}

// find notes pos and gives the longest match there that is longer than floor, or 0.
func (f *chains[P]) find(data []byte, pos, floor int) (length, offset int) {
	next, next3 := f.enter(data, pos)
	limit := min(len(data)-pos, maxMatch)
	best := floor
	if best < 3 && next3 != 0 && pos+1-int(next3) <= maxOffset3 {
		if at := int(next3) - 1; data[at] == data[pos] && data[at+1] == data[pos+1] && data[at+2] == data[pos+2] {
			best, length, offset = 3, 3, pos-at
		}
	}
	for chain := f.depth; next != 0 && chain > 0; chain-- {
		at := int(next) - 1
		next = f.prev[at]
		if best < limit && data[at+best] == data[pos+best] {
			if n := matchLen(data[at:], data[pos:pos+limit]); n > best && n > 3 {
				best, length, offset = n, n, pos-at
				if n >= f.nice {
					break
				}
			}
		}
	}
	return length, offset
}

// collect appends the matches of the positions [from, to) to cache: for each one their number and then the matches as tokens, ever longer and
// farther. A match of at least nice bytes is the last of its position, and the positions in it are left out. No match ends behind to.
func (f *chains[P]) collect(cache []token, data []byte, from, to int) []token {
	last := len(data) - tail
	pos := from
	for pos < to && pos < last {
		at := len(cache)
		cache = append(cache, 0)
		v := binary.LittleEndian.Uint32(data[pos:])
		next, next3 := f.enter(data, pos)
		limit := min(to-pos, maxMatch)
		best := 3
		if next3 != 0 && limit >= 3 && pos+1-int(next3) <= maxOffset3 {
			if c := int(next3) - 1; (binary.LittleEndian.Uint32(data[c:])^v)<<8 == 0 {
				cache = append(cache, matchToken(3, uint32(pos-c+offsetBias)))
			}
		}
		for chain := f.depth; next != 0 && chain > 0; chain-- {
			c := int(next) - 1
			next = f.prev[c]
			if best < limit && binary.LittleEndian.Uint32(data[c+best-3:]) == binary.LittleEndian.Uint32(data[pos+best-3:]) {
				if n := matchLen(data[c:], data[pos:pos+limit]); n > best {
					best = n
					cache = append(cache, matchToken(n, uint32(pos-c+offsetBias)))
					if n >= f.nice {
						break
					}
				}
			}
		}
		cache[at] = token(len(cache) - at - 1)
		pos++
		if best >= f.nice {
			end := pos + best - 1
			for ; pos < end && pos < last; pos++ {
				f.enter(data, pos)
			}
			pos = end
		}
	}
	for ; pos < to; pos++ {
		cache = append(cache, 0)
	}
	return cache
}

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
