package lzx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/wimcast/wimcast/wim/internal/huffman"
)

// The windows that LZX has, in bytes. A piece may be shorter than the window.
const (
	MinWindow = 1 << 15
	MaxWindow = 1 << 21
)

const (
	literals       = 256
	lengthSymbols  = 249
	alignedSymbols = 8
	preSymbols     = 20
	maxMain        = literals + 8*50
	minMatch       = 2
)

// Errors of Decode.
var (
	errShort  = errors.New("decode LZX: data ends too early")
	errCode   = errors.New("decode LZX: bad prefix code")
	errBlock  = errors.New("decode LZX: bad block header")
	errOffset = errors.New("decode LZX: match starts before the data")
	errLength = errors.New("decode LZX: match ends behind the block")
)

// slotBase and slotBits give the smallest offset of each slot and its number of extra bits. (The first three slots stand for recent offsets.)
var slotBase, slotBits = slots()

func slots() (base [64]uint32, extra [64]uint8) {
	at := uint32(0)
	for s := range 50 {
		if s >= 36 {
			extra[s] = 17
		} else if s >= 4 {
			extra[s] = uint8(s/2 - 1)
		}
		base[s] = at - 2
		at += 1 << extra[s]
	}
	return base, extra
}

// Decoder decodes pieces of one window size. One goroutine at a time may use it.
type Decoder struct {
	mainSymbols int
	longSizes   bool

	mainLens   [maxMain]uint8
	lengthLens [lengthSymbols]uint8
	main       huffman.Table
	length     huffman.Table
	aligned    huffman.Table
	pre        huffman.Table
}

// NewDecoder makes a decoder for pieces of at most pieceSize bytes; the window is the next power of two. pieceSize must be at most
// MaxWindow.
func NewDecoder(pieceSize int) (*Decoder, error) {
	if pieceSize < 1 || pieceSize > MaxWindow {
		return nil, fmt.Errorf("make LZX decoder: piece size %d is not in 1 to %d", pieceSize, MaxWindow)
	}
	order := max(15, bits.Len(uint(pieceSize-1)))
	n := 0
	for n < 50 && slotBase[n]+2 < 1<<order {
		n++
	}
	return &Decoder{mainSymbols: literals + 8*n, longSizes: order >= 16}, nil
}

// Decode decodes src and fills dst exactly, or gives an error, and then dst holds nonsense. It allocates nothing.
func (d *Decoder) Decode(dst, src []byte) error {
	clear(d.mainLens[:])
	clear(d.lengthLens[:])
	in := reader{src: src}
	recent := [3]uint32{1, 1, 1}
	for op := 0; op < len(dst); {
		kind, size := d.blockHeader(&in)
		if size < 1 || size > len(dst)-op {
			return errBlock
		}
		end := op + size
		var err error
		switch kind {
		case 1, 2:
			if err = d.readCodes(&in, kind == 2); err == nil {
				err = d.block(dst, op, end, &in, &recent, kind == 2)
			}
		case 3:
			err = in.rawBlock(dst[op:end], &recent)
		default:
			err = errBlock
		}
		if err != nil {
			return err
		}
		op = end
	}
	if in.overrun() {
		return errShort
	}
	untranslate(dst)
	return nil
}

func (d *Decoder) blockHeader(in *reader) (kind uint32, size int) {
	in.fill()
	kind = in.take(3)
	if in.take(1) != 0 {
		return kind, 32768
	}
	size = int(in.take(16))
	if d.longSizes {
		size = size<<8 | int(in.take(8))
	}
	return kind, size
}

// readCodes reads the codes of a block and builds their tables.
func (d *Decoder) readCodes(in *reader, aligned bool) error {
	if aligned {
		var lens [alignedSymbols]uint8
		in.fill()
		for i := range lens {
			lens[i] = uint8(in.take(3))
		}
		if huffman.Build(&d.aligned, lens[:]) != nil {
			return errCode
		}
	}
	for _, lens := range [][]uint8{d.mainLens[:literals], d.mainLens[literals:d.mainSymbols], d.lengthLens[:]} {
		if err := d.readLens(in, lens); err != nil {
			return err
		}
	}
	if huffman.Build(&d.main, d.mainLens[:d.mainSymbols]) != nil || huffman.Build(&d.length, d.lengthLens[:]) != nil {
		return errCode
	}
	return nil
}

