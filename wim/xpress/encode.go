package xpress

import (
	"encoding/binary"
	"fmt"

	"github.com/wimcast/wimcast/wim/internal/huffman"
)

// endOfData is written behind the last symbol, as [MS-XCA] wants it.
const endOfData = 256

// Levels of an encoder: how hard it tries.
const (
	MinLevel     = 1
	MaxLevel     = 100
	DefaultLevel = 50
)

// Encoder encodes pieces. Its zero value is ready, and has DefaultLevel. The same bytes always give the same encoding.
type Encoder struct {
	finder finder
	huff   huffman.Encoder
	freqs  [symbols]uint32
	tokens []uint32 // literal: the byte; match: length<<16 | offset, where length is never 0
	out    writer
}

// NewEncoder makes an encoder of that level: MinLevel (fast) to MaxLevel (small), or 0 for DefaultLevel.
func NewEncoder(level int) (*Encoder, error) {
	if level == 0 {
		level = DefaultLevel
	}
	if level < MinLevel || level > MaxLevel {
		return nil, fmt.Errorf("make XPRESS encoder: level %d is not in %d to %d", level, MinLevel, MaxLevel)
	}
	e := new(Encoder)
	e.finder.depth = max(1, maxChain*level/DefaultLevel)
	return e, nil
}

// Encode appends the encoding of src to dst if it is shorter than src; ok says whether it is. src has at most MaxSize bytes.
func (e *Encoder) Encode(dst, src []byte) (out []byte, ok bool) {
	if len(src) <= headerSize || len(src) > MaxSize {
		return dst, false
	}
	e.tokens = e.finder.parse(e.tokens[:0], src)
	e.countSymbols()
	e.huff.Make(e.freqs[:], maxLen)
	if e.size() >= len(src) {
		return dst, false
	}
	for i := range headerSize {
		dst = append(dst, e.huff.Lens[2*i]|e.huff.Lens[2*i+1]<<4)
	}
	e.out.start(dst, len(src))
	for _, t := range e.tokens {
		e.write(t)
	}
	e.out.bits(uint32(e.huff.Codes[endOfData]), uint(e.huff.Lens[endOfData]))
	dst = e.out.finish()
	return dst, true
}

// split gives the symbol of a match, its length less minMatch, and the bits of its offset.
func split(t uint32) (sym, length int, offset uint32, obits uint) {
	length = int(t>>16) - minMatch
	offset = t & 0xffff
	obits = log2(offset)
	return 256 + int(obits)<<4 + min(length, 15), length, offset &^ (1 << obits), obits
}

func (e *Encoder) countSymbols() {
	clear(e.freqs[:])
	for _, t := range e.tokens {
		if t < 256 {
			e.freqs[t]++
		} else {
			sym, _, _, _ := split(t)
			e.freqs[sym]++
		}
	}
	e.freqs[endOfData]++
}

// size is the length of the encoding in bytes, rounded up.
func (e *Encoder) size() int {
	n, long := 0, 0
	for sym, f := range e.freqs {
		bits := int(e.huff.Lens[sym])
		if sym >= 256 {
			bits += (sym - 256) >> 4
		}
		n += int(f) * bits
	}
	for _, t := range e.tokens {
		if l := int(t>>16) - minMatch; l >= 15+255 {
			long += 3
		} else if l >= 15 {
			long++
		}
	}
	return headerSize + n/8 + 4 + long
}

func (e *Encoder) write(t uint32) {
	if t < 256 {
		e.out.bits(uint32(e.huff.Codes[t]), uint(e.huff.Lens[t]))
		return
	}
	sym, length, low, obits := split(t)
	e.out.bits(uint32(e.huff.Codes[sym]), uint(e.huff.Lens[sym]))
	if length >= 15+255 {
		e.out.bytes(255, byte(length), byte(length>>8))
	} else if length >= 15 {
		e.out.bytes(byte(length - 15))
	}
	e.out.bits(low, obits)
}

// writer lays out words and bytes so that each stands where a reader looks for it: two words are always reserved ahead of the bytes.
type writer struct {
	buf          []byte
	word1, word2 int // where the next two words go
	acc          uint64
	n            uint // bits in acc, at most 16 between calls
}

// start begins behind dst; room is how many bytes may follow.
func (w *writer) start(dst []byte, room int) {
	for cap(dst)-len(dst) < room+8 {
		dst = append(dst[:cap(dst)], 0)[:len(dst)]
	}
	w.word1, w.word2 = len(dst), len(dst)+2
	w.buf = dst[:len(dst)+4]
	w.acc, w.n = 0, 0
}

func (w *writer) bits(v uint32, n uint) {
	w.acc = w.acc<<n | uint64(v)
	w.n += n
	if w.n > 16 {
		w.n -= 16
		binary.LittleEndian.PutUint16(w.buf[w.word1:], uint16(w.acc>>w.n))
		w.word1, w.word2 = w.word2, len(w.buf)
		w.buf = w.buf[:len(w.buf)+2]
	}
}

func (w *writer) bytes(b ...byte) { w.buf = append(w.buf, b...) }

func (w *writer) finish() []byte {
	binary.LittleEndian.PutUint16(w.buf[w.word1:], uint16(w.acc<<(16-w.n)))
	binary.LittleEndian.PutUint16(w.buf[w.word2:], 0)
	return w.buf
}
