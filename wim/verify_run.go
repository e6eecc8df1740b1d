package wim

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"hash"
	"slices"
	"sync"
)

const (
	verifyMemory  = 176 << 20 // bytes of segments that are being decoded or wait for their hash, unless one alone is larger
	verifySegment = 1 << 20   // bytes, stored or of content, that are taken at a time, where pieces are smaller
	verifySmall   = 256 << 10 // a run that is stored in no more is taken whole, together with its neighbours
	verifyGap     = 64 << 10  // bytes between such neighbours that are read in vain
)

// verifier hands out a File's runs in order, as segments: several small runs, or some pieces of a large one. Workers decode segments of a large run
// side by side, and whoever has the next one hashes it, and those behind it that wait.
//
// A segment's memory is reserved when it is handed out. So what waits for a hash never keeps an earlier segment from being decoded.
type verifier struct {
	ctx   context.Context // of one call
	f     *File
	meter *meter

	mu     sync.Mutex
	freed  sync.Cond
	failed bool
	rest   []stored    // resources that are still to be handed out, but for those of runs
	runs   []verifyRun // that come next
	large  *largeRun   // of which a part was handed out; nil: none
	held   int64
	spare  [][]byte // contents to be used again
}

// verifyRun is a run and its resources, in order of their place in it.
type verifyRun struct {
	*Run
	members []stored
}

// batch is what one worker decodes at a time.
type batch struct {
	runs       []verifyRun // small ones; else
	large      *largeRun
	first, end int // pieces
	held       int64
	content    []byte // of a large run
}

// largeRun is a run that is hashed segment by segment. Its mutex guards all but run and table.
type largeRun struct {
	verifyRun
	table  PieceTable
	taken  int // pieces that were handed out
	mu     sync.Mutex
	busy   bool     // someone hashes
	next   int      // piece to be hashed
	parked []*batch // decoded, and not their turn yet
	sum    runHash
}

func newVerifier(ctx context.Context, f *File, m *meter) *verifier {
	v := &verifier{ctx: ctx, f: f, meter: m}
	v.freed.L = &v.mu
	v.rest = f.resources[:f.placed]
	return v
}

// verifyAhead is how many runs are looked at ahead: a file may have millions.
const verifyAhead = 4096

// look adds runs to those that come next.
func (v *verifier) look() {
	for len(v.rest) > 0 && len(v.runs) < verifyAhead {
		first := &v.rest[0]
		run, n := v.f.runOf(first), 1
		for first.inSolid() && n < len(v.rest) && v.rest[n].inSolid() && v.f.solidOf(&v.rest[n]) == run {
			n++
		}
		if run.Flags&ResourceMetadata == 0 { // that of an image is checked when its tree is read
			v.runs = append(v.runs, verifyRun{run, v.rest[:n]})
		}
		v.rest = v.rest[n:]
	}
}

// fail has all workers stop.
func (v *verifier) fail() {
	v.mu.Lock()
	v.failed = true
	v.mu.Unlock()
	v.freed.Broadcast()
}

// work decodes segments until there are no more.
func (v *verifier) work() error {
	w := verifyWorker{verifier: v}
	for {
		s, err := v.take()
		if err == nil && s == nil {
			return v.ctx.Err()
		}
		if err == nil {
			err = w.verify(s)
		}
		if err != nil {
			v.fail()
			return err
		}
	}
}

// take returns the next segment, once there is memory for it; nil at the end.
func (v *verifier) take() (*batch, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for !v.failed {
		s, need, err := v.peek()
		if s == nil || err != nil {
			return nil, err
		}
		if v.held > 0 && v.held+need > verifyMemory {
			v.freed.Wait()
			continue
		}
		v.held += need
		s.held = need
		if s.large == nil {
			v.runs = v.runs[len(s.runs):]
			return s, nil
		}
		s.content = v.buffer(s.large.contentOf(s.first, s.end))
		if s.large.taken = s.end; s.end == s.large.table.Count() {
			v.large, v.runs = nil, v.runs[1:]
		}
		return s, nil
	}
	return nil, nil
}

