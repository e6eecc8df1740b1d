package wim

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sync/errgroup"
)

// segmentSize is how many bytes of a file are compressed in one go: a whole number of pieces.
const segmentSize = 1 << 20

// segment is a part of a file's content on its way through the capture. One goroutine reads segments in order, several compress
// them, one writes them in order.
type segment struct {
	data        []byte
	out         []byte  // compressed pieces, one after another
	sizes       []int64 // stored size of each
	first, last bool    // of its resource
	size        int64   // of the whole resource
	hash        SHA1    // of the whole resource; set in the last segment
	ready       chan struct{}
}

// writeContents reads, compresses and writes the content of every file that is not empty, each content once.
func (c *capture) writeContents(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	window := 2*c.opts.Threads + 2
	p := &pipeline{
		capture: c, ctx: ctx, meter: &meter{fn: c.opts.Progress, total: c.total}, sum: sha1.New(),
		free: make(chan *segment, window), work: make(chan *segment, window), queue: make(chan *segment, window),
	}
	for range window {
		p.free <- &segment{}
	}
	g.Go(func() error {
		defer close(p.queue)
		defer close(p.work)
		return p.read()
	})
	if c.opts.Compression != None {
		for range c.opts.Threads {
			g.Go(func() error {
				var enc pieceEncoder
				for s := range p.work {
					enc.compress(s)
					s.ready <- struct{}{}
				}
				return nil
			})
		}
	}
	g.Go(p.store)
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range c.resources {
		c.resources[i].Location = p.locations[i]
	}
	return nil
}

// pipeline is what the goroutines of writeContents share.
type pipeline struct {
	*capture
	ctx   context.Context // of one call
	meter *meter
	sum   hash.Hash

	free  chan *segment // to be filled
	work  chan *segment // to be compressed
	queue chan *segment // to be written, in order

	locations []Location // of the resources written so far
}

// read reads the files in order.
func (p *pipeline) read() error {
	for _, img := range p.images {
		for _, ino := range img.inodes {
			if err := p.inode(ino); err != nil {
				return err
			}
		}
	}
	return nil
}

// inode reads one file and gives its names their streams.
func (p *pipeline) inode(ino *inode) error {
	var sum SHA1
	var err error
	kind := StreamData
	switch {
	case ino.target != nil:
		kind = StreamReparse
		sum, err = p.link(ino.target)
	case !ino.info.Mode().IsRegular():
		return nil
	default:
		sum, err = p.file(ino)
	}
	if err != nil || sum.IsZero() {
		return err
	}
	for _, d := range ino.names {
		d.Streams = []Stream{{Kind: kind, Hash: sum}}
	}
	return nil
}

func (p *pipeline) link(target []byte) (SHA1, error) {
	s, err := p.segment()
	if err != nil {
		return SHA1{}, err
	}
	s.data = append(s.data[:0], target...)
	return p.whole(s)
}

// file reads a regular file, and refuses it when it is not what it was at the scan, before and after.
func (p *pipeline) file(ino *inode) (SHA1, error) {
	f, err := openContent(ino.path)
	if errors.Is(err, fs.ErrNotExist) {
		return SHA1{}, fmt.Errorf("read %s: %w", ino.path, ErrChanged)
	}
	if err != nil {
		return SHA1{}, err
	}
	defer f.Close()
	if err := unchanged(f, ino); err != nil {
		return SHA1{}, err
	}
	var sum SHA1
	size := ino.info.Size()
	switch {
	case size == 0:
	case size <= segmentSize:
		sum, err = p.small(f, ino)
	default:
		sum, err = p.large(f, ino)
	}
	if err == nil {
		err = unchanged(f, ino)
	}
	if err != nil {
		return SHA1{}, err
	}
	return sum, nil
}

// unchanged compares an open file with what was scanned.
func unchanged(f *os.File, ino *inode) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(now, ino.info) || now.Size() != ino.info.Size() || !now.ModTime().Equal(ino.info.ModTime()) {
		return fmt.Errorf("read %s: %w; capture again when nothing writes to it", ino.path, ErrChanged)
	}
	return nil
}

