package wim

import (
	"encoding/binary"
	"fmt"
	"sort"
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
	run    *Run
	table  []byte
	starts []int64 // of a solid run's pieces, and where the last one ends: its table has sizes
	count  int
}

// PieceTableSize is the number of bytes of the stored run that hold its piece table: 0 for a run that is stored plain or has a single
// piece. That of a solid run has the run's header in it, and is never empty.
func (r *Run) PieceTableSize() int64 {
	n := r.pieces()
	switch {
	case r.Compression == None || n == 0:
		return 0
	case r.Solid:
		return solidHeaderSize + n*solidEntrySize
	}
	return (n - 1) * int64(r.entryWidth())
}

// PieceTableRange says where the piece table is, counted from the run's first stored byte: at its start, or in a pipable file at its end.
func (r *Run) PieceTableRange() Range {
	n := r.PieceTableSize()
	if r.Pipable {
		return Range{r.StoredSize - n, n}
	}
	return Range{0, n}
}

func (r *Run) entryWidth() int {
	if r.Size >= 1<<32 {
		return 8
	}
	return 4
}

// Table returns the piece table of a run that has none, because it is plain or of one piece, and of a solid run of an open file, whose table
// was read then. Of others ok is false: ParsePieceTable makes it of the bytes at PieceTableRange.
func (r *Run) Table() (t PieceTable, ok bool) {
	if r.table != nil {
		return *r.table, true
	}
	if r.PieceTableSize() > 0 {
		return PieceTable{}, false
	}
	t, err := ParsePieceTable(r, nil)
	return t, err == nil
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
	t := PieceTable{run: run, table: table, count: int(n)}
	if run.Compression == None {
		if run.StoredSize != run.Size {
			return PieceTable{}, corruptf("parse piece table at %d: plain, but %d bytes are stored for %d", run.Offset, run.StoredSize, run.Size)
		}
		return t, nil
	}
	if run.Solid {
		t.addUp()
	}
	next := run.gap()
	if !run.Pipable {
		next = int64(len(table))
	}
	for i := range t.count {
		start, end := t.start(i), t.end(i)
		if start != next || end <= start || end > run.StoredSize || end-start > t.plainSize(i) {
			return PieceTable{}, corruptf("parse piece table at %d: piece %d has bytes %d to %d of %d", run.Offset, i, start, end, run.StoredSize)
		}
		next = end + run.gap()
	}
	return t, nil
}

// addUp makes starts of a solid run's sizes, and lets go of the table.
func (t *PieceTable) addUp() {
	at := int64(len(t.table))
	t.starts = make([]int64, 0, t.count+1)
	for b := t.table[solidHeaderSize:]; len(b) > 0; b = b[solidEntrySize:] {
		t.starts = append(t.starts, at)
		at += int64(binary.LittleEndian.Uint32(b))
	}
	t.starts, t.table = append(t.starts, at), nil
}

// start is where piece i starts. Wrong tables may give negative numbers.
func (t *PieceTable) start(i int) int64 {
	switch {
	case t.run.Compression == None:
		return min(int64(i)*int64(t.run.PieceSize), t.run.StoredSize)
	case t.starts != nil:
		return t.starts[i]
	}
	var off int64
	switch {
	case i == 0:
	case t.run.entryWidth() == 4:
		off = int64(binary.LittleEndian.Uint32(t.table[4*(i-1):]))
	default:
		off = int64(binary.LittleEndian.Uint64(t.table[8*(i-1):]))
	}
	if t.run.Pipable {
		return off + int64(i+1)*t.run.gap()
	}
	return off + int64(len(t.table))
}

// end is where piece i ends.
func (t *PieceTable) end(i int) int64 {
	switch {
	case i+1 < t.count || t.starts != nil:
		return t.start(i+1) - t.run.gap()
	case t.run.Pipable:
		return t.run.StoredSize - int64(len(t.table))
	}
	return t.run.StoredSize
}

func (t *PieceTable) plainSize(i int) int64 {
	return min(int64(t.run.PieceSize), t.run.Size-int64(i)*int64(t.run.PieceSize))
}

// Count is the number of pieces.
func (t *PieceTable) Count() int { return t.count }

// Direct reports whether stored bytes are the content itself, so that any range of them may be used without decoding.
func (t *PieceTable) Direct() bool { return t.run.Compression == None }

// Piece returns piece i, which must be below Count.
func (t *PieceTable) Piece(i int) Piece {
	if i < 0 || i >= t.count {
		panic(fmt.Sprintf("wim: piece %d of %d", i, t.count))
	}
	start := t.start(i)
	return Piece{
		StoredOffset: start, StoredSize: t.end(i) - start,
		Offset: int64(i) * int64(t.run.PieceSize), Size: t.plainSize(i),
	}
}

// Find returns the pieces [first, end) of which at least one byte is stored in [off, off+n), offsets counted
// from the run's first stored byte.
func (t *PieceTable) Find(off, n int64) (first, end int) {
	if n <= 0 {
		return 0, 0
	}
	first = sort.Search(t.count, func(i int) bool { return t.end(i) > off })
	end = sort.Search(t.count, func(i int) bool { return t.start(i) >= off+n })
	return first, max(first, end)
}

// Within returns the pieces [first, end) that are stored wholly in [off, off+n).
func (t *PieceTable) Within(off, n int64) (first, end int) {
	if n <= 0 {
		return 0, 0
	}
	first = sort.Search(t.count, func(i int) bool { return t.start(i) >= off })
	end = sort.Search(t.count, func(i int) bool { return t.end(i) > off+n })
	return first, max(first, end)
}
