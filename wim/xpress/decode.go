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

// An entry of the decoding table has all that its symbol says:
//
//	bits 0-5    length of the codeword, and with plainMatch of the offset bits behind it
//	literal:    bits 8-15 the byte
//	match:      bits 6-10 its length, bits 11-26 the highest bit of its offset
//
// Of the flags below one is set; with none, no codeword starts like this. An entry below plainMatch is for neither literals nor plain matches.
const (
	literal    = 1 << 31
	plainMatch = 1 << 30
	secondary  = huffman.Sub
	longMatch  = 1 << 28 // the length follows; it stands before the offset bits, which are not in bits 0-5

	lengthShift = 6
	topShift    = 11
)

// values are the entries of all symbols, less the lengths of their codewords.
var values = func() (v [symbols]uint32) {
	for s := range uint32(256) {
		bits, length := s>>4, s&15+minMatch
		v[s] = literal | s<<8
		v[256+s] = 1<<bits<<topShift | length<<lengthShift
		if s&15 == longSymbol {
			v[256+s] |= longMatch
		} else {
			v[256+s] |= plainMatch | bits
		}
	}
	return v
}()

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
		// Each round of the quick loop ends with the lookup for the next one, which then need not wait for more bits.
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
			e = offsetBits(e)
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

func isLiteral(e uint32) bool { return int32(e) < 0 }

// matchOf gives what a match's entry says; buf starts with its codeword and offset bits.
func matchOf(e uint32, buf uint64) (length, offset int) {
	top := e >> topShift & 0xffff
	return int(e >> lengthShift & 31), int(uint32(buf>>(-e&63))&(top-1) + top)
}

// refill makes at least 48 bits valid.
func refill(src []byte, buf uint64, pos int, n uint32) (uint64, int, uint32) {
	if pos > len(src)-8 {
		return refillTail(src, buf, pos, n)
	}
	return buf | words(binary.LittleEndian.Uint64(src[pos:]))>>(n&63), pos + int(^n&48)>>3, n | 48
}

// words turns four little-endian words into 64 bits, the first word highest.
func words(x uint64) uint64 {
	x = bits.RotateLeft64(x, 32)
	const low = 0x0000ffff0000ffff
	return x&low<<16 | x>>16&low
}

// refillTail fills the buffer near the end of src; behind the end it reads zeros, which the caller notices by pos.
func refillTail(src []byte, buf uint64, pos int, n uint32) (uint64, int, uint32) {
	for n < 48 {
		if pos+2 <= len(src) {
			buf |= uint64(binary.LittleEndian.Uint16(src[pos:])) << (48 - n)
		}
		pos += 2
		n += 16
	}
	return buf, pos, n
}

// offsetBits turns the entry of a long match into one without a codeword or a length, but with offset bits.
func offsetBits(e uint32) uint32 {
	top := e >> topShift & 0xffff
	return top<<topShift | uint32(bits.Len32(top)-1)
}

// longLength reads a match length that does not fit into its symbol. It stands behind the words that a reader of 16 to 32 bits would have read.
func longLength(src []byte, pos int, buf uint64, n uint32) (length, next int, rest uint64, left uint32, err error) {
	ahead := n>>4 - 1
	pos -= int(2 * ahead)
	n -= 16 * ahead
	buf &= ^uint64(0) << (64 - n)
	if pos >= len(src) {
		return 0, 0, 0, 0, errShort
	}
	if b := src[pos]; b != 255 {
		return minMatch + longSymbol + int(b), pos + 1, buf, n, nil
	}
	if pos+3 > len(src) {
		return 0, 0, 0, 0, errShort
	}
	return minMatch + int(binary.LittleEndian.Uint16(src[pos+1:])), pos + 3, buf, n, nil
}
