package wim

import (
	"crypto/sha1"
	"hash"
	"io"
)

// readAhead is how many stored bytes a Reader asks for at a time when it reads on.
const readAhead = 256 << 10

// Reader gives the content of one resource.
//
// Read goes from the start to the end, and instead of io.EOF returns an error that is ErrHash when the SHA-1 of what was read is
// not the resource's. ReadAt goes anywhere and checks nothing but that pieces decode. One goroutine at a time may use it.
type Reader struct {
	f       *File
	res     Resource
	table   PieceTable
	hashing bool  // Read sums what it gives
	pos     int64 // of Read
	work    *readerWork
}

// readerWork is what a Reader works with. A File keeps those of Readers that came to their end, for the next ones.
type readerWork struct {
	decoders decoderSet
	sum      hash.Hash // of what Read gave
	window   []byte    // stored bytes from windowAt, counted from the run's first
	windowAt int64
	piece    []byte // content of piece number at
	at       int    // -1: none
}

// Open returns the content of a resource of this file. Readers of solid runs share a cache of 128 MiB of decoded pieces, or of one that is larger.
func (f *File) Open(res Resource) (*Reader, error) {
	r, err := f.reader(res)
	if err != nil {
		return nil, wrapf(err, "open resource %s", res.Hash)
	}
	return r, nil
}

func (f *File) reader(res Resource) (*Reader, error) {
	if res.Run == nil || res.Offset < 0 || res.End() > f.size || res.Start < 0 || res.Size < 0 || res.Size > res.Run.Size-res.Start {
		return nil, corruptf("locate it: it is not in the file")
	}
	table, err := f.pieceTable(res.Run)
	if err != nil {
		return nil, err
	}
	return &Reader{f: f, res: res, table: table, hashing: true}, nil
}

// begin returns what to work with, made or taken from a Reader before.
func (r *Reader) begin() *readerWork {
	if r.work == nil {
		r.work, _ = r.f.works.Get().(*readerWork)
		if r.work == nil {
			r.work = &readerWork{sum: sha1.New()}
		}
		r.work.sum.Reset()
		r.work.window, r.work.windowAt, r.work.at = r.work.window[:0], 0, -1
	}
	return r.work
}

// end gives back what was worked with. Large pieces are not kept for later.
func (r *Reader) end() {
	if w := r.work; w != nil && cap(w.piece)+cap(w.window) <= 4<<20 {
		r.f.works.Put(w)
	}
	r.work = nil
}

// Size is the content's length in bytes.
func (r *Reader) Size() int64 { return r.res.Size }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.pos >= r.res.Size {
		return 0, r.atEnd()
	}
	n, err := r.readAt(p, r.pos, true)
	if r.hashing {
		r.begin().sum.Write(p[:n])
	}
	r.pos += int64(n)
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// atEnd is what Read returns behind the last byte.
func (r *Reader) atEnd() error {
	if !r.hashing || r.res.Size == 0 {
		return io.EOF
	}
	if SHA1(r.begin().sum.Sum(nil)) != r.res.Hash {
		return corruptf("read resource %s: %w", r.res.Hash, ErrHash)
	}
	r.hashing = false // it was compared
	r.end()
	return io.EOF
}

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) { return r.readAt(p, off, false) }

// readAt fills p from off as far as there is content. onward says that what follows will be read next.
func (r *Reader) readAt(p []byte, off int64, onward bool) (int, error) {
	if off < 0 || off >= r.res.Size {
		return 0, io.EOF
	}
	short := int64(len(p)) > r.res.Size-off
	if short {
		p = p[:r.res.Size-off]
	}
	var done int
	var err error
	switch at := r.res.Start + off; {
	case r.table.Direct():
		if err = readFull(r.f.r, p, r.res.Offset+at); err == nil {
			done = len(p)
		}
	case r.res.Solid:
		done, err = r.readSolid(p, at)
	default:
		done, err = r.readPieces(p, at, onward)
	}
	if err != nil {
		return done, wrapf(err, "read resource %s", r.res.Hash)
	}
	if short {
		return done, io.EOF
	}
	return done, nil
}

// readSolid fills p from a place in a solid run's content.
func (r *Reader) readSolid(p []byte, at int64) (done int, err error) {
	for done < len(p) {
		i, within := r.place(at + int64(done))
		piece, err := r.f.cache.get(r.f, r.res.Run, i)
		if err != nil {
			return done, wrapf(err, "decode piece %d", i)
		}
		done += copy(p[done:], piece.data[within:])
		r.f.cache.release(piece)
	}
	return done, nil
}

// readPieces fills p from a place in the content of an ordinary run.
func (r *Reader) readPieces(p []byte, at int64, onward bool) (done int, err error) {
	for done < len(p) {
		i, within := r.place(at + int64(done))
		size := r.table.plainSize(i)
		if within == 0 && int64(len(p)-done) >= size && i != r.begin().at {
			if err := r.decode(i, p[done:done+int(size)], onward); err != nil {
				return done, err
			}
			done += int(size)
			continue
		}
		if err := r.load(i, onward); err != nil {
			return done, err
		}
		done += copy(p[done:], r.work.piece[within:])
	}
	return done, nil
}

// place returns the piece that a byte of the content is in, and where in it.
func (r *Reader) place(at int64) (i int, within int64) {
	size := int64(r.res.PieceSize)
	return int(at / size), at % size
}

// load puts piece i into r.work.piece.
func (r *Reader) load(i int, onward bool) error {
	w := r.begin()
	if w.at == i {
		return nil
	}
	size := int(r.table.plainSize(i))
	if cap(w.piece) < size {
		w.piece = make([]byte, r.res.PieceSize)
	}
	w.at = -1
	w.piece = w.piece[:size]
	if err := r.decode(i, w.piece, onward); err != nil {
		return err
	}
	w.at = i
	return nil
}

// decode decodes piece i into dst.
func (r *Reader) decode(i int, dst []byte, onward bool) error {
	w := r.begin()
	dec, err := w.decoders.forRun(r.res.Run)
	if err != nil {
		return err
	}
	start, end := r.table.start(i), r.table.end(i)
	if start < w.windowAt || end > w.windowAt+int64(len(w.window)) {
		stop := end
		if onward {
			stop = max(end, min(start+readAhead, r.res.StoredSize))
		}
		if int64(cap(w.window)) < stop-start {
			w.window = make([]byte, stop-start)
		}
		w.window, w.windowAt = w.window[:stop-start], start
		if err := readFull(r.f.r, w.window, r.res.Offset+start); err != nil {
			w.window = w.window[:0]
			return err
		}
	}
	if err := dec.DecodePiece(dst, w.window[start-w.windowAt:end-w.windowAt]); err != nil {
		return wrapf(err, "decode piece %d", i)
	}
	return nil
}
