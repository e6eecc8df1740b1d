package lzms

import (
	"fmt"
	"slices"
)

// The levels of compression there are. 0 stands for DefaultLevel.
const (
	MinLevel     = 1
	DefaultLevel = 50
	MaxLevel     = 100
)

// minEncode is the smallest piece that is worth trying, in bytes.
const minEncode = 8

// Encoder encodes pieces up to a size. One goroutine at a time may use it.
type Encoder struct {
	maxSize int
	buf     []byte // the piece with addresses translated, and padding
	data    []byte
	size    int

	out     output
	state   state // behind what is written
	chances chances

	literal     encodeCode
	offset      encodeCode
	length      encodeCode
	deltaOffset encodeCode
	power       encodeCode

	costs  costs
	slots  *slotIndex
	source source
	parser parser
	deltas deltaFinder
	short  shortFinder

	deltaOffsets [triedPowers]int
	x86          x86Filter
}

// fixedMemory is what an Encoder takes for any size, in bytes, rounded up.
const fixedMemory = 16 << 20

// EncoderMemory is at most how many bytes an Encoder takes for pieces of up to maxSize bytes: 9 times as many and a hash table, 624 MiB
// for 64 MiB. What goes in and comes out is the caller's and not in it.
func EncoderMemory(maxSize int) int64 {
	return 9*int64(maxSize) + 4<<rootHashBits(maxSize) + fixedMemory
}

// NewEncoder makes an encoder for pieces of at most maxSize bytes. Higher levels look longer for matches, which costs time but
// no memory. Memory is taken by the first pieces, for their sizes; see EncoderMemory.
func NewEncoder(maxSize, level int) (*Encoder, error) {
	if maxSize < 1 || maxSize > MaxSize {
		return nil, fmt.Errorf("make LZMS encoder: piece size %d is not in 1 to %d", maxSize, MaxSize)
	}
	if level == 0 {
		level = DefaultLevel
	}
	if level < MinLevel || level > MaxLevel {
		return nil, fmt.Errorf("make LZMS encoder: level %d is not in %d to %d", level, MinLevel, MaxLevel)
	}
	e := &Encoder{maxSize: maxSize, slots: slotOf()}
	e.parser.nice = min(max(level*64/50, 10), maxNice)
	f := &e.source.finder
	f.nice, f.depth = e.parser.nice, min(max(level, 4), 128)
	return e, nil
}

// Encode appends the encoding of src, which must not be longer than the maxSize of NewEncoder, to dst, which best has len(src) bytes
// of room. When it would not be smaller than src, ok is false and dst is given back as it was: such a piece is stored as it is. The same bytes
// and level give the same encoding.
//
// A piece of more than 1 MiB is worked on by two goroutines, one that looks for matches and one that chooses among them, so that one
// encoder can keep two processors busy with the memory for one piece. They have ended when Encode returns.
func (e *Encoder) Encode(dst, src []byte) (out []byte, ok bool) {
	if len(src) > e.maxSize {
		panic(fmt.Sprintf("lzms: a piece of %d bytes for an encoder of up to %d", len(src), e.maxSize))
	}
	if len(src) < minEncode {
		return dst, false
	}
	e.reset(src)
	dst = slices.Grow(dst, len(src))
	e.out.reset(dst[len(dst) : len(dst)+(len(src)-1)&^1])
	e.source.start(e.data, e.size)
	for e.parser.pos = 0; e.parser.pos < e.size && !e.out.full; {
		path := e.best()
		for i := len(path) - 1; i >= 0; i-- {
			e.write(&path[i])
		}
	}
	e.source.stop()
	n := e.out.finish()
	if e.out.full {
		return dst, false
	}
	return dst[:len(dst)+n], true
}

