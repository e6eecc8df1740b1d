package wim

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/wimcast/wimcast/wim/xpress"
)

// xpressPieceSize is the size of pieces in files that are written.
const xpressPieceSize = 32768

// output writes a file from the start, with a buffer, and can go back to fill in what became known later.
type output struct {
	w   io.WriteSeeker
	buf []byte
	end int64 // of all that was written, the buffer included
}

func newOutput(w io.WriteSeeker) *output { return &output{w: w, buf: make([]byte, 0, 1<<20)} }

func (o *output) write(b []byte) error {
	o.end += int64(len(b))
	if len(o.buf)+len(b) > cap(o.buf) {
		if err := o.flush(); err != nil {
			return err
		}
		if len(b) >= cap(o.buf) {
			return o.direct(b)
		}
	}
	o.buf = append(o.buf, b...)
	return nil
}

func (o *output) flush() error {
	err := o.direct(o.buf)
	o.buf = o.buf[:0]
	return err
}

func (o *output) direct(b []byte) error {
	if _, err := o.w.Write(b); err != nil {
		return fmt.Errorf("write WIM: %w", err)
	}
	return nil
}

// writeAt overwrites what was written at off.
func (o *output) writeAt(b []byte, off int64) error {
	if err := o.flush(); err != nil {
		return err
	}
	if _, err := o.w.Seek(off, io.SeekStart); err != nil {
		return fmt.Errorf("write WIM: %w", err)
	}
	if err := o.direct(b); err != nil {
		return err
	}
	if _, err := o.w.Seek(o.end, io.SeekStart); err != nil {
		return fmt.Errorf("write WIM: %w", err)
	}
	return nil
}

// resource writes a resource that is in memory. It is marked compressed in a file with compression even if nothing is gained: some
// readers go by the file, not by the mark, when they read image metadata.
func (o *output) resource(c Compression, b []byte) (Location, error) {
	var enc pieceEncoder
	var w resourceWriter
	for off := 0; off < len(b); off += segmentSize {
		part := b[off:min(off+segmentSize, len(b))]
		s := &segment{data: part, first: off == 0, last: off+segmentSize >= len(b), size: int64(len(b))}
		if c != None {
			enc.compress(s)
		}
		w.marked = c != None
		if err := w.add(o, c, s); err != nil {
			return Location{}, err
		}
	}
	return w.at, nil
}

// pieceEncoder compresses segments.
type pieceEncoder struct{ enc xpress.Encoder }

func (e *pieceEncoder) compress(s *segment) {
	s.out, s.sizes = s.out[:0], s.sizes[:0]
	for b := s.data; len(b) > 0; {
		piece := b[:min(xpressPieceSize, len(b))]
		before := len(s.out)
		out, ok := e.enc.Encode(s.out, piece)
		if !ok {
			out = append(out[:before], piece...)
		}
		s.out = out
		s.sizes = append(s.sizes, int64(len(out)-before))
		b = b[len(piece):]
	}
}

// resourceWriter writes resources segment by segment.
type resourceWriter struct {
	at     Location // of the resource; complete after its last segment
	marked bool     // keep the compressed form whatever it gains
	table  []byte
	stored int64 // bytes of pieces so far
	res    Run
}

// add writes a segment.
func (w *resourceWriter) add(o *output, c Compression, s *segment) error {
	if s.first {
		w.at = Location{Offset: o.end, Size: s.size}
		w.res = Run{Location: w.at, Compression: c, PieceSize: xpressPieceSize}
		w.table, w.stored = w.table[:0], 0
	}
	if c == None || s.first && s.last && !w.marked && int64(len(s.out))+w.res.PieceTableSize() >= s.size {
		w.at.StoredSize += int64(len(s.data))
		return o.write(s.data)
	}
	w.at.Flags = ResourceCompressed
	w.note(s)
	if s.first && s.last {
		w.at.StoredSize = int64(len(w.table)) + w.stored
		if err := o.write(w.table); err != nil {
			return err
		}
		return o.write(s.out)
	}
	if s.first {
		if err := o.write(make([]byte, w.res.PieceTableSize())); err != nil {
			return err
		}
	}
	if err := o.write(s.out); err != nil {
		return err
	}
	if s.last {
		w.at.StoredSize = int64(len(w.table)) + w.stored
		return o.writeAt(w.table, w.at.Offset)
	}
	return nil
}

// note enters a segment's pieces into the table, which has no entry for the first piece.
func (w *resourceWriter) note(s *segment) {
	for i, n := range s.sizes {
		switch {
		case i == 0 && s.first:
		case w.res.entryWidth() == 4:
			w.table = binary.LittleEndian.AppendUint32(w.table, uint32(w.stored))
		default:
			w.table = binary.LittleEndian.AppendUint64(w.table, uint64(w.stored))
		}
		w.stored += n
	}
}
