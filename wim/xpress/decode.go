package xpress

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/wimcast/wimcast/wim/internal/huffman"
	"github.com/wimcast/wimcast/wim/internal/match"
)

// MaxSize is the largest number of bytes of one piece.
const MaxSize = 65536

const (
	symbols    = 512
	headerSize = symbols / 2
	minMatch   = 3
	maxLen     = 15 // of a codeword
	longMatch  = 15 // in a symbol: the length follows
)

// Errors of Decode.
var (
	errShort  = errors.New("decode XPRESS: data ends too early")
	errCode   = errors.New("decode XPRESS: bad prefix code")
	errOffset = errors.New("decode XPRESS: match starts before the data")
	errLength = errors.New("decode XPRESS: match ends behind the data")
)

// The decoding table: how many bits the first lookup takes, and the number of entries.
const (
	rootBits  = 11
	tableSize = 1<<rootBits + (symbols/2+1)<<(maxLen-rootBits)
)

// Decoder decodes pieces. Its zero value is ready.
type Decoder struct {
	table [tableSize]uint32
	lens  [symbols]uint8
}

// Decode decodes src and fills dst exactly, or gives an error, and then dst holds nonsense. It never reads or writes anything else.
func (d *Decoder) Decode(dst, src []byte) error {
	if len(dst) == 0 {
		return nil
	}
	if len(src) < headerSize {
		return errShort
	}
	for i, b := range src[:headerSize] {
		d.lens[2*i] = b & 15
		d.lens[2*i+1] = b >> 4
	}
	if err := huffman.Build(d.table[:], rootBits, maxLen, d.lens[:]); err != nil {
		return errCode
	}
	return d.decodeBody(dst, src)
}

// decodeBody decodes what follows the header. buf holds the next bits, highest first, at least n of them valid; those below are
// either zero or what will be read there.
func (d *Decoder) decodeBody(dst, src []byte) error {
	pos, op := headerSize, 0
	var buf uint64
	var n uint
	for op < len(dst) {
		// Two symbols and an offset take at most 15 + 15 + 15 bits; this makes 48.
		if pos+8 <= len(src) {
			buf |= words(binary.LittleEndian.Uint64(src[pos:])) >> (n & 63)
			pos += int(63-n) >> 4 << 1
			n |= 48
		} else {
			buf, pos, n = refillTail(src, buf, pos, n)
		}
		e := d.table[buf>>(64-rootBits)]
		if e&huffman.Sub != 0 {
			e = d.table[(e&^huffman.Sub)>>8+uint32(buf<<rootBits>>(64-maxLen+rootBits))]
		}
		l := uint(e & huffman.LengthMask)
		buf <<= l
		n -= l
		sym := e >> 8
		if sym < 256 {
			if l == 0 {
				return errCode
			}
			dst[op] = byte(sym)
			if op++; op >= len(dst) {
				break
			}
			e = d.table[buf>>(64-rootBits)]
			if e&huffman.Sub != 0 {
				e = d.table[(e&^huffman.Sub)>>8+uint32(buf<<rootBits>>(64-maxLen+rootBits))]
			}
			l = uint(e & huffman.LengthMask)
			buf <<= l
			n -= l
			sym = e >> 8
			if sym < 256 {
				if l == 0 {
					return errCode
				}
				dst[op] = byte(sym)
				op++
				continue
			}
		}
		length := int(sym & longMatch)
		if length == longMatch {
			// Go back to what a reader of 16 to 32 bits would have read.
			extra := n>>4 - 1
			pos -= int(2 * extra)
			n -= 16 * extra
			buf &= ^uint64(0) << (64 - n)
			var err error
			if length, pos, err = longLength(src, pos); err != nil {
				return err
			}
		}
		length += minMatch
		obits := uint(sym>>4) & 15
		offset := int(1<<obits | buf>>1>>(63-obits))
		buf <<= obits
		n -= obits
		if offset > op {
			return errOffset
		}
		if length > len(dst)-op {
			return errLength
		}
		if from := op - offset; length <= match.Near && offset >= 16 && op+match.Near <= len(dst) {
			s, d := dst[from:from+match.Near], dst[op:op+match.Near]
			*(*[16]byte)(d) = *(*[16]byte)(s)
			*(*[16]byte)(d[16:]) = *(*[16]byte)(s[16:])
		} else {
			match.Copy(dst, op, offset, length)
		}
		op += length
	}
	if pos-int(n>>4)*2 > len(src) {
		return errShort
	}
	return nil
}

// words turns four little-endian words into 64 bits, the first word highest.
func words(x uint64) uint64 {
	x = bits.RotateLeft64(x, 32)
	const low = 0x0000ffff0000ffff
	return x&low<<16 | x>>16&low
}

// refillTail fills the buffer near the end of src; behind the end it reads zeros, which the caller notices by pos.
func refillTail(src []byte, buf uint64, pos int, n uint) (uint64, int, uint) {
	for n <= 48 {
		if pos+2 <= len(src) {
			buf |= uint64(binary.LittleEndian.Uint16(src[pos:])) << (48 - n)
		}
		pos += 2
		n += 16
	}
	return buf, pos, n
}

// longLength reads a match length, less minMatch, that does not fit into its symbol.
func longLength(src []byte, pos int) (length, next int, err error) {
	if pos >= len(src) {
		return 0, 0, errShort
	}
	if b := src[pos]; b != 255 {
		return longMatch + int(b), pos + 1, nil
	}
	if pos+3 > len(src) {
		return 0, 0, errShort
	}
	return int(binary.LittleEndian.Uint16(src[pos+1:])), pos + 3, nil
}
