package wim

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
)

// feeder fills the pipeline.
type feeder struct {
	*writeJob
	ctx   context.Context // of one Finish
	meter *meter
	runs  *runPacker // of copies and metadata
	to    packer     // of contents
	sum   hash.Hash
	buf   []byte // of a small content, and one byte
}

// writeContents writes all resources.
func (j *writeJob) writeContents(ctx context.Context, out *sink) error {
	runs, err := runPipe(ctx, &j.opts, out, func(p *pipe) error {
		p.runs = int32(len(j.runs))
		f := &feeder{
			writeJob: j, ctx: p.ctx, meter: &meter{fn: j.opts.Progress, total: j.total}, sum: sha1.New(),
			runs: &runPacker{pipe: p}, buf: make([]byte, smallContent+1),
		}
		return f.feed()
	})
	j.runs = append(j.runs, runs...)
	return err
}

// feed passes everything on, in the order of the file.
func (f *feeder) feed() error {
	for i := range f.copies {
		if err := f.copyRun(&f.copies[i]); err != nil {
			return err
		}
	}
	f.to = f.runs
	order, most := f.order()
	solid := &solidPacker{pipe: f.runs.pipe, most: most}
	if f.opts.Solid {
		f.to = solid
	}
	for _, i := range order {
		if i < 0 {
			r := &f.repacks[^i]
			if err := f.decoded(f.to, r.from, r.res, &f.entries[r.entry]); err != nil {
				return err
			}
			continue
		}
		if err := f.pack(&f.packs[i]); err != nil {
			return wrapf(sourceError(err), "read %s", f.packs[i].src.Path())
		}
	}
	solid.finish()
	f.runs.always = true
	for i := range f.images {
		if err := f.image(&f.images[i]); err != nil {
			return wrapf(err, "store the tree of image %d", i+1)
		}
	}
	return nil
}

// copyRun copies a run as it is stored.
func (f *feeder) copyRun(c *copyRun) error {
	run := f.runs.runs
	for _, i := range c.members {
		e := &f.entries[i]
		e.run = run
		f.stats.Copied += e.size
		f.meter.add(e.size)
	}
	return f.copyStored(c.from, c.run)
}

func (f *feeder) copyStored(from *File, run *Run) error {
	err := f.runs.stored(*run, func(b []byte, off int64) error { return readFull(from.r, b, run.Offset+off) })
	if err != nil {
		return wrapf(err, "copy %d bytes at %d", run.StoredSize, run.Offset)
	}
	return nil
}

// decoded decodes a resource of another file, which checks it, and packs it anew.
func (f *feeder) decoded(to packer, from *File, res Resource, e *writeEntry) error {
	r, err := from.reader(res)
	if err != nil {
		return err
	}
	if e.run, e.start, err = to.begin(res.Size); err != nil {
		return err
	}
	return f.stream(to, r, res.Size, nil)
}

// stream packs size bytes of r, which then must end.
func (f *feeder) stream(to packer, r io.Reader, size int64, sum hash.Hash) error {
	for left := size; left > 0; {
		b, err := to.space()
		if err != nil {
			return err
		}
		b = b[:min(int64(len(b)), left)]
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		if sum != nil {
			sum.Write(b)
		}
		to.took(len(b))
		left -= int64(len(b))
		f.meter.add(int64(len(b)))
	}
	return atEnd(r, f.buf[:1])
}

// atEnd refuses a reader that has more to give.
func atEnd(r io.Reader, one []byte) error {
	n, err := io.ReadFull(r, one)
	switch {
	case n > 0:
		return ErrChanged
	case err == io.EOF:
		return nil
	}
	return err
}

// sourceError makes an end where there should be more, and a file that is gone, one that changed.
func sourceError(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, fs.ErrNotExist) {
		err = ErrChanged
	}
	if errors.Is(err, ErrChanged) {
		return fmt.Errorf("%w; capture again when nothing writes to it", err)
	}
	return err
}

// pack reads a Source and packs it, unless its content is known by then.
func (f *feeder) pack(p *pack) error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	size := p.src.Size()
	switch {
	case size < 0 || size > math.MaxInt64/2:
		return fmt.Errorf("it has %d bytes", size)
	case size <= smallContent:
		return f.opened(p, func(r io.Reader) error { return f.small(p, r, int(size)) })
	case f.sizes[size]: // another has the same size: is it the same content?
		err := f.opened(p, func(r io.Reader) error { return f.hashed(p, r, size) })
		if err != nil {
			return err
		}
		if f.isKnown(p.hash) {
			f.meter.add(size)
			return nil
		}
	}
	return f.opened(p, func(r io.Reader) error { return f.large(p, r, size) })
}

// opened opens a Source for fn.
func (f *feeder) opened(p *pack, fn func(io.Reader) error) error {
	r, err := p.src.Open()
	if err != nil {
		return err
	}
	err = fn(r)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return err
}

func (f *feeder) isKnown(hash SHA1) bool {
	_, ok := f.known[hash]
	return ok || f.inBase(hash)
}

// small reads a content at once.
func (f *feeder) small(p *pack, r io.Reader, size int) error {
	b := f.buf[:size]
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	if err := atEnd(r, f.buf[size:size+1]); err != nil || size == 0 {
		return err
	}
	f.meter.add(int64(size))
	p.hash = sha1.Sum(b)
	if f.isKnown(p.hash) {
		return nil
	}
	if err := f.enter(p.hash, int64(size)); err != nil {
		return err
	}
	return f.put(f.to, b)
}

// put packs bytes of a content that was begun.
func (f *feeder) put(to packer, b []byte) error {
	for len(b) > 0 {
		space, err := to.space()
		if err != nil {
			return err
		}
		n := copy(space, b)
		to.took(n)
		b = b[n:]
	}
	return nil
}

// enter begins a content that was not met before.
func (f *feeder) enter(hash SHA1, size int64) error {
	if len(f.entries) >= maxBlobs {
		return fmt.Errorf("more than %d contents; capture several files", maxBlobs)
	}
	run, start, err := f.to.begin(size)
	f.known[hash] = int32(len(f.entries))
	f.entries = append(f.entries, writeEntry{hash: hash, run: run, start: start, size: size, told: 1})
	return err
}

// hashed reads a content for its hash alone.
func (f *feeder) hashed(p *pack, r io.Reader, size int64) error {
	f.sum.Reset()
	for left := size; left > 0; {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		b := f.buf[:min(smallContent, left)]
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		f.sum.Write(b)
		left -= int64(len(b))
	}
	p.hash = SHA1(f.sum.Sum(nil))
	return atEnd(r, f.buf[:1])
}

// large reads a content that is not known, as its size tells or its hash. When it was hashed before, it must still be the same.
func (f *feeder) large(p *pack, r io.Reader, size int64) error {
	was := p.hash
	if err := f.enter(was, size); err != nil {
		return err
	}
	entry := len(f.entries) - 1
	f.sum.Reset()
	if err := f.stream(f.to, r, size, f.sum); err != nil {
		return err
	}
	p.hash = SHA1(f.sum.Sum(nil))
	if !was.IsZero() && was != p.hash {
		return ErrChanged
	}
	if was.IsZero() {
		delete(f.known, was)
		f.known[p.hash] = int32(entry)
		f.entries[entry].hash = p.hash
	}
	return nil
}
