package wim

import (
	"github.com/wimcast/wimcast/wim/lzms"
	"github.com/wimcast/wimcast/wim/lzx"
	"github.com/wimcast/wimcast/wim/xpress"
)

// encoder encodes pieces. Encode appends the encoding of src to dst if it is shorter than src; ok says whether it is. The same bytes
// always give the same encoding. One goroutine at a time may use it.
type encoder interface {
	Encode(dst, src []byte) (out []byte, ok bool)
}

// newEncoder makes an encoder for pieces of up to pieceSize bytes. None has none.
func newEncoder(c Compression, pieceSize, level int) (encoder, error) {
	switch c {
	case None:
		return nil, nil
	case XPRESS:
		return xpress.NewEncoder(level)
	case LZX:
		return lzx.NewEncoder(pieceSize, level)
	case LZMS:
		return lzms.NewEncoder(pieceSize, level)
	}
	return nil, unsupportedf("make encoder: %s compression", c)
}

// encoders says how many encoders are to work side by side on that many processors, and not take more memory than that, if one takes no more.
// An LZMS encoder keeps two processors busy with a large piece, and is large itself.
func (c Compression) encoders(pieceSize, threads int, memory int64) int {
	if c != LZMS {
		return threads
	}
	if pieceSize > 1<<20 {
		threads = (threads + 1) / 2
	}
	return int(max(1, min(int64(threads), memory/(lzms.EncoderMemory(pieceSize)+2*int64(pieceSize)))))
}

// solidPiece is the size of pieces in solid runs where nothing else is said: 64 MiB, or the largest that the compression has.
func (c Compression) solidPiece() int {
	switch c {
	case XPRESS:
		return 1 << 16
	case LZX:
		return 1 << 21
	}
	return 64 << 20
}

// headerFlags returns the header flags that name a compression.
func (c Compression) headerFlags() HeaderFlags {
	switch c {
	case XPRESS:
		return FlagCompressed | FlagXPRESS
	case LZX:
		return FlagCompressed | FlagLZX
	case LZMS:
		return FlagCompressed | FlagLZMS
	}
	return 0
}

// solidFormat is the number of a compression in the header of a solid run.
func (c Compression) solidFormat() uint32 { return uint32(c) }
