package wim

import "fmt"

// packer takes contents and puts them into runs. A content is begun, and then exactly as many bytes as it has are put where space says.
type packer interface {
	// begin says which run the content of that size goes into, and where in it.
	begin(size int64) (run int32, start int64, err error)
	// space is where the next bytes go. It is not empty while bytes of the content are missing.
	space() ([]byte, error)
	// took says that the first n bytes of space are there.
	took(n int)
}

// runPacker gives every content a run of its own.
type runPacker struct {
	*pipe
	always  bool // keep the compressed form whatever it gains
	next    stretch
	left    int64
	pending int // bytes at the end of the parcel that are in no stretch yet
}

// begin starts a content. A small one goes into the parcel of those before it, a large one starts a new parcel.
func (r *runPacker) begin(size int64) (run int32, start int64, err error) {
	r.next = stretch{first: true, size: size, codec: r.opts.Compression, pieceSize: r.opts.PieceSize, always: r.always}
	if r.next.codec != None && (size-1)/int64(r.next.pieceSize) >= maxPieces {
		return 0, 0, fmt.Errorf("pack %d bytes: more than %d pieces of %d", size, maxPieces, r.next.pieceSize)
	}
	r.left, r.pending = size, 0
	r.runs++
	_, err = r.parcel(int(min(size, int64(r.size))))
	return r.runs - 1, 0, err
}

func (r *runPacker) space() ([]byte, error) {
	b, err := r.parcel(1)
	if err != nil {
		return nil, err
	}
	at := len(b.data)
	return b.data[at : at+int(min(int64(r.size-at), r.left))], nil
}

func (r *runPacker) took(n int) {
	b := r.now
	b.data = b.data[:len(b.data)+n]
	r.pending += n
	r.left -= int64(n)
	if r.left > 0 && len(b.data) < r.size {
		return
	}
	s := r.next
	s.at, s.end, s.last = len(b.data)-r.pending, len(b.data), r.left == 0
	b.stretches = append(b.stretches, s)
	r.next.first, r.pending = false, 0
}

// stored adds a run as it is stored; fill gives its stored bytes from an offset on.
func (r *runPacker) stored(run *Run, fill func(b []byte, off int64) error) error {
	r.runs++
	for off := int64(0); off < run.StoredSize; {
		b, err := r.parcel(1)
		if err != nil {
			return err
		}
		at := len(b.data)
		n := int(min(int64(r.size-at), run.StoredSize-off))
		b.data = b.data[:at+n]
		if err := fill(b.data[at:], off); err != nil {
			return err
		}
		s := stretch{at: at, end: at + n, first: off == 0, as: run}
		off += int64(n)
		s.last = off == run.StoredSize
		b.stretches = append(b.stretches, s)
	}
	return nil
}

// solidPacker puts all contents into one solid run.
type solidPacker struct {
	*pipe
	most    int64 // bytes that the run may have
	piece   *parcel
	run     int32
	at      int64 // bytes so far
	begun   bool  // it has its number
	started bool  // a piece was passed on
}

// solidInFlight says how many pieces of solid runs may be in the pipeline, and how many encoders work on them.
func solidInFlight(o *WriterOptions) (pieces, encoders int) {
	if !o.Solid {
		return 0, 0
	}
	encoders = o.SolidCompression.encoders(o.SolidPieceSize, o.Threads, o.Memory)
	if o.SolidPieceSize <= 2*parcelSize {
		return 2*encoders + 2, encoders
	}
	return encoders + 1, encoders
}

func (s *solidPacker) begin(int64) (run int32, start int64, err error) {
	if !s.begun {
		s.flush()
		s.run, s.begun = s.runs, true
		s.runs++
	}
	return s.run, s.at, nil
}

func (s *solidPacker) space() ([]byte, error) {
	size := s.opts.SolidPieceSize
	if s.piece != nil && len(s.piece.data) == size {
		s.emit(false)
	}
	if s.piece == nil {
		var err error
		if s.piece, err = s.take(s.freeSolid, int(min(int64(size), s.most))); err != nil {
			return nil, err
		}
	}
	return s.piece.data[len(s.piece.data):min(size, cap(s.piece.data))], nil
}

func (s *solidPacker) took(n int) {
	s.piece.data = s.piece.data[:len(s.piece.data)+n]
	s.at += int64(n)
}

// emit passes on the piece that is being filled.
func (s *solidPacker) emit(last bool) {
	b := s.piece
	b.stretches = append(b.stretches, stretch{
		end: len(b.data), first: !s.started, last: last, size: s.most, solid: true,
		codec: s.opts.SolidCompression, pieceSize: s.opts.SolidPieceSize,
	})
	s.started, s.piece = true, nil
	s.send(b)
}

// finish ends the run, if there is one.
func (s *solidPacker) finish() {
	if s.piece != nil {
		s.emit(true)
	}
}
