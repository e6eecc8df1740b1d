package lzx

import (
	"encoding/binary"

	"github.com/wimcast/wimcast/wim/internal/huffman"
	"github.com/wimcast/wimcast/wim/internal/match"
)

// An entry of the main decoding table has all that its symbol says:
//
//	bits 0-5    length of the codeword, and unless a length symbol follows, of the offset bits behind it
//	literal:    bits 8-15 the byte
//	match:      bits 6-9 its length or the least one, bits 10-15 its slot
//
// An entry below quickMatch is for a second table, a match of slot 2, or no codeword at all (0).
const (
	literal       = 1 << 31
	quickMatch    = 1 << 30
	secondary     = huffman.Sub
	lengthFollows = 1 << 28

	lengthShift = 6
	slotShift   = 10
)

func isLiteral(e uint32) bool { return int32(e) < 0 }

// slot is how a match of a slot gets its offset. It is one formula for recent offsets and others, as a branch would often be guessed wrong.
type slot struct {
	keep    uint64 // of the recent offsets: those that stay in their places; those below move up
	recent  uint32 // offsetMask for a recent offset, else 0
	shift   uint32 // where it is
	bits    uint32 // number of offset bits, without an aligned symbol
	behind  uint32 // less the number of bits of an aligned symbol's part
	mask    uint32 // the part of the offset that is in the bits, if any
	base    uint32 // added to it
	aligned uint32 // all ones if an aligned symbol follows, else 0
	_       uint32
}

// kind has what the main code's symbols stand for in verbatim or aligned blocks.
type kind struct {
	aligned bool
	values  [maxMain]uint32
	slots   [64]slot
}

var blockKinds = [...]*kind{verbatimBlock: newKind(false), alignedBlock: newKind(true)}

func newKind(aligned bool) *kind {
	k := &kind{aligned: aligned}
	for s := range k.slots {
		t := &k.slots[s]
		if s < recents {
			*t = slot{keep: ^uint64(0) << (offsetBits * (s + 1)), recent: offsetMask, shift: uint32(offsetBits * s)}
			continue
		}
		t.base, t.bits, t.mask = slotBase[s], uint32(slotBits[s]), 1<<slotBits[s]-1
		t.keep = 1 << 63
		if aligned && t.bits >= 3 {
			t.bits, t.behind, t.mask, t.aligned = t.bits-3, ^uint32(2), t.mask&^7, ^uint32(0)
		}
	}
	for s := range k.values {
		if s < literals {
			k.values[s] = literal | uint32(s)<<8
			continue
		}
		n, m := uint32(s-literals)>>3, uint32(s)&7
		v := n<<slotShift | (m+minMatch)<<lengthShift
		if n != 2 {
			v |= quickMatch
		}
		if m == lengthPrimary {
			v |= lengthFollows
		} else {
			v += k.slots[n].bits
		}
		k.values[s] = v
	}
	return k
}

// offsets are the three recent offsets, the latest lowest.
type offsets uint64

// offsetBits is enough for the largest offset there can be, MaxWindow - minMatch.
const (
	offsetBits = 21
	offsetMask = 1<<offsetBits - 1
)

// packOffsets cuts what is too large to another offset that is.
func packOffsets(a, b, c uint32) offsets {
	return offsets(min(a, offsetMask)) | offsets(min(b, offsetMask))<<offsetBits | offsets(min(c, offsetMask))<<(2*offsetBits)
}

// offset returns the offset of a match, but for an aligned symbol. buf starts with n bits of which the last are those of the offset.
func (s *slot) offset(buf uint64, n uint32, recent offsets) uint32 {
	return uint32(recent>>(s.shift&63))&s.recent | (uint32(buf>>((s.behind-n)&63))&s.mask + s.base)
}

// push returns the recent offsets after a match.
func (s *slot) push(recent offsets, offset uint32) offsets {
	moved := recent << offsetBits
	return offsets(uint64(recent^moved)&s.keep) ^ moved | offsets(offset)
}

// swap returns the recent offsets after a match of slot 2, whose offset changes places with the latest.
func (o offsets) swap(offset uint32) offsets {
	const third = offsetMask << (2 * offsetBits)
	return o&^(third|offsetMask) | o&offsetMask<<(2*offsetBits) | offsets(offset)
}

// margin is how many bytes a round of the quick loop may write, without a length symbol.
const margin = 2 + match.Near