func (p *pipeline) small(f *os.File, ino *inode) (SHA1, error) {
	s, err := p.segment()
	if err != nil {
		return SHA1{}, err
	}
	if err := s.fill(f, ino, ino.info.Size()); err != nil {
		return SHA1{}, err
	}
	return p.whole(s)
}

// fill reads the next n bytes.
func (s *segment) fill(f io.Reader, ino *inode, n int64) error {
	if int64(cap(s.data)) < n {
		s.data = make([]byte, max(n, 64<<10))
	}
	s.data = s.data[:n]
	if _, err := io.ReadFull(f, s.data); err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("read %s: %w; capture again when nothing writes to it", ino.path, ErrChanged)
	} else if err != nil {
		return err
	}
	return nil
}

// whole takes a segment that is a whole resource. A known one goes back unused.
func (p *pipeline) whole(s *segment) (SHA1, error) {
	s.hash = sha1.Sum(s.data)
	p.meter.add(int64(len(s.data)))
	if _, ok := p.known[s.hash]; ok {
		p.free <- s
		return s.hash, nil
	}
	s.first, s.last, s.size = true, true, int64(len(s.data))
	p.note(s.hash, s.size)
	return s.hash, p.send(s)
}

// note enters a content that is about to be written.
func (p *pipeline) note(sum SHA1, size int64) {
	p.known[sum] = int32(len(p.resources))
	p.resources = append(p.resources, Resource{Hash: sum, Size: size, Run: &Run{Location: Location{Size: size}}})
}

// large reads a file of more than a segment. One that has the size of another is hashed first, to see whether it is known.
func (p *pipeline) large(f *os.File, ino *inode) (SHA1, error) {
	size := ino.info.Size()
	if p.sizes[size] > 1 {
		sum, err := p.hash(f, ino)
		if err != nil {
			return SHA1{}, err
		}
		if _, ok := p.known[sum]; ok {
			p.meter.add(size)
			return sum, nil
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return SHA1{}, err
		}
	}
	p.sum.Reset()
	var sum SHA1
	for off := int64(0); off < size; off += segmentSize {
		s, err := p.segment()
		if err != nil {
			return SHA1{}, err
		}
		if err := s.fill(f, ino, min(segmentSize, size-off)); err != nil {
			return SHA1{}, err
		}
		p.sum.Write(s.data)
		p.meter.add(int64(len(s.data)))
		s.first, s.last, s.size = off == 0, off+segmentSize >= size, size
		if s.last {
			sum = SHA1(p.sum.Sum(nil))
			s.hash = sum
			p.note(sum, size)
		}
		if err := p.send(s); err != nil {
			return SHA1{}, err
		}
	}
	return sum, nil
}

// hash gives the SHA-1 of a file.
func (p *pipeline) hash(f io.Reader, ino *inode) (SHA1, error) {
	s, err := p.segment()
	if err != nil {
		return SHA1{}, err
	}
	defer func() { p.free <- s }()
	p.sum.Reset()
	for left := ino.info.Size(); left > 0; left -= int64(len(s.data)) {
		if err := p.ctx.Err(); err != nil {
			return SHA1{}, err
		}
		if err := s.fill(f, ino, min(segmentSize, left)); err != nil {
			return SHA1{}, err
		}
		p.sum.Write(s.data)
	}
	return SHA1(p.sum.Sum(nil)), nil
}

// segment waits for one that is free.
func (p *pipeline) segment() (*segment, error) {
	select {
	case s := <-p.free:
		if s.ready == nil {
			s.ready = make(chan struct{}, 1)
		}
		return s, nil
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	}
}

// send passes a segment on. Both channels have room for all segments there are.
func (p *pipeline) send(s *segment) error {
	if p.opts.Compression == None {
		s.out, s.sizes = s.out[:0], s.sizes[:0]
		s.ready <- struct{}{}
	} else {
		p.work <- s
	}
	p.queue <- s
	return nil
}

// store writes segments in order. The resource that they make up is where note has entered it.
func (p *pipeline) store() error {
	var w resourceWriter
	for s := range p.queue {
		select {
		case <-s.ready:
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
		if err := w.add(p.out, p.opts.Compression, s); err != nil {
			return err
		}
		if s.last {
			p.locations = append(p.locations, w.at)
		}
		p.free <- s
	}
	return nil
}
