package xpress

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/wimcast/wimcast/wim/internal/huffman"
)

// plainDecoder reads as [MS-XCA] 2.2.4 has it, word by word and bit by bit.
type plainDecoder struct {
	src  []byte
	pos  int
	bits []byte // read ahead, one in each byte
}

// word reads a word, or zeros behind the end.
func (p *plainDecoder) word() (v int) {
	if p.pos+2 <= len(p.src) {
		v = int(p.src[p.pos]) | int(p.src[p.pos+1])<<8
	}
	p.pos += 2
	return v
}

func (p *plainDecoder) read() {
	for w, i := p.word(), 15; i >= 0; i-- {
		p.bits = append(p.bits, byte(w>>i&1))
	}
}

// take takes n bits, and reads a word when fewer than 16 are left.
func (p *plainDecoder) take(n int) (v int) {
	for range n {
		v = v<<1 | int(p.bits[0])
		p.bits = p.bits[1:]
	}
	if len(p.bits) < 16 {
		p.read()
	}
	return v
}

// symbol decodes a symbol by trying each codeword; it is -1 when none fits.
func (p *plainDecoder) symbol(lens []uint8) int {
	code, first, l := 0, 0, 0
	for l < maxLen {
		code = code<<1 | int(p.bits[l])
		first <<= 1
		l++
		for s, sl := range lens {
			if int(sl) != l {
				continue
			}
			if first == code {
				p.take(l)
				return s
			}
			first++
		}
	}
	return -1
}

// plainDecode gives n decoded bytes, or false.
func plainDecode(src []byte, n int) (dst []byte, ok bool) {
	if n == 0 {
		return nil, true
	}
	if len(src) < headerSize {
		return nil, false
	}
	var lens [symbols]uint8
	used := 0
	for i, b := range src[:headerSize] {
		lens[2*i], lens[2*i+1] = b&15, b>>4
	}
	for _, l := range lens {
		if l != 0 {
			used += 1 << (maxLen - l)
		}
	}
	if used > 1<<maxLen {
		return nil, false
	}
	p := plainDecoder{src: src, pos: headerSize}
	p.read()
	p.read()
	for len(dst) < n {
		s := p.symbol(lens[:])
		if s < 0 {
			return nil, false
		}
		if s < 256 {
			dst = append(dst, byte(s))
			continue
		}
		length := s&15 + minMatch
		if s&15 == longSymbol {
			more, ok := p.long()
			if !ok {
				return nil, false
			}
			length = more + minMatch
		}
		bits := s >> 4 & 15
		offset := 1<<bits + p.take(bits)
		if offset > len(dst) || length > n-len(dst) {
			return nil, false
		}
		for range length {
			dst = append(dst, dst[len(dst)-offset])
		}
	}
	return dst, p.pos-len(p.bits)/16*2 <= len(src)
}

// long reads the length of a long match.
func (p *plainDecoder) long() (length int, ok bool) {
	if p.pos+1 > len(p.src) {
		return 0, false
	}
	b := int(p.src[p.pos])
	p.pos++
	if b != 255 {
		return longSymbol + b, true
	}
	if p.pos+2 > len(p.src) {
		return 0, false
	}
	return p.word(), true
}

func checkAgainstPlain(t *testing.T, src []byte, n int) {
	t.Helper()
	var dec Decoder
	got := make([]byte, n)
	err := dec.Decode(got, src)
	want, ok := plainDecode(src, n)
	if ok != (err == nil) || ok && !bytes.Equal(got, want) {
		t.Fatalf("%d bytes from %x: plain decoding succeeds: %v, this: %v, same bytes: %v", n, src, ok, err, bytes.Equal(got, want))
	}
}

// Random codes and bits reach what no encoder makes: long codewords of long matches near the ends, rare symbols behind any others.
func TestDecodingAgreesWithPlainDecoding(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	var enc huffman.Encoder
	decoded := 0
	for range 1500 {
		freqs := make([]uint32, symbols)
		matches, few := rng.IntN(3), 1+rng.IntN(300)
		for s := range freqs {
			if rng.IntN(few) > 8 || s >= 256 && (s>>4&15 > rng.IntN(8) || matches == 0) {
				continue
			}
			freqs[s] = 1 << rng.IntN(18)
			if s >= 256 && matches == 1 {
				freqs[s] = freqs[s]>>8 + 1
			}
		}
		enc.Make(freqs, maxLen)
		var src []byte
		for i := range headerSize {
			src = append(src, enc.Lens[2*i]|enc.Lens[2*i+1]<<4)
		}
		ones := rng.IntN(4) // long codewords start with many
		for range rng.IntN(300) {
			b := byte(rng.Uint32())
			for range ones {
				b |= byte(rng.Uint32())
			}
			src = append(src, b)
		}
		n := rng.IntN(400)
		checkAgainstPlain(t, src, n)
		if _, ok := plainDecode(src, n); ok && n > 40 {
			decoded++
		}
		for _, n := range []int{8, 30, 60, 120, 250} {
			checkAgainstPlain(t, src, n)
		}
	}
	if decoded < 100 {
		t.Errorf("only %d streams decoded: the test tests little", decoded)
	}
}
