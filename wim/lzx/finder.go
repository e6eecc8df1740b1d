package lzx

import "math/bits"

// position is a position of a piece plus one, where zero is none: uint16 for pieces of at most 64 KiB (at whose end no position is entered), for
// the sake of the caches, else uint32.
type position interface{ uint16 | uint32 }

// chains finds matches with chains of earlier positions of the same hash of four bytes, and the latest position of the same hash of three.
type chains[P position] struct {
	head  []P
	head3 [1 << hash3Bits]P
	prev  []P
	shift uint
	depth int // earlier positions tried
	nice  int // a match this long is taken without looking further
}

const (
	minHashBits = 9
	maxHashBits = 17
	hash3Bits   = 12
	// maxOffset3 is the largest offset at which a match of three bytes is cheaper than three literals, more or less.
	maxOffset3 = 2048
	// tail is how many bytes at the end of a piece have no positions that are entered, and so are only found as the end of matches. It also keeps
	// offsets at least two below the window, which is all that the slots can tell.
	tail = 8
)

func newChains[P position](order uint, depth, nice int) *chains[P] {
	hash := min(order, maxHashBits)
	return &chains[P]{head: make([]P, 1<<hash), prev: make([]P, 1<<order), depth: depth, nice: nice}
}

// reset forgets all, before a piece of size bytes.
func (f *chains[P]) reset(size int) {
	hash := min(max(bits.Len(uint(size)), minHashBits), bits.Len(uint(len(f.head)-1)))
	f.shift = uint(32 - hash)
	clear(f.head[:1<<hash])
	clear(f.head3[:])
}

// enter notes a position, where v is, and returns the latest ones with the same four and three bytes, if their hashes tell right.
func (f *chains[P]) enter(v uint32, pos int) (next, next3 P) {
	h, h3 := v*0x9e3779b1>>(f.shift&31), v<<8*0x85ebca6b>>(32-hash3Bits)
	next, next3 = f.head[h], f.head3[h3]
	f.prev[pos] = next
	f.head[h], f.head3[h3] = P(pos+1), P(pos+1)
	return next, next3
}

// enterAll notes the positions [from, to).
func (f *chains[P]) enterAll(t *text, from, to int) {
	for p := from; p < to; p++ {
		f.enter(load32(t, p), p)
	}
}

// find notes pos and returns the longest match there that is longer than floor, and at most limit, or 0.
func (f *chains[P]) find(t *text, pos, floor, limit int) (length, offset int) {
	v := load32(t, pos)
	next, next3 := f.enter(v, pos)
	if floor < 3 && next3 != 0 && limit >= 3 && pos+1-int(next3) <= maxOffset3 && (load32(t, next3-1)^v)<<8 == 0 {
		length, offset = 3, pos+1-int(next3)
	}
	best := max(floor, 3)
	if best >= limit {
		return length, offset
	}
	end := load32(t, pos+best-3)
	for chain := f.depth; next != 0 && chain > 0; chain-- {
		c := int(next) - 1
		next = f.prev[c]
		if load32(t, c+best-3) != end {
			continue
		}
		if n := t.matchLen(c, pos, 0, limit); n > best {
			best, length, offset = n, n, pos-c
			if n >= f.nice || n >= limit {
				break
			}
			end = load32(t, pos+best-3)
		}
	}
	return length, offset
}

// collect appends the matches of the positions [from, to) to cache: for each one their number and then the matches as tokens, ever longer and
// farther. A match of at least nice bytes is the last of its position, and the positions in it are left out. No match ends behind to,
// and nothing is searched behind last.
func (f *chains[P]) collect(cache []token, t *text, from, to, last int) []token {
	for pos := from; pos < to; pos++ {
		at := len(cache)
		cache = append(cache, 0)
		limit := min(to-pos, maxMatch)
		if pos > last || limit <= 3 {
			continue
		}
		v := load32(t, pos)
		next, next3 := f.enter(v, pos)
		if next3 != 0 && pos+1-int(next3) <= maxOffset3 && (load32(t, next3-1)^v)<<8 == 0 {
			cache = append(cache, matchToken(3, uint32(pos+1-int(next3)+offsetBias)))
		}
		best := 3
		end := v
		for chain := f.depth; next != 0 && chain > 0; chain-- {
			c := int(next) - 1
			next = f.prev[c]
			if load32(t, c+best-3) != end {
				continue
			}
			if n := t.matchLen(c, pos, 0, limit); n > best {
				best = n
				cache = append(cache, matchToken(n, uint32(pos-c+offsetBias)))
				if n >= f.nice || n >= limit {
					break
				}
				end = load32(t, pos+best-3)
			}
		}
		cache[at] = token(len(cache) - at - 1)
		if best >= f.nice {
			f.enterAll(t, pos+1, min(pos+best, last+1))
			pos += best - 1
		}
	}
	return cache
}
