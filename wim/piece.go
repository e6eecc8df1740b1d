package wim

import (
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/wimcast/wimcast/wim/lzx"
	"github.com/wimcast/wimcast/wim/xpress"
)

// plainPieceSize is the size of what counts as a piece of a resource that is stored plain.
const plainPieceSize = 32768

// Piece is one independently decodable part of a resource.
type Piece struct {
	StoredOffset int64 // from the run's first stored byte (so the table itself is before piece 0)
	StoredSize   int64
	Offset       int64 // from the run's first uncompressed byte
	Size         int64 // at most Run.PieceSize
}

// PieceTable maps a run's pieces. Its zero value has none. It keeps the bytes it was parsed from.
type PieceTable struct {
	run   *Run
	table []byte
	count int
	width int // bytes of an entry
}

// PieceTableSize is the number of bytes at the start of the stored run that hold its piece table: 0 for a run that
// is stored plain or has a single piece.
func (r *Run) PieceTableSize() int64 {
	n := r.pieces()
	if r.Compression == None || n == 0 {
		return 0
	}
	return (n - 1) * int64(r.entryWidth())
}

func (r *Run) entryWidth() int {
	if r.Size >= 1<<32 {
		return 8
	}
	return 4
}

// ParsePieceTable reads the piece table of a run from its bytes, of which there must be exactly PieceTableSize. It keeps table.
// It checks that the pieces are in order, not empty, no longer than what they decode to, and end with the run.
//
// A plain run is handled by the same type: its pieces are ranges of itself.
func ParsePieceTable(run *Run, table []byte) (PieceTable, error) {
	n := run.pieces()
	if n > maxPieces && run.Compression != None {
		return PieceTable{}, unsupportedf("parse piece table at %d: more than %d pieces", run.Offset, maxPieces)
	}
	if int64(len(table)) != run.PieceTableSize() {
		return PieceTable{}, corruptf("parse piece table at %d: %d bytes, not %d", run.Offset, len(table), run.PieceTableSize())
	}
	t := PieceTable{run: run, table: table, count: int(n), width: run.entryWidth()}
	if run.Compression == None {
		if run.StoredSize != run.Size {
			return PieceTable{}, corruptf("parse piece table at %d: plain, but %d bytes are stored for %d", run.Offset, run.StoredSize, run.Size)
		}
		return t, nil
	}
	start := int64(len(table))
	for i := range t.count {
		end := t.start(i + 1)
		if end <= start || end > run.StoredSize || end-start > t.plainSize(i) {
			return PieceTable{}, corruptf("parse piece table at %d: piece %d has bytes %d to %d of %d", run.Offset, i, start, end, run.StoredSize)
		}
		start = end
	}
	return t, nil
}

// start is where piece i starts, and for i == count where the last one ends. Wrong tables may give negative numbers.
func (t *PieceTable) start(i int) int64 {
	switch {
	case i >= t.count:
		return t.run.StoredSize
	case t.run.Compression == None:
		return int64(i) * int64(t.run.PieceSize)
	case i == 0:
		return int64(len(t.table))
	case t.width == 4:
		return int64(len(t.table)) + int64(binary.LittleEndian.Uint32(t.table[4*(i-1):]))
	}
	return int64(len(t.table)) + int64(binary.LittleEndian.Uint64(t.table[8*(i-1):]))
}

func (t *PieceTable) plainSize(i int) int64 {
	return min(int64(t.run.PieceSize), t.run.Size-int64(i)*int64(t.run.PieceSize))
}

// Count is the number of pieces.
func (t *PieceTable) Count() int { return t.count }

// Direct reports whether stored bytes are the content itself, so that any range of them may be used without decoding.
func (t *PieceTable) Direct() bool { return t.run.Compression == None }

// Piece gives piece i, which must be below Count.
func (t *PieceTable) Piece(i int) Piece {
	if i < 0 || i >= t.count {
		panic(fmt.Sprintf("wim: piece %d of %d", i, t.count))
	}
	start := t.start(i)
	return Piece{
		StoredOffset: start, StoredSize: t.start(i+1) - start,
		Offset: int64(i) * int64(t.run.PieceSize), Size: t.plainSize(i),
	}
}

// Find gives the pieces [first, end) of which at least one byte is stored in [off, off+n), offsets counted
// from the run's first stored byte.
func (t *PieceTable) Find(off, n int64) (first, end int) {
	if n <= 0 {
		return 0, 0
	}
	first = sort.Search(t.count, func(i int) bool { return t.start(i+1) > off })
	end = sort.Search(t.count, func(i int) bool { return t.start(i) >= off+n })
	return first, max(first, end)
}

// Within gives the pieces [first, end) that are stored wholly in [off, off+n).
func (t *PieceTable) Within(off, n int64) (first, end int) {
	if n <= 0 {
		return 0, 0
	}
	first = sort.Search(t.count, func(i int) bool { return t.start(i) >= off })
	end = sort.Search(t.count, func(i int) bool { return t.start(i+1) > off+n })
	return first, max(first, end)
}

// FindContent gives the pieces [first, end) that hold the content bytes [off, off+n).
func (t *PieceTable) FindContent(off, n int64) (first, end int) {
	if off < 0 || n <= 0 || off >= t.run.Size {
		return 0, 0
	}
	n = min(n, t.run.Size-off)
	size := int64(t.run.PieceSize)
	return int(off / size), int((off+n-1)/size) + 1
}

// Decoder decodes pieces. It may be used again and again, for any resource of the file it was made for, by one goroutine at a time.
type Decoder struct {
	pieceSize int
	xpress    *xpress.Decoder
	lzx       *lzx.Decoder
}

// NewDecoder makes a decoder for pieces of that compression that decode to at most pieceSize bytes.
// (Header.Compression and Header.PieceSize of a file suit all its resources.)
func NewDecoder(c Compression, pieceSize int) (*Decoder, error) {
	d := &Decoder{pieceSize: pieceSize}
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
	default:
		return nil, unsupportedf("make decoder: %s compression", c)
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
	default:
		return corruptf("decode piece: %d bytes are stored for %d", len(src), len(dst))
	}
	if err != nil {
		return corruptf("%w", err)
	}
	return nil
}
