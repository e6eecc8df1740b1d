package xpress

import (
	"encoding/binary"
	"fmt"
	"slices"

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
	tokens tokens
	codes  [symbols]uint32 // codeword<<8 | its length
	out    writer
}

// tokens is what a parse gives: symbols, each one with the bits of its offset, as symbol<<16 | bits; and the lengths less minMatch of the matches
// whose symbols do not tell them.
type tokens struct {
	all   [MaxSize]uint32
	n     int
	long  []uint16
	freqs [symbols]uint32
}

func (t *tokens) reset() {
	t.n, t.long = 0, t.long[:0]
	clear(t.freqs[:])
}

func (t *tokens) literal(b byte) {
	t.freqs[b]++
	t.all[t.n&(MaxSize-1)] = uint32(b) << 16
	t.n++
}

func (t *tokens) match(length, offset int) {
	n := length - minMatch
	obits := log2(uint32(offset))
	if n >= longSymbol {
		t.long = append(t.long, uint16(n))
		n = longSymbol
	}
	sym := 256 | uint32(obits)<<4 | uint32(n)
	t.freqs[sym&(symbols-1)]++
	t.all[t.n&(MaxSize-1)] = sym<<16 | uint32(offset)&^(1<<obits)
	t.n++
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
	e.finder.setLevel(level)
	return e, nil
}

// Encode appends the encoding of src to dst if it is shorter than src; ok says whether it is. src has at most MaxSize bytes.
func (e *Encoder) Encode(dst, src []byte) (out []byte, ok bool) {
	if len(src) <= headerSize || len(src) > MaxSize {
		return dst, false
	}
	if e.finder.nice == 0 {
		e.finder.setLevel(DefaultLevel)
	}
	e.tokens.reset()
	e.finder.parse(&e.tokens, src)
	e.tokens.freqs[endOfData]++
	e.huff.Make(e.tokens.freqs[:], maxLen)
	if e.size() >= len(src) {
		return dst, false
	}
	dst = slices.Grow(dst, len(src)+slop)
	for i := range headerSize {
		dst = append(dst, e.huff.Lens[2*i]|e.huff.Lens[2*i+1]<<4)
	}
	for i := range e.codes {
		e.codes[i] = uint32(e.huff.Codes[i])<<8 | uint32(e.huff.Lens[i])
	}
	return e.writeBody(dst), true
}

// size is the length of the encoding in bytes, rounded up.
func (e *Encoder) size() int {
	n, long := 0, 0
	for sym, f := range e.tokens.freqs {
		n += int(f) * (int(e.huff.Lens[sym]) + int(extraBits(uint32(sym))))
	}
	for _, l := range e.tokens.long {
		if l >= longSymbol+255 {
			long += 3
		} else {
			long++
		}
	}
	return headerSize + n/8 + 4 + long
}

// extraBits is how many bits follow the codeword of a symbol.
func extraBits(sym uint32) uint { return uint(sym >> 8 * (sym >> 4 & 15)) }

func (e *Encoder) writeBody(dst []byte) []byte {
	w := &e.out
	w.start(dst)
	long := e.tokens.long
	for _, t := range e.tokens.all[:e.tokens.n] {
		sym := t >> 16 & (symbols - 1)
		code := e.codes[sym]
		if sym&(256|longSymbol) != 256|longSymbol {
			k := extraBits(sym)
			w.put(code>>8<<k|t&0xffff, uint(code&255)+k)
			continue
		}
		w.put(code>>8, uint(code&255))
		w.length(long[0])
		long = long[1:]
		w.put(t&0xffff, extraBits(sym))
	}
	w.put(e.codes[endOfData]>>8, uint(e.codes[endOfData]&255))
	return w.finish()
}

// writer lays out words and bytes so that each stands where a reader looks for it: two words are always reserved ahead of the bytes.
type writer struct {
	buf          []byte
	word1, word2 int // where the next two words go
	end          int
	acc          uint64
	n            uint // bits in acc, at most 32 between calls
}

// slop is how much more than the encoding the writer may need.
const slop = 16

// start begins behind dst, which has room for all.
func (w *writer) start(dst []byte) {
	w.word1, w.word2, w.end = len(dst), len(dst)+2, len(dst)+4
	w.buf = dst[:cap(dst)]
	w.acc, w.n = 0, 0
}

// put appends n bits, at most 31 of them.
func (w *writer) put(v uint32, n uint) {
	w.acc = w.acc<<n | uint64(v)
	w.n += n
	if w.n > 32 {
		w.n -= 32
		both := uint32(w.acc >> w.n)
		binary.LittleEndian.PutUint16(w.buf[w.word1:], uint16(both>>16))
		binary.LittleEndian.PutUint16(w.buf[w.word2:], uint16(both))
		w.word1, w.word2 = w.end, w.end+2
		w.end += 4
	}
}

// settle writes as many words as a reader has read that is asked for bytes now.
func (w *writer) settle() {
	if w.n > 16 {
		w.n -= 16
		binary.LittleEndian.PutUint16(w.buf[w.word1:], uint16(w.acc>>w.n))
		w.word1, w.word2 = w.word2, w.end
		w.end += 2
	}
}

// length writes a match length, less minMatch, that does not fit into its symbol.
func (w *writer) length(n uint16) {
	w.settle()
	if n < longSymbol+255 {
		w.buf[w.end] = byte(n - longSymbol)
		w.end++
		return
	}
	w.buf[w.end] = 255
	binary.LittleEndian.PutUint16(w.buf[w.end+1:], n)
	w.end += 3
}

func (w *writer) finish() []byte {
	w.settle()
	binary.LittleEndian.PutUint16(w.buf[w.word1:], uint16(w.acc<<(16-w.n)))
	binary.LittleEndian.PutUint16(w.buf[w.word2:], 0)
	return w.buf[:w.end]
}
