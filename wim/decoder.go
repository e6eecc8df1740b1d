package wim

import (
	"github.com/wimcast/wimcast/wim/lzms"
	"github.com/wimcast/wimcast/wim/lzx"
	"github.com/wimcast/wimcast/wim/xpress"
)

// decoderSet keeps a Decoder for each compression and piece size that was asked for. It belongs to one goroutine. Its zero value is ready.
type decoderSet struct{ made []*Decoder }

// forRun returns a decoder for the pieces of a run.
func (s *decoderSet) forRun(r *Run) (*Decoder, error) {
	for _, d := range s.made {
		if d.compression == r.Compression && d.pieceSize == r.PieceSize {
			return d, nil
		}
	}
	d, err := NewDecoder(r.Compression, r.PieceSize)
	if err == nil {
		s.made = append(s.made, d)
	}
	return d, err
}

// Decoder decodes pieces. It may be used again and again, for any run of its compression and piece size, by one goroutine at a time.
type Decoder struct {
	compression Compression
	pieceSize   int
	xpress      *xpress.Decoder
	lzx         *lzx.Decoder
	lzms        *lzms.Decoder
}

// NewDecoder makes a decoder for pieces of that compression that decode to at most pieceSize bytes.
// (Those of a Run suit it; a solid file's header does not tell those of its solid runs.)
func NewDecoder(c Compression, pieceSize int) (*Decoder, error) {
	d := &Decoder{compression: c, pieceSize: pieceSize}
	switch c {
	case None:
	case XPRESS:
		if pieceSize < 1 || pieceSize > xpress.MaxSize {
			return nil, corruptf("make XPRESS decoder: pieces of %d bytes", pieceSize)
		}
		d.xpress = new(xpress.Decoder)
	case LZX:
		var err error
		if d.lzx, err = lzx.NewDecoder(pieceSize); err != nil {
			return nil, corruptf("%w", err)
		}
	case LZMS:
		if pieceSize < 1 || pieceSize > lzms.MaxSize {
			return nil, corruptf("make LZMS decoder: pieces of %d bytes", pieceSize)
		}
		d.lzms = lzms.NewDecoder()
	default:
		return nil, unsupportedf("make decoder: compression %d", c)
	}
	return d, nil
}

// DecodePiece decodes the stored bytes src of one piece into dst, whose length is the piece's Size. When both are equally
// long the piece is stored raw, and copied. It allocates nothing. An error is ErrCorrupt; dst then holds nonsense.
func (d *Decoder) DecodePiece(dst, src []byte) error {
	var err error
	switch {
	case len(dst) == len(src):
		copy(dst, src)
		return nil
	case d.xpress != nil && len(dst) <= d.pieceSize:
		err = d.xpress.Decode(dst, src)
	case d.lzx != nil && len(dst) <= d.pieceSize:
		err = d.lzx.Decode(dst, src)
	case d.lzms != nil && len(dst) <= d.pieceSize:
		err = d.lzms.Decode(dst, src)
	default:
		return corruptf("decode piece: %d bytes are stored for %d", len(src), len(dst))
	}
	if err != nil {
		return corruptf("%w", err)
	}
	return nil
}
