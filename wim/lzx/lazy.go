package lzx

import (
	"encoding/binary"
	"math/bits"
)

// chains finds matches with chains of earlier positions of the same hash of four bytes, and the latest position of the same hash of three.
// A table entry is a position plus one; zero is none.
type chains struct {
	head  []uint32
	head3 []uint32
	prev  []uint32
	shift uint
	depth int
	nice  int
}

const hash3Bits = 12

func newChains(size, depth, nice int) *chains {
	order := min(max(12, bits.Len(uint(size-1))), 17)
	return &chains{
		head: make([]uint32, 1<<order), head3: make([]uint32, 1<<hash3Bits), prev: make([]uint32, size),
		shift: uint(32 - order), depth: depth, nice: nice,
	}
}

func (f *chains) reset() {
	clear(f.head)
	clear(f.head3)
}

// enter notes a position and gives the latest ones with the same four and three bytes, if their hashes tell right.
func (f *chains) enter(data []byte, pos int) (next, next3 uint32) {
	v := binary.LittleEndian.Uint32(data[pos:])
	h, h3 := v*0x9e3779b1>>f.shift, v<<8*0x85ebca6b>>(32-hash3Bits)
	next, next3 = f.head[h], f.head3[h3]
	f.prev[pos] = next
	f.head[h], f.head3[h3] = uint32(pos+1), uint32(pos+1)
	return next, next3
}

// find notes pos and gives the longest match there that is longer than floor, or 0. data has at least 8 more bytes.
func (f *chains) find(data []byte, pos, floor int) (length, offset int) {
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

// maxOffset3 is the largest offset at which a match of three bytes is cheaper than three literals, more or less.
const maxOffset3 = 2048

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

// bestRecent gives the longest match at a recent offset, or 0.
func bestRecent(data []byte, pos int, q *queue) (length, which int) {
	limit := min(len(data)-pos, maxMatch)
	for i, r := range q {
		if at := pos - int(r); at >= 0 && data[at] == data[pos] {
			if n := matchLen(data[at:], data[pos:pos+limit]); n > length {
				length, which = n, i
			}
		}
	}
	return length, which
}

// worth compares matches: a byte more of length is worth two bits, more or less.
func worth(length int, v uint32) int {
	if v < recents {
		return 4*length + 14
	}
	return 4*length + 16 - bits.Len32(v)
}

// lazy makes the tokens of a piece: a match is put off by one byte when the next position has a better one.
func (e *Encoder) lazy(data []byte) {
	f := e.finder
	f.reset()
	last := len(data) - 8 // the last position that is searched or entered
	q := firstQueue
	pos := 0
	length, v := 0, uint32(0)
	for pos <= last {
		if length == 0 {
			length, v = e.choose(data, pos, 0, &q)
		}
		if length < minMatch {
			e.tokens = append(e.tokens, token(data[pos]))
			pos, length = pos+1, 0
			continue
		}
		entered := pos + 1
		if length < f.nice && pos < last {
			entered++
			if n, w := e.choose(data, pos+1, length-1, &q); n != 0 && worth(n, w) > worth(length, v)+4 {
				e.tokens = append(e.tokens, token(data[pos]))
				pos, length, v = pos+1, n, w
				continue
			}
		}
		e.tokens = append(e.tokens, matchToken(length, v))
		q.take(v)
		for pos += length; entered < pos && entered <= last; entered++ {
			f.enter(data, entered)
		}
		length = 0
	}
	for ; pos < len(data); pos++ {
		e.tokens = append(e.tokens, token(data[pos]))
	}
}

// choose gives the best match at pos that is longer than floor, or 0.
func (e *Encoder) choose(data []byte, pos, floor int, q *queue) (length int, v uint32) {
	length, offset := e.finder.find(data, pos, floor)
	v = uint32(offset) + offsetBias
	if n, i := bestRecent(data, pos, q); n > floor && n >= minMatch && (length == 0 || worth(n, uint32(i)) >= worth(length, v)) {
		return n, uint32(i)
	}
	return length, v
}
