package lzx

import (
	"fmt"
	"math/bits"
	"slices"
)

// Levels of an encoder: how hard it tries.
const (
	MinLevel     = 1
	MaxLevel     = 100
	DefaultLevel = 50
)

const (
	lazyBelow = 35 // levels below parse lazily
	twiceFrom = 75 // levels from here on parse a second time, with costs from the first one
	maxMatch  = 257
)

// Encoder encodes pieces. One goroutine at a time may use it. The same bytes always give the same encoding, whatever was encoded before.
type Encoder struct {
	pieceSize int
	finder    finder
	coder     coder
	optimal   optimal
	guess     guess
	splitter  splitter
	cache     []token // see chains.collect
	data      text
	size      int // of the piece in data
	tokens    []token
	lazy      bool
	passes    int
}

// finder is chains of either position.
type finder interface {
	reset(size int)
	lazy(tokens []token, t *text, size int) []token
	collect(cache []token, t *text, from, to, last int) []token
}

// NewEncoder makes an encoder for pieces of at most pieceSize bytes, at most MaxWindow; the window is the next power of two, at least MinWindow. level is
// MinLevel (fast) to MaxLevel (small), or 0 for DefaultLevel.
func NewEncoder(pieceSize, level int) (*Encoder, error) {
	d, err := NewDecoder(pieceSize)
	if err != nil {
		return nil, fmt.Errorf("make LZX encoder: piece size %d is not in 1 to %d", pieceSize, MaxWindow)
	}
	if level == 0 {
		level = DefaultLevel
	}
	if level < MinLevel || level > MaxLevel {
		return nil, fmt.Errorf("make LZX encoder: level %d is not in %d to %d", level, MinLevel, MaxLevel)
	}
	e := &Encoder{pieceSize: pieceSize, lazy: level < lazyBelow, passes: 1}
	e.coder.mainSymbols, e.coder.longSizes = d.mainSymbols, d.longSizes
	depth, nice := max(1, level/2), 8+level
	if !e.lazy {
		depth, nice = 16*level/DefaultLevel, min(maxPriced, 32*level/DefaultLevel)
		if level >= twiceFrom {
			e.passes = 2
		}
		n := min(pieceSize, segmentSize)
		e.optimal = optimal{nice: nice, steps: make([]step, n+1), queues: make([]queue, n+1)}
	}
	order := uint(max(12, bits.Len(uint(pieceSize-1))))
	if order <= 16 {
		e.finder = newChains[uint16](order, depth, nice)
	} else {
		e.finder = newChains[uint32](order, depth, nice)
	}
	return e, nil
}

// Encode appends the encoding of src to dst if it is shorter than src; ok says whether it is. If src is longer than the encoder's
// pieces ok is false. Once dst is large enough it allocates nothing.
func (e *Encoder) Encode(dst, src []byte) (out []byte, ok bool) {
	if len(src) == 0 || len(src) > e.pieceSize {
		return dst, false
	}
	e.size = copy(e.data[:], src)
	translate(e.data[:e.size])
	room := len(src) + slop
	dst = slices.Grow(dst, room)
	c := &e.coder
	c.start(dst[len(dst) : len(dst)+room])
	e.finder.reset(e.size)
	if e.lazy {
		e.tokens = e.finder.lazy(e.tokens[:0], &e.data, e.size)
		e.writeBlocks()
	} else {
		e.best()
	}
	c.out.align()
	if c.out.pos >= len(src) {
		return dst, false
	}
	return dst[:len(dst)+c.out.pos], true
}

// segmentSize is how many bytes are parsed in one go.
const segmentSize = 1 << 16

// best parses and writes the piece segment by segment.
func (e *Encoder) best() {
	q := firstQueue
	for from := 0; from < e.size && !e.coder.out.overrun(); {
		to := min(from+segmentSize, e.size)
		e.cache = e.finder.collect(e.cache[:0], &e.data, from, to, e.size-tail)
		e.guess.parse(&e.data, from, to, e.cache, q, e.optimal.nice)
		e.splitter.split(&e.guess, e.coder.mainSymbols)
		first := 0
		for i := range e.splitter.count {
			p := &e.splitter.parts[i]
			e.bestBlock(&p.counts, e.guess.marks[first], e.guess.marks[p.end], &q)
			first = p.end
		}
		from = to
	}
}

// bestBlock parses and writes a block, of which n are the guessed counts.
func (e *Encoder) bestBlock(n *counts, from, to mark, q *queue) {
	c, o := &e.coder, &e.optimal
	slots := (c.mainSymbols - literals) / 8
	start := *q
	if data := e.data[from.pos:to.pos]; n.hopeless(c.mainSymbols, len(data)) {
		e.tokens = e.tokens[:0]
		for _, b := range data {
			e.tokens = append(e.tokens, token(b))
		}
		c.write(e.tokens, len(data))
		return
	}
	for pass := range e.passes {
		if pass > 0 {
			*n = counts{}
			n.addAll(e.tokens)
		}
		o.costs.set(n, slots, o.nice)
		*q = start
		e.tokens = o.parse(e.tokens[:0], &e.data, from.pos, to.pos, e.cache[from.cache:], q)
	}
	c.write(e.tokens, to.pos-from.pos)
}

// blockSize is how many bytes a block stands for, more or less.
const blockSize = 32768

// writeBlocks writes all tokens.
func (e *Encoder) writeBlocks() {
	tokens := e.tokens
	for len(tokens) > 0 {
		n, size := 0, 0
		for n < len(tokens) && size+tokens[n].step() <= blockSize {
			size += tokens[n].step()
			n++
		}
		e.coder.write(tokens[:n], size)
		if e.coder.out.overrun() {
			return
		}
		tokens = tokens[n:]
	}
}
