package lzx

import (
	"fmt"
	"slices"
)

// Levels of an encoder: how hard it tries.
const (
	MinLevel     = 1
	MaxLevel     = 100
	DefaultLevel = 50
)

const maxMatch = 257

// Encoder encodes pieces. One goroutine at a time may use it. The same bytes always give the same encoding, whatever was encoded before.
type Encoder struct {
	pieceSize int
	finder    *chains
	coder     coder
	data      []byte
	tokens    []token
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
	e := &Encoder{pieceSize: pieceSize, finder: newChains(pieceSize, level, min(maxMatch, 8+level))}
	e.coder.mainSymbols, e.coder.longSizes = d.mainSymbols, d.longSizes
	return e, nil
}

// Encode appends the encoding of src to dst if it is shorter than src; ok says whether it is. If src is longer than the encoder's
// pieces ok is false. Once dst is large enough it allocates nothing.
func (e *Encoder) Encode(dst, src []byte) (out []byte, ok bool) {
	if len(src) == 0 || len(src) > e.pieceSize {
		return dst, false
	}
	e.data = append(e.data[:0], src...)
	translate(e.data)
	e.tokens = e.tokens[:0]
	e.lazy(e.data)

	room := len(src) + slop
	dst = slices.Grow(dst, room)
	c := &e.coder
	c.start(dst[len(dst) : len(dst)+room])
	e.writeBlocks()
	c.out.align(false)
	if c.out.pos >= len(src) {
		return dst, false
	}
	return dst[:len(dst)+c.out.pos], true
}

// blockSize is how many bytes a block stands for, more or less.
const blockSize = 32768

// writeBlocks writes all tokens.
func (e *Encoder) writeBlocks() {
	q := firstQueue
	data, tokens := e.data, e.tokens
	for len(tokens) > 0 {
		n, size := 0, 0
		for n < len(tokens) && size+tokens[n].step() <= blockSize {
			t := tokens[n]
			if t.length() > 0 {
				q.take(t.v())
			}
			size += t.step()
			n++
		}
		e.coder.write(tokens[:n], data[:size], &q)
		if e.coder.out.overrun() {
			return
		}
		data, tokens = data[size:], tokens[n:]
	}
}
