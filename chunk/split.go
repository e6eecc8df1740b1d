package chunk

import (
	"errors"
	"fmt"
	"io"
)

// Range is the bytes [Offset, Offset+Size) of a content.
type Range struct{ Offset, Size int64 }

// Layout is what is known about the structure of a content. The zero value knows nothing: cuts are then content-defined.
type Layout struct {
	// Bounds are offsets at which a resource begins or ends, ascending. A cut falls on one of them where one lies between
	// MinSize and MaxSize.
	Bounds []int64
	// Prologue are the ranges that a receiver needs before anything else, ascending and not overlapping. A chunk has bytes
	// of one only or of none: both ends of each are cuts, even if a chunk gets shorter than MinSize.
	Prologue []Range
	// Align is what the offsets of content-defined cuts are multiples of; 0: of 1. It divides MinSize.
	Align int64
	// Even has cuts fall every MaxSize bytes, and else only where they are forced: of a content so long that it would have too many
	// chunks otherwise.
	Even bool
}

// ErrLayout is returned by Split for a layout that is out of order or goes beyond the content's end.
var ErrLayout = errors.New("layout does not fit the content")

// Piece is one chunk of a content, as Split finds it.
type Piece struct {
	Offset   int64
	Data     []byte // 1 to MaxSize bytes, valid only during the call
	Prologue bool
}

// Split reads r to its end and calls fn for each chunk, in order. An error of fn ends it and is returned as it is.
// The same bytes with the same layout give the same chunks on every machine.
//
// A chunk ends at the first of: a forced cut (an end of a prologue range, the end of r); the bound between MinSize and MaxSize
// whose following bytes have the smallest hash; a content-defined cut. So which bounds become cuts depends on what stands
// there and not on where it stands, and an insertion moves only the cuts near it.
func Split(r io.Reader, layout Layout, fn func(Piece) error) error {
	if err := layout.check(); err != nil {
		return err
	}
	s := splitter{r: r, bounds: layout.Bounds, edges: layout.edges(), align: max(layout.Align, 1), even: layout.Even, buf: make([]byte, 0, 4*MaxSize), cdc: newCutter()}
	for {
		if err := s.fill(); err != nil {
			return fmt.Errorf("split content at offset %d: %w", s.off, err)
		}
		if len(s.rest()) == 0 {
			break
		}
		n, prologue := s.next()
		if err := fn(Piece{Offset: s.off, Data: s.rest()[:n:n], Prologue: prologue}); err != nil {
			return err
		}
		s.off += int64(n)
		s.pos += n
	}
	if len(s.edges) > 0 || !s.even && len(s.bounds) > 0 && s.bounds[len(s.bounds)-1] > s.off {
		return fmt.Errorf("split content of %d bytes: %w: it names bytes after the end", s.off, ErrLayout)
	}
	return nil
}

// check refuses a layout that is out of order.
func (l Layout) check() error {
	if l.Align < 0 || l.Align > 0 && MinSize%l.Align != 0 {
		return fmt.Errorf("split content: %w: cuts at multiples of %d", ErrLayout, l.Align)
	}
	last := int64(0)
	for _, b := range l.Bounds {
		if b < last {
			return fmt.Errorf("split content: %w: bound %d after %d", ErrLayout, b, last)
		}
		last = b
	}
	last = 0
	for _, p := range l.Prologue {
		if p.Offset < last || p.Size <= 0 || p.Offset+p.Size < p.Offset {
			return fmt.Errorf("split content: %w: prologue of %d bytes at %d after %d", ErrLayout, p.Size, p.Offset, last)
		}
		last = p.Offset + p.Size
	}
	return nil
}

// edge is a forced cut; prologue tells what the bytes before it are.
type edge struct {
	off      int64
	prologue bool
}

func (l Layout) edges() []edge {
	var out []edge
	last := int64(0)
	for _, p := range l.Prologue {
		if p.Offset > last {
			out = append(out, edge{p.Offset, false})
		}
		last = p.Offset + p.Size
		out = append(out, edge{last, true})
	}
	return out
}

// leadSize is how many bytes after a bound decide whether it becomes a cut.
const leadSize = 64

// splitter holds the part of a content from offset off on that was read ahead: buf[pos:].
type splitter struct {
	r      io.Reader
	eof    bool
	buf    []byte
	pos    int
	off    int64
	bounds []int64 // not yet behind off
	edges  []edge  // not yet behind off
	align  int64
	even   bool
	cdc    *cutter
}

func (s *splitter) rest() []byte { return s.buf[s.pos:] }

// fill reads ahead until a whole chunk and the bytes after its end can be seen, or to the end of r.
func (s *splitter) fill() error {
	if s.eof || len(s.rest()) >= MaxSize+leadSize {
		return nil
	}
	s.buf = s.buf[:copy(s.buf, s.rest())]
	s.pos = 0
	n, err := io.ReadFull(s.r, s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		s.eof = true
		return nil
	}
	return err
}

// next returns the length of the chunk at s.off, and whether it is prologue.
func (s *splitter) next() (n int, prologue bool) {
	n = min(len(s.rest()), MaxSize)
	forced := s.eof && n == len(s.rest())
	if len(s.edges) > 0 {
		e := s.edges[0]
		prologue = e.prologue
		if e.off-s.off <= int64(n) {
			n, forced = int(e.off-s.off), true
		}
	}
	n = s.cut(n, forced)
	if len(s.edges) > 0 && s.off+int64(n) == s.edges[0].off {
		s.edges = s.edges[1:]
	}
	return n, prologue
}

// cut chooses where a chunk of at most n bytes ends; forced says that n is itself a cut.
func (s *splitter) cut(n int, forced bool) int {
	if n <= MinSize || s.even {
		return n
	}
	for len(s.bounds) > 0 && s.bounds[0]-s.off < MinSize {
		s.bounds = s.bounds[1:]
	}
	best, least := 0, uint64(0)
	offer := func(at int) {
		if h := leadHash(s.rest()[at:]); best == 0 || h < least {
			best, least = at, h
		}
	}
	for _, b := range s.bounds {
		if b-s.off > int64(n) {
			break
		}
		offer(int(b - s.off))
	}
	switch {
	case best == 0:
		if c := s.cdc.cut(s.rest()[:n]); c < n {
			return c - int((s.off+int64(c))%s.align)
		}
		return n
	case forced:
		offer(n)
	}
	return best
}
