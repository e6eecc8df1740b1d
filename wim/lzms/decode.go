package lzms

import (
	"encoding/binary"
	"errors"
)

// MaxSize is the largest piece, in bytes.
const MaxSize = 1 << 30

// Errors of Decode.
var (
	errSize   = errors.New("decode LZMS: a piece has at most 1 GiB")
	errShort  = errors.New("decode LZMS: data ends too early")
	errUnits  = errors.New("decode LZMS: data is not made of 16-bit units")
	errCode   = errors.New("decode LZMS: bad prefix code")
	errOffset = errors.New("decode LZMS: match starts before the data")
	errLength = errors.New("decode LZMS: match ends behind the data")
)

// Decoder decodes pieces of any size. It takes about 350 KB, and one goroutine at a time may use it.
type Decoder struct {
	in      input
	chances chances

	literal     decodeCode
	offset      decodeCode
	length      decodeCode
	deltaOffset decodeCode
	power       decodeCode

	recent      [recentCount + 1]uint32      // offsets, [0] being the next to enter while the last item is an LZ match
	recentDelta [recentCount + 1]deltaOffset // the same of delta matches
	deltaState  uint32
	repState    [recentCount - 1]uint32 // of delta matches

	x86 x86Filter
}

// deltaOffset says where a delta match finds its source.
type deltaOffset struct{ power, raw uint32 }

// Kinds of the item before, which say how many offsets of the recent ones are not yet in the queue.
const (
	wasLiteral = iota
	wasLZ
	wasDelta
)

// NewDecoder makes a decoder.
func NewDecoder() *Decoder { return new(Decoder) }

// Decode decodes src and fills dst exactly, or returns an error, and then dst holds nonsense. It allocates nothing, and takes time in
// proportion to len(dst), whatever src holds.
func (d *Decoder) Decode(dst, src []byte) error {
	if len(dst) > MaxSize {
		return errSize
	}
	if len(src)%2 != 0 {
		return errUnits
	}
	if len(src) < 4 {
		return errShort
	}
	d.reset(len(dst), src)
	if err := d.items(dst); err != nil {
		return err
	}
	if d.in.overrun() {
		return errShort
	}
	d.x86.apply(dst, true)
	return nil
}

func (d *Decoder) reset(size int, src []byte) {
	d.in.reset(src)
	d.chances.reset()
	slots := offsetSlotCount(size)
	d.literal.reset(literals, literalPeriod)
	d.offset.reset(slots, offsetPeriod)
	d.length.reset(lengthSlots, lengthPeriod)
	d.deltaOffset.reset(slots, offsetPeriod)
	d.power.reset(deltaPowers, powerPeriod)
	for i := range uint32(recentCount + 1) {
		d.recent[i] = i + 1
		d.recentDelta[i] = deltaOffset{raw: i + 1}
	}
	d.deltaState, d.repState = 0, [recentCount - 1]uint32{}
}

