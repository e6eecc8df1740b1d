package lzx

import (
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

// Tables for decoding: how many bits the first lookup takes, and the number of entries.
const (
	mainRoot    = 11
	mainTable   = 1<<mainRoot + (maxMain/2+1)<<(maxCode-mainRoot)
	lengthRoot  = 9
	lengthTable = 1<<lengthRoot + (lengthSymbols/2+1)<<(maxCode-lengthRoot)
	preRoot     = 7
	preTable    = 1<<preRoot + (preSymbols/2+1)<<(maxPreCode-preRoot)
)

// Decoder decodes pieces of one window size. One goroutine at a time may use it.
type Decoder struct {
	mainSymbols int
	longSizes   bool

	in         reader
	mainLens   [maxMain]uint8
	lengthLens [lengthSymbols]uint8
	main       [mainTable]uint32
	length     [lengthTable]uint32
	aligned    [1 << maxAlignedCode]uint32
	pre        [preTable]uint32
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

// Decode decodes src and fills dst exactly, or returns an error, and then dst holds nonsense. It allocates nothing, once it has seen a src as long.
func (d *Decoder) Decode(dst, src []byte) error {
	clear(d.mainLens[:])
	clear(d.lengthLens[:])
	in := &d.in
	in.start(src)
	recent := packOffsets(1, 1, 1)
	for op := 0; op < len(dst); {
		kind, size := d.blockHeader(in)
		if size < 1 || size > len(dst)-op {
			return errBlock
		}
		var err error
		switch kind {
		case verbatimBlock, alignedBlock:
			if err = d.readCodes(in, kind == alignedBlock); err == nil {
				recent, err = d.block(dst, op, op+size, recent, blockKinds[kind])
			}
		case rawBlock:
			recent, err = in.rawBlock(dst[op : op+size])
		default:
			err = errBlock
		}
		if err != nil {
			return err
		}
		op += size
	}
	if in.overrun() {
		return errShort
	}
	in.src = nil
	untranslate(dst)
	return nil
}

// blockHeader returns a size of 0 at the end of the data.
func (d *Decoder) blockHeader(in *reader) (kind uint32, size int) {
	if !in.fill() {
		return 0, 0
	}
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
	values := blockKinds[verbatimBlock].values[:]
	if aligned {
		values = blockKinds[alignedBlock].values[:]
	}
	if aligned {
		var lens [alignedSymbols]uint8
		if !in.fill() {
			return errShort
		}
		for i := range lens {
			lens[i] = uint8(in.take(3))
		}
		if huffman.Build(d.aligned[:], maxAlignedCode, maxAlignedCode, lens[:], huffman.Symbols[:]) != nil {
			return errCode
		}
	}
	for _, lens := range [][]uint8{d.mainLens[:literals], d.mainLens[literals:d.mainSymbols], d.lengthLens[:]} {
		if err := d.readLens(in, lens); err != nil {
			return err
		}
	}
	if huffman.Build(d.main[:], mainRoot, maxCode, d.mainLens[:d.mainSymbols], values) != nil ||
		huffman.Build(d.length[:], lengthRoot, maxCode, d.lengthLens[:], huffman.Symbols[:]) != nil {
		return errCode
	}
	return nil
}

// runLeast and runBits tell of symbols 17 to 19 of a precode the least length of their run, and how many bits behind the symbol are to be added.
var (
	runLeast = [3]int{4, 20, 4}
	runBits  = [3]uint32{4, 5, 1}
)

// readLens brings codeword lengths up to date with the differences in the stream.
func (d *Decoder) readLens(in *reader, lens []uint8) error {
	var pre [preSymbols]uint8
	for i := range pre {
		if !in.fill() {
			return errShort
		}
		pre[i] = uint8(in.take(4))
	}
	if huffman.Build(d.pre[:], preRoot, maxPreCode, pre[:], huffman.Symbols[:]) != nil {
		return errCode
	}
	for i := 0; i < len(lens); {
		if !in.fill() {
			return errShort
		}
		e := in.lookup(d.pre[:], preRoot, maxPreCode)
		if e == 0 {
			return errCode
		}
		in.drop(e)
		sym := e >> 8
		if sym < 17 {
			lens[i] = lessMod17(lens[i], sym)
			i++
			continue
		}
		run, value := runLeast[sym-17]+int(in.take(runBits[sym-17])), uint8(0)
		if sym == 19 {
			if e = in.lookup(d.pre[:], preRoot, maxPreCode); e == 0 || e>>8 > 16 {
				return errCode
			}
			in.drop(e)
			value = lessMod17(lens[i], e>>8)
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

// lessMod17 is old less sym, modulo 17.
func lessMod17(old uint8, sym uint32) uint8 {
	v := old - uint8(sym)
	if v > 16 {
		v += 17
	}
	return v
}
