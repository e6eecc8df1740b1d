package wim

import (
	"encoding/binary"
	"fmt"
	"io"
)

// sink writes a file onwards from some offset, with a buffer, and can go back to fill in what became known later.
type sink struct {
	w   io.WriteSeeker
	buf []byte
	end int64 // of all that was written, the buffer included
}

// newSink makes a sink that goes on at offset at.
func newSink(w io.WriteSeeker, at int64) (*sink, error) {
	s := &sink{w: w, buf: make([]byte, 0, 1<<20), end: at}
	if _, err := w.Seek(at, io.SeekStart); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *sink) write(b []byte) error {
	s.end += int64(len(b))
	if len(s.buf)+len(b) > cap(s.buf) {
		if err := s.flush(); err != nil {
			return err
		}
		if len(b) >= cap(s.buf) {
			return s.direct(b)
		}
	}
	s.buf = append(s.buf, b...)
	return nil
}

func (s *sink) flush() error {
	err := s.direct(s.buf)
	s.buf = s.buf[:0]
	return err
}

func (s *sink) direct(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, err := s.w.Write(b)
	return err
}

// writeAt overwrites what was written at off.
func (s *sink) writeAt(b []byte, off int64) error {
	if at := s.end - int64(len(s.buf)); off >= at && off+int64(len(b)) <= s.end {
		copy(s.buf[off-at:], b)
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	if _, err := s.w.Seek(off, io.SeekStart); err != nil {
		return err
	}
	if err := s.direct(b); err != nil {
		return err
	}
	_, err := s.w.Seek(s.end, io.SeekStart)
	return err
}

// runWriter writes runs, stretch by stretch, and notes where they are.
type runWriter struct {
	out    *sink
	runs   *runTable // gets those that are complete, in order
	now    Run
	room   int64 // bytes that were left free for the table; of a solid run, for its header too
	table  []byte
	stored int64 // bytes of pieces so far
}

// add writes a stretch.
func (w *runWriter) add(p *parcel, s *stretch) error {
	if s.first {
		if err := w.begin(s); err != nil {
			return err
		}
	}
	if s.as != nil || s.codec == None {
		w.now.StoredSize += int64(s.end - s.at)
		if err := w.out.write(p.data[s.at:s.end]); err != nil {
			return err
		}
	} else if err := w.pieces(p, s); err != nil {
		return err
	}
	if s.last {
		return w.finish()
	}
	return nil
}

// begin starts a run.
func (w *runWriter) begin(s *stretch) error {
	w.now = Run{Location: Location{Offset: w.out.end, Size: s.size}, Compression: s.codec, PieceSize: s.pieceSize, Solid: s.solid}
	w.table, w.stored, w.room = w.table[:0], 0, 0
	switch {
	case s.as != nil:
		at := w.now.Offset
		w.now = *s.as
		w.now.Offset, w.now.StoredSize = at, 0
	case s.solid:
		w.now.Flags = ResourceSolid
		w.room = solidHeaderSize + 4*((s.size+int64(s.pieceSize)-1)/int64(s.pieceSize))
		w.now.Size = 0 // what was reckoned with was the most
		return w.reserve()
	}
	return nil
}

// reserve leaves room for what is known when the run is complete.
func (w *runWriter) reserve() error {
	for left := w.room; left > 0; {
		n := min(left, int64(len(blank)))
		if err := w.out.write(blank[:n]); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

var blank [4096]byte

// pieces writes the pieces of a stretch. A run of one stretch from which nothing is gained is stored plain.
func (w *runWriter) pieces(p *parcel, s *stretch) error {
	out := p.out[s.outAt:s.outEnd]
	whole := s.first && s.last && !s.solid
	if whole && !s.always && int64(len(out))+w.now.PieceTableSize() >= s.size {
		w.now.Compression, w.now.PieceSize = None, plainPieceSize
		w.now.StoredSize = s.size
		return w.out.write(p.data[s.at:s.end])
	}
	if s.first && !s.solid {
		w.now.Flags |= ResourceCompressed
		if w.room = w.now.PieceTableSize(); !whole {
			if err := w.reserve(); err != nil {
				return err
			}
		}
	}
	w.note(p.sizes[s.sizesAt:s.sizesEnd], s.first)
	if whole {
		w.room = 0
		w.now.StoredSize = int64(len(w.table))
		if err := w.out.write(w.table); err != nil {
			return err
		}
	}
	if s.solid {
		w.now.Size += int64(s.end - s.at)
	}
	w.now.StoredSize += int64(len(out))
	return w.out.write(out)
}

// note enters pieces into the table: of a solid run their sizes, else the offsets of all but the first.
func (w *runWriter) note(sizes []uint32, first bool) {
	le := binary.LittleEndian
	for i, n := range sizes {
		switch {
		case w.now.Solid:
			w.table = le.AppendUint32(w.table, n)
		case i == 0 && first:
		case w.now.entryWidth() == 4:
			w.table = le.AppendUint32(w.table, uint32(w.stored))
		default:
			w.table = le.AppendUint64(w.table, uint64(w.stored))
		}
		w.stored += int64(n)
	}
}

// finish fills in what was left free. A solid run whose content is less than was reckoned with starts later than planned: what is before
// it stays unused.
func (w *runWriter) finish() error {
	if w.room > 0 {
		b := w.table
		if w.now.Solid {
			le := binary.LittleEndian
			b = le.AppendUint64(nil, uint64(w.now.Size))
			b = le.AppendUint32(b, uint32(w.now.PieceSize))
			b = le.AppendUint32(b, w.now.Compression.solidFormat())
			b = append(b, w.table...)
		}
		free := w.room - int64(len(b))
		if free < 0 || free > 0 && !w.now.Solid {
			return fmt.Errorf("the table of a run has %d bytes, not %d", len(b), w.room)
		}
		w.now.Offset += free
		if err := w.out.writeAt(b, w.now.Offset); err != nil {
			return err
		}
		w.now.StoredSize += int64(len(b))
	}
	w.runs.enter(&w.now)
	return nil
}