// peek describes the next segment and says how much memory it needs.
func (v *verifier) peek() (s *batch, need int64, err error) {
	if len(v.runs) < verifyAhead/2 {
		v.look()
	}
	if len(v.runs) == 0 {
		return nil, 0, nil
	}
	if r := v.runs[0]; v.large == nil && !r.small() {
		table, err := v.f.pieceTable(r.Run)
		if err != nil {
			return nil, 0, wrapf(err, "verify resource %s", r.members[0].hash)
		}
		v.large = &largeRun{verifyRun: r, table: table, sum: runHash{f: v.f, rest: r.members, sum: sha1.New()}}
	}
	if l := v.large; l != nil {
		s = &batch{large: l, first: l.taken, end: l.taken + 1}
		for s.end < l.table.Count() && l.contentOf(s.first, s.end+1) <= verifySegment {
			s.end++
		}
		return s, l.contentOf(s.first, s.end) + l.storedOf(s.first, s.end), nil
	}
	n := 1
	start, end := v.runs[0].Offset, v.runs[0].End()
	most := int64(v.runs[0].PieceSize)
	for _, r := range v.runs[1:] {
		if !r.small() || r.End()-start > verifySegment || r.Offset-end > verifyGap {
			break
		}
		end, most = r.End(), max(most, int64(r.PieceSize))
		n++
	}
	return &batch{runs: v.runs[:n:n]}, end - start + most, nil
}

// buffer returns n bytes, used before if it can.
func (v *verifier) buffer(n int64) []byte {
	for i, b := range v.spare {
		if int64(cap(b)) >= n {
			v.spare = slices.Delete(v.spare, i, i+1)
			return b[:n]
		}
	}
	v.spare = nil
	return make([]byte, n)
}

// done gives back what a segment holds.
func (v *verifier) done(s *batch) {
	v.mu.Lock()
	v.held -= s.held
	if s.content != nil && len(v.spare) < 8 {
		v.spare = append(v.spare, s.content)
	}
	s.content = nil
	v.mu.Unlock()
	v.freed.Broadcast()
}

func (r *verifyRun) small() bool {
	return !r.Solid && r.StoredSize <= verifySmall && r.PieceSize <= verifySegment && r.Size <= 8*verifySegment
}

// contentOf and storedOf count the bytes of pieces.
func (l *largeRun) contentOf(first, end int) int64 {
	return min(int64(end)*int64(l.PieceSize), l.Size) - int64(first)*int64(l.PieceSize)
}

func (l *largeRun) storedOf(first, end int) int64 { return l.table.end(end-1) - l.table.start(first) }

// pieceTable returns the table of a run, which is read unless it is known.
func (f *File) pieceTable(run *Run) (PieceTable, error) {
	if t, ok := run.Table(); ok {
		return t, nil
	}
	at := run.PieceTableRange()
	if at.Offset < 0 || at.End() > run.StoredSize {
		return PieceTable{}, corruptf("read piece table: %d bytes of %d", at.Size, run.StoredSize)
	}
	table := make([]byte, at.Size)
	if err := readFull(f.r, table, run.Offset+at.Offset); err != nil {
		return PieceTable{}, wrapf(err, "read piece table")
	}
	return ParsePieceTable(run, table)
}

// verifyWorker is what one worker keeps from segment to segment.
type verifyWorker struct {
	*verifier
	decoders decoderSet
	stored   []byte
	piece    []byte
	sum      runHash
}

func (w *verifyWorker) verify(s *batch) error {
	if s.large != nil {
		if err := w.decode(s); err != nil {
			return wrapf(err, "verify resource %s", s.large.at(s.first).hash)
		}
		return s.large.hash(w.verifier, s)
	}
	start := s.runs[0].Offset
	stored, err := w.read(start, s.runs[len(s.runs)-1].End()-start)
	if err != nil {
		return wrapf(err, "verify resources at %d", start)
	}
	for i := range s.runs {
		r := &s.runs[i]
		if err := w.whole(r, stored[r.Offset-start:r.End()-start]); err != nil {
			return wrapf(err, "verify resource %s", r.members[0].hash)
		}
	}
	w.done(s)
	return w.ctx.Err()
}

// read reads stored bytes.
func (w *verifyWorker) read(off, n int64) ([]byte, error) {
	if int64(cap(w.stored)) < n {
		w.stored = nil // first, so that both are never there together
		w.stored = make([]byte, max(n, verifySegment+verifySmall))
	}
	b := w.stored[:n]
	return b, readFull(w.f.r, b, off)
}

