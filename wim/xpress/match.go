package xpress

import (
	"encoding/binary"
	"math/bits"
)

const (
	hashBits  = 13
	hash3Bits = 12
	ways      = 4 // positions in a bucket
	maxMatch  = 1<<16 - 1
	// maxOffset3 is the largest offset at which a match of three bytes is cheaper than three literals, more or less.
	maxOffset3 = 4096
	// tail is how many bytes at the end have no positions that are searched or entered.
	tail = 8
)

// finder finds matches by buckets of the four latest positions of the same hash of four bytes, the latest one lowest, and by the latest position
// of the same hash of three. An empty place is 0: position 0 may be tried in vain, as every candidate is compared. At high levels there are chains
// of earlier positions too.
type finder struct {
	data    text
	size    int
	buckets [1 << hashBits]uint64
	head3   [1 << hash3Bits]uint16

	depth   int // earlier positions tried in chains; 0: the bucket only
	nice    int // a match this long is taken without looking further
	lazyMax int // a match this long is not put off
	prev    []uint16
}

// setLevel must be called once.
func (f *finder) setLevel(level int) {
	switch {
	case level < 25:
		f.nice, f.lazyMax = 32, 0
	case level < DefaultLevel:
		f.nice, f.lazyMax = 32, 12
	case level < 60:
		f.nice, f.lazyMax = 48, 48
	default:
		f.depth, f.nice, f.lazyMax = level/4, 2*level, 2*level
		f.prev = make([]uint16, MaxSize)
	}
}

func log2(v uint32) uint { return uint(bits.Len32(v)-1) & 15 }

func hash4(v uint32) uint32 { return v * 0x9e3779b1 >> (32 - hashBits) }
func hash3(v uint32) uint32 { return v << 8 * 0x85ebca6b >> (32 - hash3Bits) }

// parse returns the tokens of src: a match is put off by one byte when the next position has a better one (lazy evaluation).
func (f *finder) parse(t *tokens, src []byte) {
	f.size = copy(f.data[:MaxSize], src)
	clear(f.buckets[:])
	clear(f.head3[:])
	t.literal(src[0])
	last := len(src) - tail
	pos, bestLen, bestOff := 1, 0, 0
	for pos <= last {
		if bestLen == 0 {
			if bestLen, bestOff = f.find(pos, minMatch-1); bestLen == 0 {
				t.literal(src[pos])
				pos++
				continue
			}
		}
		entered := pos + 1
		if bestLen < f.lazyMax && pos < last {
			entered++
			l, o := f.find(pos+1, bestLen-1)
			if l != 0 && 4*(l-bestLen)+int(log2(uint32(bestOff)))-int(log2(uint32(o))) >= 2 {
				t.literal(src[pos])
				pos++
				bestLen, bestOff = l, o
				continue
			}
		}
		t.match(bestLen, bestOff)
		pos += bestLen
		bestLen = 0
		f.enter(entered, min(pos, last+1))
	}
	for ; pos < len(src); pos++ {
		t.literal(src[pos])
	}
}

// enter notes the positions [from, to).
func (f *finder) enter(from, to int) {
	for p := from; p < to; p++ {
		v := f.data.load32(uint16(p))
		h := hash4(v) & (1<<hashBits - 1)
		if f.depth != 0 {
			f.prev[p&(MaxSize-1)] = uint16(f.buckets[h])
		}
		f.buckets[h] = f.buckets[h]<<16 | uint64(p)
		f.head3[hash3(v)&(1<<hash3Bits-1)] = uint16(p)
	}
}