// block decodes the symbols of a compressed block into dst[op:end], and returns the recent offsets then. The frequent ones are quick's, away from the ends of
// the block and the data; the others are one's.
func (d *Decoder) block(dst []byte, op, end int, recent offsets, k *kind) (offsets, error) {
	dst = dst[:end:end]
	for op < len(dst) {
		var err error
		if op, recent, err = d.quick(dst, op, recent, k); err != nil {
			return 0, err
		}
		if op < len(dst) {
			if op, recent, err = d.one(dst, op, recent, k); err != nil {
				return 0, err
			}
		}
	}
	return recent, nil
}

// quick decodes symbols up to one that it does not know how to, or an end. It calls nothing, so that all it has stays in registers.
func (d *Decoder) quick(dst []byte, op int, recent offsets, k *kind) (int, offsets, error) {
	src, pos, buf, n := d.in.swapped, d.in.pos, d.in.buf, d.in.n
	src = src[:len(src):len(src)]
	if pos > len(src)-8 {
		return op, recent, nil
	}
	// Each round ends with the lookup for the next one, which then need not wait for more bits.
	e := d.main[(buf|binary.BigEndian.Uint64(src[pos:])>>(n&63))>>(64-mainRoot)]
	for op <= len(dst)-margin && pos <= len(src)-8 {
		// As in fill. One literal, a match and its length symbol take at most 11 + 11 + 9 + 21 bits, and leave 12 of 64 for the lookup.
		buf |= binary.BigEndian.Uint64(src[pos:]) >> (n & 63)
		pos += int(^n&63) >> 3
		n |= 56
		if isLiteral(e) {
			dst[op] = byte(e >> 8)
			op++
			buf <<= e & 63
			n -= e // which makes the bits above the lowest 6 nonsense
			e = d.main[buf>>(64-mainRoot)]
			if isLiteral(e) {
				dst[op] = byte(e >> 8)
				op++
				buf <<= e & 63
				n -= e
				e = d.main[buf>>(64-mainRoot)]
				continue
			}
		}
		if e < quickMatch {
			break
		}
		s := &k.slots[e>>slotShift&63]
		length := int(e >> lengthShift & 15)
		rest, left, last := buf, n, e // the bits behind the match; last is for the offset's
		if e&lengthFollows != 0 {
			rest <<= e & 63
			f := d.length[rest>>(64-lengthRoot)]
			length += int(f >> 8)
			if f == 0 || f >= secondary || length > len(dst)-match.Near-op {
				break
			}
			rest <<= f & 63
			left -= e + f
			last = s.bits
		}
		offset := s.offset(rest, last, recent)
		rest <<= last & 63
		left -= last
		if k.aligned {
			f := d.aligned[rest>>(64-maxAlignedCode)] & s.aligned
			if f == 0 && s.aligned != 0 {
				return 0, 0, errCode
			}
			offset += f >> 8
			rest <<= f & 63
			left -= f
		}
		if int(offset) > op {
			return 0, 0, errOffset
		}
		if offset < 16 && int(offset) < length {
			break
		}
		buf, n = rest, left
		e = d.main[buf>>(64-mainRoot)]
		recent = s.push(recent, offset)
		match.CopyNear(dst, op, int(offset))
		for ; length > match.Near; length -= match.Near {
			op += match.Near
			match.CopyNear(dst, op, int(offset))
		}
		op += length
	}
	d.in.pos, d.in.buf, d.in.n = pos, buf, n&63
	return op, recent, nil
}

// one decodes a symbol of any kind anywhere.
func (d *Decoder) one(dst []byte, op int, recent offsets, k *kind) (int, offsets, error) {
	in := &d.in
	if !in.fill() {
		return 0, 0, errShort
	}
	e := in.lookup(d.main[:], mainRoot, maxCode)
	if isLiteral(e) {
		dst[op] = byte(e >> 8)
		in.drop(e)
		return op + 1, recent, nil
	}
	if e == 0 {
		return 0, 0, errCode
	}
	length, n := int(e>>lengthShift&15), e>>slotShift&63
	s := &k.slots[n]
	if e&lengthFollows != 0 {
		in.drop(e)
		if e = in.lookup(d.length[:], lengthRoot, maxCode); e == 0 {
			return 0, 0, errCode
		}
		length += int(e >> 8)
		in.drop(e)
		e = s.bits
	}
	offset := s.offset(in.buf, e, recent)
	in.drop(e)
	if s.aligned != 0 {
		if e = d.aligned[in.buf>>(64-maxAlignedCode)]; e == 0 {
			return 0, 0, errCode
		}
		offset += e >> 8
		in.drop(e)
	}
	if int(offset) > op {
		return 0, 0, errOffset
	}
	if length > len(dst)-op {
		return 0, 0, errLength
	}
	match.Copy(dst, op, int(offset), length)
	if n == 2 {
		return op + length, recent.swap(offset), nil
	}
	return op + length, s.push(recent, offset), nil
}