// readLens brings codeword lengths up to date with the differences in the stream.
func (d *Decoder) readLens(in *reader, lens []uint8) error {
	var pre [preSymbols]uint8
	for i := range pre {
		in.fill()
		pre[i] = uint8(in.take(4))
	}
	if huffman.Build(&d.pre, pre[:]) != nil {
		return errCode
	}
	for i := 0; i < len(lens); {
		in.fill()
		sym, ok := in.symbol(&d.pre)
		if !ok {
			return errCode
		}
		run, value := 1, uint8(0)
		switch sym {
		case 17:
			run = 4 + int(in.take(4))
		case 18:
			run = 20 + int(in.take(5))
		case 19:
			run = 4 + int(in.take(1))
			if sym, ok = in.symbol(&d.pre); !ok || sym > 16 {
				return errCode
			}
			value = uint8((uint32(lens[i]) + 17 - sym) % 17)
		default:
			value = uint8((uint32(lens[i]) + 17 - sym) % 17)
		}
		if run > len(lens)-i {
			return errCode
		}
		for range run {
			lens[i] = value
			i++
		}
	}
	return nil
}

// block decodes the symbols of a compressed block into dst[op:end].
func (d *Decoder) block(dst []byte, op, end int, in *reader, recent *[3]uint32, aligned bool) error {
	src, pos, buf, n := in.src, in.pos, in.buf, in.n
	r0, r1, r2 := recent[0], recent[1], recent[2]
	dst = dst[:end]
	for op < len(dst) {
		// One symbol takes at most 16 + 16 + 17 bits: 49, the least that a fill leaves.
		if n < 49 {
			if pos+8 <= len(src) {
				buf |= words(binary.LittleEndian.Uint64(src[pos:])) >> n
				k := (64 - n) >> 4
				pos += int(2 * k)
				n += 16 * k
			} else {
				buf, pos, n = fillTail(src, buf, pos, n)
			}
		}
		e := d.main[buf>>(64-huffman.RootBits)]
		if e&huffman.Sub != 0 {
			e = d.main[(e&^huffman.Sub)>>8+uint32(buf<<huffman.RootBits>>59)]
		}
		l := uint(e & 31)
		buf <<= l
		n -= l
		sym := e >> 8
		if sym < literals {
			if l == 0 {
				return errCode
			}
			dst[op] = byte(sym)
			op++
			continue
		}
		length := int(sym&7) + minMatch
		if length == 7+minMatch {
			e = d.length[buf>>(64-huffman.RootBits)]
			if e&huffman.Sub != 0 {
				e = d.length[(e&^huffman.Sub)>>8+uint32(buf<<huffman.RootBits>>59)]
			}
			l = uint(e & 31)
			if l == 0 {
				return errCode
			}
			buf <<= l
			n -= l
			length += int(e >> 8)
		}
		slot := (sym - literals) >> 3
		var offset uint32
		switch slot {
		case 0:
			offset = r0
		case 1:
			offset, r1 = r1, r0
		case 2:
			offset, r2 = r2, r0
		default:
			extra := uint(slotBits[slot&63])
			offset = slotBase[slot&63]
			if aligned && extra >= 3 {
				extra -= 3
				offset += uint32(buf>>1>>(63-extra)) << 3
				buf <<= extra
				e = d.aligned[buf>>(64-huffman.RootBits)]
				l = uint(e & 31)
				if l == 0 {
					return errCode
				}
				buf <<= l
				n -= extra + l
				offset += e >> 8
			} else {
				offset += uint32(buf >> 1 >> (63 - extra))
				buf <<= extra
				n -= extra
			}
			r2, r1 = r1, r0
		}
		r0 = offset
		if uint(offset-1) >= uint(op) {
			return errOffset
		}
		if length > len(dst)-op {
			return errLength
		}
		if from := op - int(offset); length <= 16 && from+8 <= op && op+16 <= len(dst) {
			s, d := dst[from:from+16], dst[op:op+16]
			binary.LittleEndian.PutUint64(d, binary.LittleEndian.Uint64(s))
			if length > 8 {
				binary.LittleEndian.PutUint64(d[8:], binary.LittleEndian.Uint64(s[8:]))
			}
		} else {
			copyMatch(dst, op, int(offset), length)
		}
		op += length
	}
	in.pos, in.buf, in.n = pos, buf, n
	recent[0], recent[1], recent[2] = r0, r1, r2
	return nil
}
