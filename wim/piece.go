package wim

// Piece is one independently decodable part of a resource.
type Piece struct {
	StoredOffset int64 // from the resource's first stored byte (so the table itself is before piece 0)
	StoredSize   int64
	Offset       int64 // from the resource's first uncompressed byte
	Size         int64 // at most Resource.PieceSize
}

// PieceTable maps a resource's pieces. Its zero value has none. It keeps the bytes it was parsed from.
type PieceTable struct {
	res   Resource
	table []byte
	count int
	width int
}

// PieceTableSize is the number of bytes at the start of the stored resource that hold its piece table: 0 for a resource that
// is stored plain or has a single piece.
func (r Resource) PieceTableSize() int64 { return 0 }

// ParsePieceTable reads the piece table of res from its bytes, of which there must be exactly PieceTableSize. It keeps table.
// It checks that the pieces are in order, not empty, no longer than what they decode to, and end with the resource.
//
// A plain resource is handled by the same type: its pieces are ranges of itself.
func ParsePieceTable(res Resource, table []byte) (PieceTable, error) {
	return PieceTable{}, unsupportedf("parse piece table")
}

// Count is the number of pieces.
func (t *PieceTable) Count() int { return t.count }

// Direct reports whether stored bytes are the content itself, so that any range of them may be used without decoding.
func (t *PieceTable) Direct() bool { return t.res.Compression == None }

// Piece gives piece i, which must be below Count.
func (t *PieceTable) Piece(i int) Piece { return Piece{} }

// Find gives the pieces [first, end) of which at least one byte is stored in [off, off+n), offsets counted
// from the resource's first stored byte.
func (t *PieceTable) Find(off, n int64) (first, end int) { return 0, 0 }

// Within gives the pieces [first, end) that are stored wholly in [off, off+n).
func (t *PieceTable) Within(off, n int64) (first, end int) { return 0, 0 }

// FindContent gives the pieces [first, end) that hold the content bytes [off, off+n).
func (t *PieceTable) FindContent(off, n int64) (first, end int) { return 0, 0 }

// Decoder decodes pieces. It may be used again and again, for any resource of the file it was made for, by one goroutine at a time.
type Decoder struct {
	compression Compression
	pieceSize   int
}

// NewDecoder makes a decoder for pieces of that compression that decode to at most pieceSize bytes.
// (Header.Compression and Header.PieceSize of a file suit all its resources.)
func NewDecoder(c Compression, pieceSize int) (*Decoder, error) {
	return nil, unsupportedf("make decoder for %s", c)
}

// DecodePiece decodes the stored bytes src of one piece into dst, whose length is the piece's Size. When both are equally
// long the piece is stored raw, and copied. It allocates nothing. An error is ErrCorrupt; dst then holds nonsense.
func (d *Decoder) DecodePiece(dst, src []byte) error { return unsupportedf("decode") }
