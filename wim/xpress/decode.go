package xpress

import (
	"encoding/binary"
	"errors"

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
	longSymbol = 15 // in a symbol: the length follows
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

// Decode decodes src and fills dst exactly, or returns an error, and then dst holds nonsense. It never reads or writes anything else.
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
	if err := huffman.Build(d.table[:], rootBits, maxLen, d.lens[:], values[:]); err != nil {
		return errCode
	}
	return d.decodeBody(dst, src)
}

// margin is how many bytes a round of the quick loop may write.
const margin = 2 + match.Near

// decodeBody decodes what follows the header. buf holds the next bits, highest first, at least n of them valid; those below are
// either zero or what will be read there.
//
// The quick loop does what is frequent, away from the ends of dst and src; the rest of the round takes one symbol of whatever kind.
func (d *Decoder) decodeBody(dst, src []byte) error {
	table := &d.table
	pos, op := headerSize, 0
	var buf uint64
	var n uint32
	for op < len(dst) {
		buf, pos, n = refill(src, buf, pos, n)
		// Each round of the quick loop ends with the lookup for the next one, which then need not wait for more bits. The loop calls nothing, so that all
		// it has stays in registers.
		e := table[buf>>(64-rootBits)]
		for op <= len(dst)-margin && pos <= len(src)-8 {
			// As in refill. Two literals, or one and a match, take at most 41 bits, and leave at least 23 of 64 for the lookup.
			buf |= words(binary.LittleEndian.Uint64(src[pos:])) >> (n & 63)
			pos += int(^n&48) >> 3
			n |= 48
			if isLiteral(e) {
				dst[op] = byte(e >> 8)
				op++
				buf <<= e & 63
				n -= e // which makes the bits above the lowest 6 nonsense
				e = table[buf>>(64-rootBits)]
				if isLiteral(e) {
					dst[op] = byte(e >> 8)
					op++
					buf <<= e & 63
					n -= e
					e = table[buf>>(64-rootBits)]
					continue
				}
			}
			if e < plainMatch {
				break // 37 bits or more are left for the rest of the round
			}
			length, offset := matchOf(e, buf)
			if offset > op {
				return errOffset
			}
			if offset < 16 && offset < length {
				break
			}
			buf <<= e & 63
			n -= e
			e = table[buf>>(64-rootBits)]
			match.CopyNear(dst, op, offset)
			op += length
		}
		n &= 63
		if op >= len(dst) {
			break
		}
		if n < maxLen+16 { // of which longLength needs 16
			buf, pos, n = refill(src, buf, pos, n)
			e = table[buf>>(64-rootBits)]
		}
		if e&secondary != 0 {
			e = table[(e&^secondary)>>8+uint32(buf<<rootBits>>(64-maxLen+rootBits))]
		}
		if isLiteral(e) {
			dst[op] = byte(e >> 8)
			op++
			buf <<= e & 63
			n = (n - e) & 63
			continue
		}
		if e == 0 {
			return errCode
		}
		long := 0
		if e&longMatch != 0 {
			var err error
			if long, pos, buf, n, err = longLength(src, pos, buf<<(e&63), (n-e)&63); err != nil {
				return err
			}
			e = offsetEntry(e)
		}
		length, offset := matchOf(e, buf)
		length += long
		buf <<= e & 63
		n = (n - e) & 63
		if offset > op {
			return errOffset
		}
		if length > len(dst)-op {
			return errLength
		}
		match.Copy(dst, op, offset, length)
		op += length
	}
	if pos-int(n>>4)*2 > len(src) {
		return errShort
	}
	return nil
}
