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
	before := int32(j.runs.n)
	return runPipe(ctx, &j.opts, &runWriter{out: out, runs: &j.runs}, func(p *pipe) error {
		p.runs = before
		f := &feeder{
			writeJob: j, ctx: p.ctx, meter: &meter{fn: j.opts.Progress, total: j.total}, sum: sha1.New(),
			runs: &runPacker{pipe: p}, buf: make([]byte, smallContent+1),
		}
		return f.feed()
	})
}

// feed passes everything on, in the order of the file.
func (f *feeder) feed() error {
	for list := f.copies; len(list) > 0; {
		n := f.sameRun(list)
		if err := f.copyRun(list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	var err error
	if f.to = f.runs; f.opts.Solid {
		err = f.sorted()
	} else {
		err = f.unsorted()
	}
	if err != nil {
		return err
	}
	f.runs.always = true
	for i := range f.images {
		if err := f.image(&f.images[i]); err != nil {
			return wrapf(err, "store the tree of image %d", i+1)
		}
	}
	return nil
}

// unsorted packs what comes from other files in the order in which it is read there, and then what comes from Sources, in tree order.
func (f *feeder) unsorted() error {
	for _, r := range f.repacks {
		if err := f.repack(r); err != nil {
			return err
		}
	}
	if f.opts.Parts > 1 {
		return nil // no image was planned
	}
	for i := range f.images {
		m := &f.images[i]
		if m.tree == nil {
			continue
		}
		next := m.first
		err := m.tree.Visit(func(d *Dentry, _ int) error {
			for i := range d.Streams {
				if s := &d.Streams[i]; s.Source != nil {
					if err := f.pack(pack{s.Source, next}); err != nil {
						return err
					}
					next++
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sorted packs contents into a solid run, like beside like.
func (f *feeder) sorted() error {
	order, most := f.order()
	solid := &solidPacker{pipe: f.runs.pipe, most: most}
	f.to = solid
	for _, i := range order {
		if i < 0 {
			if err := f.repack(f.repacks[^i]); err != nil {
				return err
			}
		} else if err := f.pack(f.packs[i]); err != nil {
			return err
		}
	}
	solid.finish()
	return nil
}

// copyRun copies a run as it is stored. Of its resources those are wanted that are given.
func (f *feeder) copyRun(members []taken) error {
	run := f.runs.runs
	for _, m := range members {
		size := f.entries.sizeOf(m.entry)
		f.entries.at(int(m.entry)).run = run
		f.stats.Copied += size
		f.meter.add(size)
	}
	return f.copyStored(f.fileOf(members[0]), f.resourceOf(members[0]).Run)
}

func (f *feeder) copyStored(from *File, run *Run) error {
	err := f.runs.stored(run, func(b []byte, off int64) error { return readFull(from.r, b, run.Offset+off) })
	if err != nil {
		return wrapf(err, "copy %d bytes at %d", run.StoredSize, run.Offset)
	}
	return nil
}

// repack packs a resource of another file anew.
func (f *feeder) repack(r taken) error {
	run, start, err := f.decoded(f.to, f.fileOf(r), f.resourceOf(r))
	if err == nil {
		f.entries.place(r.entry, run, start)
	}
	return err
}

// decoded decodes a resource of another file, which checks it, and packs it anew. It says where.
func (f *feeder) decoded(to packer, from *File, res Resource) (run int32, start int64, err error) {
	r, err := from.reader(res)
	if err != nil {
		return 0, 0, err
	}
	if run, start, err = to.begin(res.Size); err != nil {
		return 0, 0, err
	}
	return run, start, f.stream(to, r, res.Size, nil)
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

// pack reads a Source and packs it, unless its content is known by then, and fills its slot.
func (f *feeder) pack(p pack) error {
	if *f.slots.at(p.slot) != slotUnread {
		return nil // another name of a file that was read
	}
	hash, err := f.packed(p.src)
	if err != nil {
		return wrapf(sourceError(err), "read %s", p.src.Path())
	}
	f.fillSlot(p.slot, hash)
	return nil
}

// packed returns the hash of what it has read, zero when it is empty.
func (f *feeder) packed(src Source) (hash SHA1, err error) {
	if err := f.ctx.Err(); err != nil {
		return hash, err
	}
	size := src.Size()
	switch {
	case size < 0 || size > math.MaxInt64/2:
		return hash, fmt.Errorf("it has %d bytes", size)
	case size <= smallContent:
		err = opened(src, func(r io.Reader) error { return f.small(&hash, r, int(size)) })
		return hash, err
	case f.sizes[size]: // another has the same size: is it the same content?
		err := opened(src, func(r io.Reader) error { return f.hashed(&hash, r, size) })
		if err != nil {
			return hash, err
		}
		if f.isKnown(hash) {
			f.meter.add(size)
			return hash, nil
		}
	}
	err = opened(src, func(r io.Reader) error { return f.large(&hash, r, size) })
	return hash, err
}

// opened opens a Source for fn.
func opened(src Source, fn func(io.Reader) error) error {
	r, err := src.Open()
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
	_, ok := f.entries.find(hash)
	return ok || f.inBase(hash)
}

// small reads a content at once.
func (f *feeder) small(hash *SHA1, r io.Reader, size int) error {
	b := f.buf[:size]
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	if err := atEnd(r, f.buf[size:size+1]); err != nil || size == 0 {
		return err
	}
	f.meter.add(int64(size))
	*hash = sha1.Sum(b)
	if f.isKnown(*hash) {
		return nil
	}
	if _, err := f.enter(*hash, int64(size)); err != nil {
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
func (f *feeder) enter(hash SHA1, size int64) (int32, error) {
	if f.entries.n >= maxBlobs {
		return 0, fmt.Errorf("more than %d contents; capture several files", maxBlobs)
	}
	run, start, err := f.to.begin(size)
	return f.entries.enter(hash, run, start, size), err
}

// hashed reads a content for its hash alone.
func (f *feeder) hashed(hash *SHA1, r io.Reader, size int64) error {
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
	*hash = SHA1(f.sum.Sum(nil))
	return atEnd(r, f.buf[:1])
}

// large reads a content that is not known, as its size tells or its hash. When it was hashed before, it must still be the same.
func (f *feeder) large(hash *SHA1, r io.Reader, size int64) error {
	was := *hash
	entry, err := f.enter(was, size)
	if err != nil {
		return err
	}
	f.sum.Reset()
	if err := f.stream(f.to, r, size, f.sum); err != nil {
		return err
	}
	*hash = SHA1(f.sum.Sum(nil))
	switch {
	case was.IsZero():
		f.entries.name(entry, *hash)
	case was != *hash:
		return ErrChanged
	}
	return nil
}