// items decodes all items. What most items need is in local variables and written out; delta matches, which are rare, go through input.
func (d *Decoder) items(dst []byte) error {
	src, front, rng, code := d.in.src, d.in.front, d.in.rng, d.in.code
	back, buf, n := d.in.back, d.in.buf, d.in.n
	var mainState, matchState, lzState uint32
	var rep0State, rep1State uint32
	before := wasLiteral
	for pos := 0; pos < len(dst); {
		if rng < 1<<16 {
			rng <<= 16
			code = code<<16 | unit(src, front)
			front += 2
		}
		h := d.chances.main[mainState]
		bound := rng >> 6 * chance(h)
		if code < bound {
			rng = bound
			d.chances.main[mainState] = h << 1
			mainState = mainState << 1 & (mainStates - 1)
			if n < maxCodeBits {
				back, buf, n = fill(src, back, buf, n)
			}
			e := uint32(d.literal.root[buf>>(64-rootBits)])
			if e == 0 {
				e = d.literal.long(buf)
			}
			buf <<= e & 15
			n -= uint(e & 15)
			s := e >> symbolBits & (literals - 1)
			dst[pos] = byte(s)
			pos++
			before = wasLiteral
			d.literal.freq[s]++
			d.literal.left--
			if d.literal.left == 0 {
				d.literal.rebuild()
			}
			continue
		}
		rng -= bound
		code -= bound
		d.chances.main[mainState] = h<<1 | 1
		mainState = (mainState<<1 | 1) & (mainStates - 1)

		if rng < 1<<16 {
			rng <<= 16
			code = code<<16 | unit(src, front)
			front += 2
		}
		h = d.chances.match[matchState]
		bound = rng >> 6 * chance(h)
		if code >= bound {
			d.chances.match[matchState] = h<<1 | 1
			matchState = (matchState<<1 | 1) & (matchStates - 1)
			in := &d.in
			in.front, in.rng, in.code = front, rng-bound, code-bound
			in.back, in.buf, in.n = back, buf, n
			length, err := d.delta(dst, pos, before == wasDelta)
			if err != nil {
				return err
			}
			front, rng, code = in.front, in.rng, in.code
			back, buf, n = in.back, in.buf, in.n
			pos += length
			before = wasDelta
			continue
		}
		rng = bound
		d.chances.match[matchState] = h << 1
		matchState = matchState << 1 & (matchStates - 1)

		if rng < 1<<16 {
			rng <<= 16
			code = code<<16 | unit(src, front)
			front += 2
		}
		h = d.chances.lz[lzState]
		bound = rng >> 6 * chance(h)
		r := &d.recent
		var offset uint32
		if code < bound {
			rng = bound
			d.chances.lz[lzState] = h << 1
			lzState = lzState << 1 & (lzStates - 1)
			if n < maxCodeBits+30 {
				back, buf, n = fill(src, back, buf, n)
			}
			e := uint32(d.offset.root[buf>>(64-rootBits)])
			if e == 0 {
				if e = d.offset.long(buf); e == 0 {
					return errCode
				}
			}
			buf <<= e & 15
			n -= uint(e & 15)
			s := e >> symbolBits
			extra := uint(offsets.extra[s])
			offset = offsets.base[s] + uint32(buf>>1>>(63-extra))
			buf <<= extra
			n -= extra
			d.offset.freq[s]++
			d.offset.left--
			if d.offset.left == 0 {
				d.offset.rebuild()
			}
			r[3], r[2], r[1] = r[2], r[1], r[0]
		} else {
			rng -= bound
			code -= bound
			d.chances.lz[lzState] = h<<1 | 1
			lzState = (lzState<<1 | 1) & (lzStates - 1)
			skip := 0 // the offset of the match just before is not among the recent ones
			if before == wasLZ {
				skip = 1
			}
			if rng < 1<<16 {
				rng <<= 16
				code = code<<16 | unit(src, front)
				front += 2
			}
			h = d.chances.lzRep[0][rep0State]
			bound = rng >> 6 * chance(h)
			if code < bound {
				rng = bound
				d.chances.lzRep[0][rep0State] = h << 1
				rep0State = rep0State << 1 & (repStates - 1)
				offset = r[skip]
				r[skip] = r[0]
			} else {
				rng -= bound
				code -= bound
				d.chances.lzRep[0][rep0State] = h<<1 | 1
				rep0State = (rep0State<<1 | 1) & (repStates - 1)
				if rng < 1<<16 {
					rng <<= 16
					code = code<<16 | unit(src, front)
					front += 2
				}
				h = d.chances.lzRep[1][rep1State]
				bound = rng >> 6 * chance(h)
				if code < bound {
					rng = bound
					d.chances.lzRep[1][rep1State] = h << 1
					rep1State = rep1State << 1 & (repStates - 1)
					offset = r[skip+1]
					r[skip+1] = r[1]
				} else {
					rng -= bound
					code -= bound
					d.chances.lzRep[1][rep1State] = h<<1 | 1
					rep1State = (rep1State<<1 | 1) & (repStates - 1)
					offset = r[skip+2]
					r[skip+2] = r[2]
					r[2] = r[1]
				}
				r[1] = r[0]
			}
		}
		r[0] = offset
		before = wasLZ

		if n < maxCodeBits+30 {
			back, buf, n = fill(src, back, buf, n)
		}
		e := uint32(d.length.root[buf>>(64-rootBits)])
		if e == 0 {
			if e = d.length.long(buf); e == 0 {
				return errCode
			}
		}
		buf <<= e & 15
		n -= uint(e & 15)
		s := e >> symbolBits
		extra := uint(lengths.extra[s])
		length := int(lengths.base[s] + uint32(buf>>1>>(63-extra)))
		buf <<= extra
		n -= extra
		d.length.freq[s]++
		d.length.left--
		if d.length.left == 0 {
			d.length.rebuild()
		}
		if uint(offset) > uint(pos) {
			return errOffset
		}
		if length > len(dst)-pos {
			return errLength
		}
		if from := pos - int(offset); length <= 16 && offset >= 8 && pos+16 <= len(dst) {
			f, t := dst[from:from+16], dst[pos:pos+16]
			binary.LittleEndian.PutUint64(t, binary.LittleEndian.Uint64(f))
			if length > 8 {
				binary.LittleEndian.PutUint64(t[8:], binary.LittleEndian.Uint64(f[8:]))
			}
		} else {
			copyMatch(dst[from:pos+length], int(offset))
		}
		pos += length
	}
	in := &d.in
	in.front, in.rng, in.code = front, rng, code
	in.back, in.buf, in.n = back, buf, n
	return nil
}

// copyMatch repeats the first offset bytes of b all over it.
func copyMatch(b []byte, offset int) {
	for at := offset; at < len(b); {
		at += copy(b[at:], b[:at])
	}
}

// delta decodes the rest of a delta match, and returns its length. again says that the item before was one, too.
func (d *Decoder) delta(dst []byte, pos int, again bool) (int, error) {
	in, r := &d.in, &d.recentDelta
	bit := in.bit(&d.chances.delta[d.deltaState])
	d.deltaState = (d.deltaState<<1 | bit) & (deltaStates - 1)
	var at deltaOffset
	if bit == 0 {
		at.power = in.symbol(&d.power)
		at.raw = in.number(&d.deltaOffset, offsets)
		r[3], r[2], r[1] = r[2], r[1], r[0]
	} else {
		which := 0
		for which < recentCount-1 {
			bit := in.bit(&d.chances.deltaRep[which][d.repState[which]])
			d.repState[which] = (d.repState[which]<<1 | bit) & (repStates - 1)
			if bit == 0 {
				break
			}
			which++
		}
		skip := 0
		if again {
			skip = 1
		}
		which += skip
		at = r[which]
		copy(r[1:which+1], r[:which])
	}
	r[0] = at
	length := int(in.number(&d.length, lengths))
	span := 1 << at.power
	switch {
	case in.fault:
		return 0, errCode
	case int64(at.raw)<<at.power+int64(span) > int64(pos):
		return 0, errOffset
	case length > len(dst)-pos:
		return 0, errLength
	}
	offset := int(at.raw) << at.power
	for i := pos; i < pos+length; i++ {
		dst[i] = dst[i-span] + dst[i-offset] - dst[i-offset-span]
	}
	return length, nil
}