// find notes pos, and returns the longest match there that is longer than floor, or 0.
func (f *finder) find(pos, floor int) (length, offset int) {
	x := f.data.load64(uint16(pos))
	v := uint32(x)
	h, h3 := hash4(v)&(1<<hashBits-1), hash3(v)&(1<<hash3Bits-1)
	bucket, cand3 := f.buckets[h], f.head3[h3]
	f.buckets[h] = bucket<<16 | uint64(pos)
	f.head3[h3] = uint16(pos)
	if f.depth != 0 {
		length, offset = f.findDeep(pos, floor, uint16(bucket))
	} else if floor >= 8 {
		return f.findLong(pos, floor, bucket)
	} else {
		// How many of the first eight bytes are equal, for all candidates without a branch, which no processor could foresee.
		k := max(f.data.equal(uint16(bucket), x)<<2|3, f.data.equal(uint16(bucket>>16), x)<<2|2,
			f.data.equal(uint16(bucket>>32), x)<<2|1, f.data.equal(uint16(bucket>>48), x)<<2)
		if length = int(k >> 2); length >= 8 {
			return f.findLong(pos, 7, bucket)
		}
		offset = pos - int(uint16(bucket>>(48-k&3<<4)))
	}
	if length > max(floor, minMatch) {
		return length, offset
	}
	if floor < minMatch && pos-int(cand3) <= maxOffset3 && (f.data.load32(cand3)^v)<<8 == 0 {
		return minMatch, pos - int(cand3)
	}
	return 0, 0
}

// findLong returns the longest match of the bucket that is longer than best, which is at least 7, or 0.
func (f *finder) findLong(pos, best int, bucket uint64) (length, offset int) {
	limit := min(f.size-pos, maxMatch)
	if best >= limit {
		return 0, 0
	}
	start, end := f.data.load64(uint16(pos)), f.data.load64(uint16(pos+best-7))
	for range ways {
		c := int(uint16(bucket))
		bucket >>= 16
		if f.data.load64(uint16(c+best-7)) == end && f.data.load64(uint16(c)) == start {
			if l := f.data.matchLen(c, pos, 8, limit); l > best {
				best, length, offset = l, l, pos-c
				if l >= f.nice || l >= limit {
					break
				}
				end = f.data.load64(uint16(pos + best - 7))
			}
		}
	}
	return length, offset
}

// findDeep returns the longest match of the chain that begins at c which is longer than floor, and than minMatch, or 0.
func (f *finder) findDeep(pos, floor int, c uint16) (length, offset int) {
	f.prev[pos&(MaxSize-1)] = c
	best, limit := max(floor, minMatch), min(f.size-pos, maxMatch)
	if best >= limit {
		return 0, 0
	}
	end := f.data.load32(uint16(pos + best - 3))
	for range f.depth {
		if f.data.load32(c+uint16(best-3)) == end {
			if l := f.data.matchLen(int(c), pos, 0, limit); l > best {
				best, length, offset = l, l, pos-int(c)
				if l >= f.nice || l >= limit {
					break
				}
				end = f.data.load32(uint16(pos + best - 3))
			}
		}
		if c == 0 {
			break
		}
		c = f.prev[c]
	}
	return length, offset
}

// text is a piece with some more bytes, so that loads at 16-bit positions need no checks. What is behind the piece is of no consequence.
type text [MaxSize + 8]byte

func (t *text) load64(at uint16) uint64 { return binary.LittleEndian.Uint64(t[int(at) : int(at)+8]) }

func (t *text) load32(at uint16) uint32 { return binary.LittleEndian.Uint32(t[int(at) : int(at)+4]) }

// equal returns how many of the eight bytes at c are those of x.
func (t *text) equal(c uint16, x uint64) uint {
	return uint(bits.TrailingZeros64(t.load64(c)^x)) >> 3
}

// matchLen returns how many bytes at c and pos are equal, of which the first n are known to be, and at most limit.
func (t *text) matchLen(c, pos, n, limit int) int {
	for n < limit {
		if x := t.load64(uint16(c+n)) ^ t.load64(uint16(pos+n)); x != 0 {
			n += bits.TrailingZeros64(x) >> 3
			break
		}
		n += 8
	}
	return min(n, limit)
}
