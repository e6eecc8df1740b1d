package wim

import "sync"

// What a File keeps of its solid runs' content, for all its readers together. A piece that is larger is kept alone.
const (
	cacheBytes  = 128 << 20
	cachePieces = 64
)

// pieceCache keeps decoded pieces of solid runs. It is safe for concurrent use, and a piece that several want is decoded once.
type pieceCache struct {
	mu       sync.Mutex
	freed    sync.Cond // a piece lost its last user
	pieces   []*cachedPiece
	held     int64 // bytes of their content
	tick     uint64
	decoders []*pieceDecoder // that nobody uses
	spare    []byte          // content of the piece that is dropped for another
}

// cachedPiece is one decoded piece. users hold it in the cache; data and err are there once ready is closed.
type cachedPiece struct {
	run   *Run
	i     int
	size  int64
	users int
	used  uint64 // when it was asked for
	ready chan struct{}
	data  []byte
	err   error
}

// pieceDecoder is what decoding a piece needs beside the content's place.
type pieceDecoder struct {
	decoderSet
	stored []byte
}

// get returns piece i of a run, which the caller releases. It waits when the cache is full of pieces that are in use.
func (c *pieceCache) get(f *File, run *Run, i int) (*cachedPiece, error) {
	c.mu.Lock()
	if c.freed.L == nil {
		c.freed.L = &c.mu
	}
	size := run.table.plainSize(i)
	for {
		if p := c.find(run, i); p != nil {
			p.users++
			c.mu.Unlock()
			<-p.ready
			if p.err != nil {
				c.release(p)
				return nil, p.err
			}
			return p, nil
		}
		if c.makeRoom(size) {
			break
		}
		c.freed.Wait()
	}
	p := &cachedPiece{run: run, i: i, size: size, users: 1, used: c.tick, ready: make(chan struct{})}
	if int64(cap(c.spare)) >= size {
		p.data = c.spare[:size]
	}
	c.spare = nil
	c.pieces = append(c.pieces, p)
	c.held += size
	var d *pieceDecoder
	if n := len(c.decoders); n > 0 {
		d, c.decoders = c.decoders[n-1], c.decoders[:n-1]
	}
	c.mu.Unlock()

	if d == nil {
		d = new(pieceDecoder)
	}
	if p.data == nil {
		p.data = make([]byte, size)
	}
	p.err = d.decode(f, run, i, p.data)
	c.mu.Lock()
	c.decoders = append(c.decoders, d)
	c.mu.Unlock()
	close(p.ready)
	if p.err != nil {
		c.release(p)
		return nil, p.err
	}
	return p, nil
}

func (c *pieceCache) find(run *Run, i int) *cachedPiece {
	c.tick++
	for _, p := range c.pieces {
		if p.run == run && p.i == i {
			p.used = c.tick
			return p
		}
	}
	return nil
}

// makeRoom drops pieces that nobody uses, the oldest first, until one of that size fits.
func (c *pieceCache) makeRoom(size int64) bool {
	for len(c.pieces) > 0 && (c.held+size > cacheBytes || len(c.pieces) >= cachePieces) {
		oldest := -1
		for i, p := range c.pieces {
			if p.users == 0 && (oldest < 0 || p.used < c.pieces[oldest].used) {
				oldest = i
			}
		}
		if oldest < 0 {
			return false
		}
		c.drop(oldest)
	}
	return true
}

// drop forgets piece number n of those that are kept.
func (c *pieceCache) drop(n int) {
	p := c.pieces[n]
	last := len(c.pieces) - 1
	c.pieces[n], c.pieces[last] = c.pieces[last], nil
	c.pieces = c.pieces[:last]
	c.held -= p.size
	c.spare = p.data
}

// release gives a piece back. One that did not decode goes.
func (c *pieceCache) release(p *cachedPiece) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.users--; p.users > 0 {
		return
	}
	if p.err != nil {
		for n, o := range c.pieces {
			if o == p {
				c.drop(n)
				c.spare = nil
				break
			}
		}
	}
	c.freed.Broadcast()
}

// decode decodes piece i of a run into dst.
func (d *pieceDecoder) decode(f *File, run *Run, i int, dst []byte) error {
	dec, err := d.forRun(run)
	if err != nil {
		return err
	}
	p := run.table.Piece(i)
	if p.StoredSize == p.Size {
		return readFull(f.r, dst, run.Offset+p.StoredOffset)
	}
	if int64(cap(d.stored)) < p.StoredSize {
		d.stored = make([]byte, p.StoredSize)
	}
	src := d.stored[:p.StoredSize]
	if err := readFull(f.r, src, run.Offset+p.StoredOffset); err != nil {
		return err
	}
	return dec.DecodePiece(dst, src)
}
