package wim

import (
	"context"

	"golang.org/x/sync/errgroup"
)

const (
	parcelSize   = 1 << 20   // bytes of content that are compressed in one go; more where one piece is larger
	smallContent = 256 << 10 // contents up to this size share parcels
	maxStretches = 2048      // of a parcel: thousands of tiny contents would take more than their bytes
	parcelMemory = 128 << 20 // of all parcels together, where one of each kind of goroutine is not more
)

// parcel is some bytes on their way through the pipeline: one goroutine fills parcels, several compress them, one writes them in order.
type parcel struct {
	data      []byte
	stretches []stretch
	out       []byte   // compressed pieces, one after another
	sizes     []uint32 // stored size of each
	solid     bool     // it is one piece of a solid run
	ready     chan struct{}
	err       error
}

// stretch is a part of a run: data[at:end] of its parcel.
type stretch struct {
	at, end     int
	first, last bool  // of its run
	size        int64 // of the whole run's content; of a solid run, the most that it can be
	codec       Compression
	pieceSize   int
	solid       bool
	always      bool // keep the compressed form whatever it gains
	as          *Run // these are stored bytes, to be copied, of that run; nil: they are not

	outAt, outEnd     int // in the parcel's out
	sizesAt, sizesEnd int // in the parcel's sizes
}

// pipe is the pipeline. Its feeding side belongs to one goroutine.
type pipe struct {
	ctx       context.Context // of one Finish
	opts      *WriterOptions
	free      chan *parcel // to be filled
	freeSolid chan *parcel
	work      chan *parcel // to be compressed
	queue     chan *parcel // to be written, in order
	solidEnc  chan encoder // nil ones are made when they are needed
	now       *parcel      // is being filled; nil: none
	size      int          // of a parcel
	runs      int32        // that were begun
}

// runPipe has feed fill a pipeline, and writes what comes out of it to w.
func runPipe(ctx context.Context, opts *WriterOptions, w *runWriter, feed func(*pipe) error) error {
	g, ctx := errgroup.WithContext(ctx)
	size := max(parcelSize, opts.PieceSize)
	count := max(3, min(2*opts.Threads+2, parcelMemory/size))
	solids, encoders := solidInFlight(opts)
	p := &pipe{
		ctx: ctx, opts: opts, size: size, free: make(chan *parcel, count), freeSolid: make(chan *parcel, solids),
		work: make(chan *parcel, count+solids), queue: make(chan *parcel, count+solids), solidEnc: make(chan encoder, encoders),
	}
	for range count {
		p.free <- &parcel{ready: make(chan struct{}, 1)}
	}
	for range solids {
		p.freeSolid <- &parcel{ready: make(chan struct{}, 1), solid: true}
	}
	for range encoders {
		p.solidEnc <- nil
	}
	g.Go(func() error {
		defer close(p.queue)
		defer close(p.work)
		err := feed(p)
		p.flush()
		return err
	})
	for range max(encoders, opts.Compression.encoders(opts.PieceSize, opts.Threads, opts.Memory)) {
		g.Go(p.compress)
	}
	g.Go(func() error { return p.store(w) })
	return g.Wait()
}

// compress compresses parcels as long as there are any. What goes wrong is told by the one who waits for the parcel.
func (p *pipe) compress() error {
	var enc encoder
	for b := range p.work {
		if b.solid {
			s := <-p.solidEnc
			if s == nil {
				s, b.err = newEncoder(p.opts.SolidCompression, p.opts.SolidPieceSize, p.opts.SolidLevel)
			}
			b.encode(s)
			p.solidEnc <- s
		} else {
			if enc == nil && p.opts.Compression != None {
				enc, b.err = newEncoder(p.opts.Compression, p.opts.PieceSize, p.opts.Level)
			}
			b.encode(enc)
		}
		b.ready <- struct{}{}
	}
	return nil
}

// encode compresses the stretches of a parcel that are to be.
func (b *parcel) encode(enc encoder) {
	if b.err != nil {
		return
	}
	b.out, b.sizes = b.out[:0], b.sizes[:0]
	for i := range b.stretches {
		s := &b.stretches[i]
		if s.as != nil || s.codec == None {
			continue
		}
		s.outAt, s.sizesAt = len(b.out), len(b.sizes)
		for at := s.at; at < s.end; {
			piece := b.data[at:min(at+s.pieceSize, s.end)]
			before := len(b.out)
			out, ok := enc.Encode(b.out, piece)
			if !ok {
				out = append(out[:before], piece...)
			}
			b.out = out
			b.sizes = append(b.sizes, uint32(len(out)-before))
			at += len(piece)
		}
		s.outEnd, s.sizesEnd = len(b.out), len(b.sizes)
	}
}

// store writes parcels in order.
func (p *pipe) store(w *runWriter) error {
	for b := range p.queue {
		select {
		case <-b.ready:
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
		if b.err != nil {
			return b.err
		}
		for i := range b.stretches {
			if err := w.add(b, &b.stretches[i]); err != nil {
				return err
			}
		}
		b.data, b.stretches = b.data[:0], b.stretches[:0]
		if b.solid {
			p.freeSolid <- b
		} else {
			p.free <- b
		}
	}
	return nil
}

// parcel returns the parcel that is being filled, which has room for at least n bytes more.
func (p *pipe) parcel(n int) (*parcel, error) {
	if p.now != nil && (len(p.now.data)+n > p.size || len(p.now.stretches) >= maxStretches) {
		p.flush()
	}
	if p.now != nil {
		return p.now, nil
	}
	var err error
	p.now, err = p.take(p.free, p.size)
	return p.now, err
}

// take waits for a parcel.
func (p *pipe) take(from chan *parcel, size int) (*parcel, error) {
	select {
	case b := <-from:
		if cap(b.data) < size {
			b.data = make([]byte, 0, size)
		}
		return b, nil
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	}
}

// flush passes on the parcel that is being filled. The channels have room for all parcels there are.
func (p *pipe) flush() {
	if b := p.now; b != nil {
		p.now = nil
		p.send(b)
	}
}

func (p *pipe) send(b *parcel) {
	plain := true
	for i := range b.stretches {
		plain = plain && (b.stretches[i].as != nil || b.stretches[i].codec == None)
	}
	if plain {
		b.ready <- struct{}{}
	} else {
		p.work <- b
	}
	p.queue <- b
}