// whole decodes and hashes a small run.
func (w *verifyWorker) whole(r *verifyRun, stored []byte) error {
	at := r.PieceTableRange()
	table, err := ParsePieceTable(r.Run, stored[at.Offset:at.End()])
	if err != nil {
		return err
	}
	if w.sum.sum == nil {
		w.sum.sum = sha1.New()
	}
	w.sum.f, w.sum.rest, w.sum.pos = w.f, r.members, 0
	if table.Direct() {
		w.meter.add(r.Size)
		return w.sum.write(stored)
	}
	dec, err := w.decoders.forRun(r.Run)
	if err != nil {
		return err
	}
	if cap(w.piece) < r.PieceSize {
		w.piece = make([]byte, r.PieceSize)
	}
	for i := range table.Count() {
		p := table.Piece(i)
		b := w.piece[:p.Size]
		src := stored[p.StoredOffset : p.StoredOffset+p.StoredSize]
		if p.StoredSize == p.Size {
			b = src
		} else if err := dec.DecodePiece(b, src); err != nil {
			return wrapf(err, "decode piece %d", i)
		}
		if err := w.sum.write(b); err != nil {
			return err
		}
	}
	w.meter.add(r.Size)
	return nil
}

// decode decodes the pieces of a large run's segment.
func (w *verifyWorker) decode(s *batch) error {
	t := &s.large.table
	off := t.start(s.first)
	n := s.large.storedOf(s.first, s.end)
	if n == int64(len(s.content)) && s.large.gap() == 0 { // plain, or every piece stored raw
		return readFull(w.f.r, s.content, s.large.Offset+off)
	}
	stored, err := w.read(s.large.Offset+off, n)
	if err != nil {
		return err
	}
	dec, err := w.decoders.forRun(s.large.Run)
	if err != nil {
		return err
	}
	to := s.content
	for i := s.first; i < s.end; i++ {
		p := t.Piece(i)
		if err := dec.DecodePiece(to[:p.Size], stored[p.StoredOffset-off:p.StoredOffset-off+p.StoredSize]); err != nil {
			return wrapf(err, "decode piece %d", i)
		}
		to = to[p.Size:]
	}
	return nil
}

// at returns the resource that the first byte of a piece is of, or the one before it.
func (l *largeRun) at(piece int) *stored {
	i, found := slices.BinarySearchFunc(l.members, int64(piece)*int64(l.PieceSize), func(s stored, at int64) int {
		return cmp.Compare(s.start(), at)
	})
	if !found && i > 0 {
		i--
	}
	return &l.members[i]
}

// hash hashes a segment if it is its turn, and then those that waited for it.
func (l *largeRun) hash(v *verifier, s *batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parked = append(l.parked, s)
	for !l.busy {
		i := slices.IndexFunc(l.parked, func(p *batch) bool { return p.first == l.next })
		if i < 0 {
			break
		}
		s := l.parked[i]
		l.parked = slices.Delete(l.parked, i, i+1)
		l.busy = true
		l.mu.Unlock()
		n := int64(len(s.content))
		err := l.sum.write(s.content)
		v.done(s)
		v.meter.add(n)
		l.mu.Lock()
		if l.busy, l.next = false, s.end; err != nil {
			return err
		}
	}
	return v.ctx.Err()
}

// runHash hashes the resources of a run as its content goes by.
type runHash struct {
	f    *File
	rest []stored // resources that are not complete
	pos  int64    // in the run's content
	sum  hash.Hash
	out  [sha1.Size]byte
}

// write takes the next bytes of the content. The error says which resource has another SHA-1.
func (h *runHash) write(b []byte) error {
	for len(h.rest) > 0 && len(b) > 0 {
		r := &h.rest[0]
		start := r.start()
		end := start + h.f.sizeOf(r)
		if h.pos < start {
			n := min(int64(len(b)), start-h.pos)
			b, h.pos = b[n:], h.pos+n
			continue
		}
		if h.pos == start {
			h.sum.Reset()
		}
		n := min(int64(len(b)), end-h.pos)
		h.sum.Write(b[:n])
		b, h.pos = b[n:], h.pos+n
		if h.pos == end {
			if !bytes.Equal(h.sum.Sum(h.out[:0]), r.hash[:]) {
				return corruptf("read resource %s: %w", r.hash, ErrHash)
			}
			h.rest = h.rest[1:]
		}
	}
	h.pos += int64(len(b))
	return nil
}
