package apply

import (
	"fmt"

	"github.com/wimcast/wimcast/wim"
)

// big reports whether the run's pieces are decoded one at a time, in buffers that all workers share: those of solid runs have up to 64 MiB
// as wimlib-imagex and Windows write them.
func (r *run) big() bool { return r.Compression != wim.None && !r.whole && r.PieceSize > scratchSize }

// bigPiece is what big pieces are decoded with. Who has put something into token owns the rest.
type bigPiece struct {
	token    chan struct{}
	src, dst []byte
	dec      pieceDecoder
}

// room returns the bytes that a task's data is to be put together in. It waits while another big piece is decoded.
func (j *Job) room(t *task, size int64) []byte {
	if t.r == nil || !t.r.big() {
		return make([]byte, size)
	}
	b := &j.crew.big
	b.token <- struct{}{}
	t.big = true
	b.src = grow(b.src, size)
	return b.src
}

// unroom ends a task's use of what big pieces share.
func (j *Job) unroom(t *task) {
	if t.big {
		t.big = false
		<-j.crew.big.token
	}
}

// sendPieces sends pieces whose stored bytes are together already.
func (j *Job) sendPieces(t task) error {
	if t.r.big() {
		j.crew.big.token <- struct{}{}
		t.big = true
	}
	return j.send(t)
}

// writeBig decodes one big piece and writes what is in it.
func (w *worker) writeBig(t task) (err error) {
	b := &w.job.crew.big
	var data []byte
	if data, b.src, err = t.data.bytes(b.src); err != nil {
		return err
	}
	pc := t.pieces.Piece(t.first)
	b.dst = grow(b.dst, pc.Size)
	if err := b.dec.decode(w.job, t.r, t.pieces, t.first, t.end, data, pc.StoredOffset, b.dst); err != nil {
		return err
	}
	return w.writeContent(t.r, b.dst, pc.Offset)
}

// grow returns a buffer of n bytes, b's own if they suffice. What it makes anew has some more, so that pieces of about one size make few.
func grow(b []byte, n int64) []byte {
	if int64(cap(b)) < n {
		b = make([]byte, n, n+n/8)
	}
	return b[:n]
}

// pieceDecoder keeps the decoder of the run it was used for last.
type pieceDecoder struct {
	dec         *wim.Decoder
	compression wim.Compression
	pieceSize   int
}

// decode decodes pieces [first, end) of a run into dst. src holds stored bytes from offset base of the run on.
func (d *pieceDecoder) decode(j *Job, r *run, pt *wim.PieceTable, first, end int, src []byte, base int64, dst []byte) error {
	if first == end {
		return nil
	}
	if d.dec == nil || d.compression != r.Compression || d.pieceSize != r.PieceSize {
		dec, err := wim.NewDecoder(r.Compression, r.PieceSize)
		if err != nil {
			return fmt.Errorf("decode %s: %w", r.name(), err)
		}
		*d = pieceDecoder{dec, r.Compression, r.PieceSize}
	}
	start := pt.Piece(first).Offset
	for i := first; i < end; i++ {
		pc := pt.Piece(i)
		from := pc.StoredOffset - base
		out := dst[pc.Offset-start : pc.Offset-start+pc.Size]
		switch err := d.dec.DecodePiece(out, src[from:from+pc.StoredSize]); {
		case err != nil && j.cfg.Recover:
			clear(out)
		case err != nil:
			return fmt.Errorf("decode %s at %d: %w", r.name(), pc.Offset, err)
		}
	}
	return nil
}
