package xpress

import (
	"math/bits"

	"github.com/wimcast/wimcast/wim/internal/huffman"
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

func isLiteral(e uint32) bool { return int32(e) < 0 }

// matchOf returns what a match's entry says; buf starts with its codeword and offset bits.
func matchOf(e uint32, buf uint64) (length, offset int) {
	top := e >> topShift & 0xffff
	return int(e >> lengthShift & 31), int(uint32(buf>>(-e&63))&(top-1) + top)
}

// offsetEntry turns the entry of a long match into one of no codeword and no length, but with the offset bits.
func offsetEntry(e uint32) uint32 {
	top := e >> topShift & 0xffff
	return top<<topShift | uint32(bits.Len32(top)-1)
}
