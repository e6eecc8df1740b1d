package lzms

import (
	"encoding/binary"
	"math/bits"
)

const (
	rootBits    = 10 // of the first lookup of a codeword
	refillBits  = 56 // at least that many bits are there after a fill
	symbolBits  = 4  // of an entry, that hold the codeword length
	freshRecent = 0x55555555
)

// chance is how likely a decision with that history is a zero, in 64ths. History has the latest 64 outcomes, the latest lowest.
func chance(history uint64) uint32 {
	return uint32(min(max(64-bits.OnesCount64(history), 1), 63))
}

// chances are the histories behind the probabilities of all decisions, by state.
type chances struct {
	main     [mainStates]uint64
	match    [matchStates]uint64
	lz       [lzStates]uint64
	delta    [deltaStates]uint64
	lzRep    [recentCount - 1][repStates]uint64
	deltaRep [recentCount - 1][repStates]uint64
}

func (c *chances) reset() {
	for _, t := range [][]uint64{c.main[:], c.match[:], c.lz[:], c.delta[:], c.lzRep[0][:], c.lzRep[1][:], c.deltaRep[0][:], c.deltaRep[1][:]} {
		for i := range t {
			t[i] = freshRecent
		}
	}
}

// decodeCode is an adaptive code with what it takes to read it.
type decodeCode struct {
	code
	root [1 << rootBits]uint16 // symbol<<4 | length; 0 for the start of a longer codeword, and for what is none
	// For lengths above rootBits: limit is the end of the codewords of that length, first their start, both as maxCodeBits bits;
	// index is the place of the first one in order.
	limit, first, index [maxCodeBits + 1]uint32
}

func (c *decodeCode) reset(symbols, period int) {
	c.code.reset(symbols, period)
	c.fill()
}

func (c *decodeCode) rebuild() {
	c.code.rebuild()
	c.fill()
}

// fill makes the tables from the code.
func (c *decodeCode) fill() {
	at, next := 0, 0 // in root, in order
	for l := 1; l <= rootBits; l++ {
		width := 1 << (rootBits - l)
		for _, s := range c.order[next : next+int(c.count[l])] {
			e := s<<symbolBits | uint16(l)
			run := c.root[at : at+width]
			for i := range run {
				run[i] = e
			}
			at += width
		}
		next += int(c.count[l])
	}
	clear(c.root[at:])
	start := uint32(at) << (maxCodeBits - rootBits)
	for l := rootBits + 1; l <= maxCodeBits; l++ {
		c.first[l], c.index[l] = start, uint32(next)
		start += uint32(c.count[l]) << (maxCodeBits - l)
		c.limit[l] = start
		next += int(c.count[l])
	}
}

// long finds the entry of a codeword that is longer than rootBits, which buf starts with. 0 means that there is none.
func (c *decodeCode) long(buf uint64) uint32 {
	v := uint32(buf >> (64 - maxCodeBits))
	for l := rootBits + 1; l <= maxCodeBits; l++ {
		if v < c.limit[l] {
			if v < c.first[l] {
				return 0
			}
			return uint32(c.order[c.index[l]+(v-c.first[l])>>(maxCodeBits-l)])<<symbolBits | uint32(l)
		}
	}
	return 0
}

// input reads both streams of a piece: decisions from the front, bits from the back.
type input struct {
	src   []byte
	front int // of the next 16-bit unit
	rng   uint32
	code  uint32
	back  int // behind the next byte of bits
	buf   uint64
	n     uint // bits in buf, of which the highest is next
	fault bool // a codeword was read that is none
}

func (in *input) reset(src []byte) {
	*in = input{src: src, back: len(src), rng: 0xffffffff, front: 4}
	in.code = unit(src, 0)<<16 | unit(src, 2)
}

// unit is the 16-bit unit at src[at:]; beyond the end there are zeros.
func unit(src []byte, at int) uint32 {
	if at+2 <= len(src) {
		return uint32(binary.LittleEndian.Uint16(src[at:]))
	}
	return 0
}

// fill brings n to refillBits or more. Before the start of src there are zeros; back then becomes negative.
func fill(src []byte, back int, buf uint64, n uint) (int, uint64, uint) {
	if back >= 8 {
		buf |= binary.LittleEndian.Uint64(src[back-8:]) >> n
		k := (63 - n) >> 3
		return back - int(k), buf, n + 8*k
	}
	for ; n <= refillBits; n += 8 {
		back--
		if back >= 0 {
			buf |= uint64(src[back]) << (refillBits - n)
		}
	}
	return back, buf, n
}

// overrun reports that more was read than there is. The end of the decisions is told by 32 bits, of which a writer may have dropped what
// makes no difference.
func (in *input) overrun() bool {
	bitBytes := len(in.src) - in.back - int(in.n/8)
	return in.front+bitBytes > len(in.src)+4
}

// bit reads one decision.
func (in *input) bit(history *uint64) uint32 {
	if in.rng < 1<<16 {
		in.rng <<= 16
		in.code = in.code<<16 | unit(in.src, in.front)
		in.front += 2
	}
	h := *history
	bound := in.rng >> 6 * chance(h)
	if in.code < bound {
		in.rng = bound
		*history = h << 1
		return 0
	}
	in.rng -= bound
	in.code -= bound
	*history = h<<1 | 1
	return 1
}

// symbol reads a symbol and counts it.
func (in *input) symbol(c *decodeCode) uint32 {
	in.back, in.buf, in.n = fill(in.src, in.back, in.buf, in.n)
	e := uint32(c.root[in.buf>>(64-rootBits)])
	if e == 0 {
		if e = c.long(in.buf); e == 0 {
			in.fault = true
			return 0
		}
	}
	in.buf <<= e & 15
	in.n -= uint(e & 15)
	s := e >> symbolBits
	c.freq[s]++
	c.left--
	if c.left == 0 {
		c.rebuild()
	}
	return s
}

// number reads a slot and its extra bits. Both fit into what a fill gives.
func (in *input) number(c *decodeCode, t *slotTable) uint32 {
	s := in.symbol(c)
	extra := uint(t.extra[s])
	v := t.base[s] + uint32(in.buf>>1>>(63-extra))
	in.buf <<= extra
	in.n -= extra
	return v
}