func (e *Encoder) reset(src []byte) {
	e.size = len(src)
	if len(e.buf) < len(src)+padding {
		e.buf = nil
		e.buf = make([]byte, len(src)+padding)
	}
	e.data = e.buf[:len(src)+padding]
	copy(e.data, src)
	clear(e.data[len(src):])
	e.x86.apply(e.data[:len(src)], false)
	e.deltas.reset(e.size)
	e.short.reset(e.data, e.size)
	e.chances.reset()
	e.state.reset()
	slots := offsetSlotCount(len(src))
	e.literal.reset(literals, literalPeriod)
	e.offset.reset(slots, offsetPeriod)
	e.length.reset(lengthSlots, lengthPeriod)
	e.deltaOffset.reset(slots, offsetPeriod)
	e.power.reset(deltaPowers, powerPeriod)
	symbolCosts(e.costs.literal[:], &e.literal, nil)
	symbolCosts(e.costs.offset[:], &e.offset, offsets.extra[:])
	symbolCosts(e.costs.deltaOffset[:], &e.deltaOffset, offsets.extra[:])
	symbolCosts(e.costs.power[:], &e.power, nil)
	e.costs.setLengths(&e.length, e.slots)
}

// write writes an item and goes behind it.
func (e *Encoder) write(it *item) {
	n := it.length
	if it.first != 0 {
		n = uint32(it.first)
	}
	e.single(it.kind, it.value, n)
	if it.first != 0 {
		e.single(isLiteral, 0, 1)
		e.single(repOf(it.kind), it.value, it.length-n-1)
	}
}

func (e *Encoder) single(kind uint8, value, length uint32) {
	o, s, ch := &e.out, &e.state, &e.chances
	switch {
	case kind == isLiteral:
		o.decide(&ch.main[s.main], 0)
		if o.symbol(&e.literal, int(e.data[e.parser.pos])) {
			symbolCosts(e.costs.literal[:], &e.literal, nil)
		}
	case kind <= isLZ:
		o.decide(&ch.main[s.main], 1)
		o.decide(&ch.match[s.match], 0)
		if kind == isLZ {
			o.decide(&ch.lz[s.lz], 0)
			if e.number(&e.offset, value) {
				symbolCosts(e.costs.offset[:], &e.offset, offsets.extra[:])
			}
		} else {
			o.decide(&ch.lz[s.lz], 1)
			e.writeRep(&ch.lzRep, &s.lzRep, kind-isLZRep)
		}
		e.writeLength(length)
	default:
		o.decide(&ch.main[s.main], 1)
		o.decide(&ch.match[s.match], 1)
		if kind == isDelta {
			o.decide(&ch.delta[s.delta], 0)
			if o.symbol(&e.power, int(value>>powerShift)) {
				symbolCosts(e.costs.power[:], &e.power, nil)
			}
			if e.number(&e.deltaOffset, value&(1<<powerShift-1)) {
				symbolCosts(e.costs.deltaOffset[:], &e.deltaOffset, offsets.extra[:])
			}
		} else {
			o.decide(&ch.delta[s.delta], 1)
			e.writeRep(&ch.deltaRep, &s.deltaRep, kind-isDeltaRep)
		}
		e.writeLength(length)
	}
	s.step(kind, value)
	e.parser.pos += int(length)
}

func (e *Encoder) writeRep(ch *[recentCount - 1][repStates]uint64, s *[recentCount - 1]uint8, which uint8) {
	for i := range uint8(recentCount - 1) {
		if which == i {
			e.out.decide(&ch[i][s[i]], 0)
			return
		}
		e.out.decide(&ch[i][s[i]], 1)
	}
}

// number writes the slot and extra bits of an offset, and reports that the code has changed.
func (e *Encoder) number(c *encodeCode, v uint32) bool {
	slot := e.slots.offset(v)
	changed := e.out.symbol(c, slot)
	e.out.bits(v-offsets.base[slot], uint(offsets.extra[slot]))
	return changed
}

func (e *Encoder) writeLength(v uint32) {
	slot := e.slots.ofLength(v)
	changed := e.out.symbol(&e.length, slot)
	e.out.bits(v-lengths.base[slot], uint(lengths.extra[slot]))
	if changed {
		e.costs.setLengths(&e.length, e.slots)
	}
}
