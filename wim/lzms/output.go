package lzms

import "encoding/binary"

// output writes both streams of a piece into one buffer, towards each other. When they meet, full is set and nothing more is written.
type output struct {
	buf   []byte
	front int
	back  int
	full  bool

	started bool
	low     uint64 // 33 bits: what the range starts at, with a carry above
	rng     uint32
	held    uint32 // the last unit that is not written yet as a carry may come
	pending int    // units not written: held, and those after it, all 0xffff

	acc uint64 // bits that do not fill a unit yet
	n   uint
}

func (o *output) reset(buf []byte) {
	*o = output{buf: buf, back: len(buf), rng: 0xffffffff, pending: 1}
}

// decide writes one decision.
func (o *output) decide(history *uint64, bit uint32) {
	if o.rng < 1<<16 {
		o.rng <<= 16
		o.shift()
	}
	h := *history
	bound := o.rng >> 6 * chance(h)
	if bit == 0 {
		o.rng = bound
	} else {
		o.low += uint64(bound)
		o.rng -= bound
	}
	*history = h<<1 | uint64(bit)
}

// shift moves the highest unit of low out.
func (o *output) shift() {
	if carry := uint32(o.low >> 32); carry != 0 || uint32(o.low) < 0xffff0000 {
		for unit := o.held; o.pending > 0; o.pending-- {
			o.unit(unit + carry)
			unit = 0xffff
		}
		o.held = uint32(o.low) >> 16
	}
	o.pending++
	o.low = o.low & 0xffff << 16
}

func (o *output) unit(u uint32) {
	switch {
	case !o.started: // by the zero in held, which is left away
		o.started = true
	case o.back-o.front < 2:
		o.full = true
	default:
		binary.LittleEndian.PutUint16(o.buf[o.front:], uint16(u))
		o.front += 2
	}
}

// bits writes the lowest n bits of v, n being at most 32, and the rest of v zero.
func (o *output) bits(v uint32, n uint) {
	o.acc = o.acc<<n | uint64(v)
	o.n += n
	for o.n >= 16 {
		o.n -= 16
		if o.back-o.front < 2 {
			o.full = true
			return
		}
		o.back -= 2
		binary.LittleEndian.PutUint16(o.buf[o.back:], uint16(o.acc>>o.n))
	}
}

// finish ends both streams, brings them together and returns the length of all.
func (o *output) finish() int {
	if o.n > 0 {
		o.bits(0, 16-o.n)
	}
	for range 3 {
		o.shift()
	}
	if o.pending > 1 { // of which the last is not needed
		for unit := o.held; o.pending > 1; o.pending-- {
			o.unit(unit)
			unit = 0xffff
		}
	}
	if o.full {
		return len(o.buf)
	}
	return o.front + copy(o.buf[o.front:], o.buf[o.back:])
}

// encodeCode is an adaptive code with what it takes to write it.
type encodeCode struct {
	code
	words [offsetSlots]uint16
}

func (c *encodeCode) reset(symbols, period int) {
	c.code.reset(symbols, period)
	c.fill()
}

func (c *encodeCode) rebuild() {
	c.code.rebuild()
	c.fill()
}

func (c *encodeCode) fill() {
	word, at := uint32(0), 0
	for l := 1; l <= maxCodeBits; l++ {
		for _, s := range c.order[at : at+int(c.count[l])] {
			c.words[s] = uint16(word)
			word++
		}
		at += int(c.count[l])
		word <<= 1
	}
}

// symbol writes s and counts it. It reports that the code has changed.
func (o *output) symbol(c *encodeCode, s int) bool {
	o.bits(uint32(c.words[s]), uint(c.lens[s]))
	c.freq[s]++
	c.left--
	if c.left > 0 {
		return false
	}
	c.rebuild()
	return true
}
