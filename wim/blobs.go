package wim

import (
	"cmp"
	"encoding/binary"
	"io"
	"iter"
	"slices"
)

const blobEntrySize = 50

// solidRun is the uncompressed size by which the blob table tells a solid run from its members.
const solidRun = 1 << 32

// blob is an entry of a blob table, decoded.
type blob struct {
	at   Location // of a solid run's member: StoredSize is its size, Offset where it is in the group's content
	refs uint32
	hash SHA1
}

func (b *blob) solid() bool { return b.at.Flags&ResourceSolid != 0 }

// stored is a resource as a File keeps it: 40 bytes each, because a file may have millions.
type stored struct {
	hash  SHA1
	refs  uint32
	place uint64 // flags in the upper 8 bits; below the offset of the run in the file, or of the content in the solid run's
	run   uint32 // the run's stored size, or the number of the solid run
	size  uint32 // of content; outsize: both are in File.outsize, at index run
}

// outsize are the two sizes of a resource that 32 bits do not hold.
type outsize struct{ run, size int64 }

const (
	isOutsize = 1<<32 - 1
	placeMask = 1<<56 - 1
)

func (s *stored) flags() ResourceFlags { return ResourceFlags(s.place >> 56) }
func (s *stored) inSolid() bool        { return s.flags()&ResourceSolid != 0 }
func (s *stored) metadata() bool       { return s.flags()&ResourceMetadata != 0 }
func (s *stored) offset() int64        { return int64(s.place & placeMask) }

// start is where the content starts in the run's.
func (s *stored) start() int64 {
	if s.inSolid() {
		return s.offset()
	}
	return 0
}

// store adds the resource of a blob; offset and run are as in stored.
func (f *File) store(e *blob, offset, run, size int64) {
	s := stored{hash: e.hash, refs: e.refs, place: uint64(offset) | uint64(e.at.Flags)<<56, run: uint32(run), size: uint32(size)}
	if run >= isOutsize || size >= isOutsize {
		s.run, s.size = uint32(len(f.outsize)), isOutsize
		f.outsize = append(f.outsize, outsize{run, size})
	}
	f.resources = append(f.resources, s)
}

// sizeOf is the size of a resource's content.
func (f *File) sizeOf(s *stored) int64 {
	if s.size == isOutsize {
		return f.outsize[s.run].size
	}
	return int64(s.size)
}

// runSize is the stored size of the run of a resource that is not in a solid one.
func (f *File) runSize(s *stored) int64 {
	if s.size == isOutsize {
		return f.outsize[s.run].run
	}
	return int64(s.run)
}

// solidOf is the solid run of a resource that is in one.
func (f *File) solidOf(s *stored) *Run { return f.solid[f.runSize(s)] }

// where returns the offset of a resource's run in the file and where its content starts in the run's.
func (f *File) where(s *stored) (offset, start int64) {
	if s.inSolid() {
		return f.solidOf(s).Offset, s.offset()
	}
	return s.offset(), 0
}

// runOf returns a resource's run. Resources of a solid run share it.
func (f *File) runOf(s *stored) *Run {
	if s.inSolid() {
		return f.solidOf(s)
	}
	v := f.volumeAt(s.offset())
	return v.run(Location{Offset: s.offset() - v.base, StoredSize: f.runSize(s), Size: f.sizeOf(s), Flags: s.flags()})
}

// endOf returns the offset behind a resource's run.
func (f *File) endOf(s *stored) int64 {
	if s.inSolid() {
		return f.solidOf(s).End()
	}
	return s.offset() + f.runSize(s)
}

// blobsAtOnce is how many entries of a blob table are read at a time.
const blobsAtOnce = 1 << 10

// readBlobs reads the blob table of one file and checks every entry against it.
func (f *File) readBlobs(v *volume) error {
	t := v.header.BlobTable
	n := t.Size / blobEntrySize
	if t.Size%blobEntrySize != 0 || n+int64(len(f.resources)) > maxBlobs {
		return corruptf("read blob table: %d bytes are not up to %d entries of %d", t.Size, maxBlobs, blobEntrySize)
	}
	if t.Flags&ResourceCompressed == 0 { // so there are that many bytes
		f.resources = slices.Grow(f.resources, int(n))
	}
	rd, err := f.reader(Resource{Run: v.run(t), Size: t.Size})
	if err != nil {
		return wrapf(err, "read blob table")
	}
	rd.hashing = false
	defer rd.end()
	g := blobReader{f: f, v: v}
	for buf := make([]byte, min(n, blobsAtOnce)*blobEntrySize); n > 0; {
		b := buf[:min(n, blobsAtOnce)*blobEntrySize]
		if _, err := io.ReadFull(rd, b); err != nil {
			return wrapf(err, "read blob table")
		}
		for ; len(b) > 0; b = b[blobEntrySize:] {
			if err := g.add(b[:blobEntrySize]); err != nil {
				return err
			}
			n--
		}
	}
	if err := g.group.end(f, v); err != nil {
		return err
	}
	if want := v.header.ImageCount; g.images != want && (v.header.Parts == 1 || g.images != 0) {
		return FaultImages.Of(corruptf("read blob table: the metadata of %d images, the header says %d", g.images, want))
	}
	return nil
}

// blobReader takes the entries of a blob table one by one.
type blobReader struct {
	f      *File
	v      *volume
	group  solidGroup
	images int
}

func (g *blobReader) add(b []byte) error {
	e, ok := parseBlob(b)
	if !ok {
		return corruptf("locate resource %s: an offset or size is over 2^54", e.hash)
	}
	if part := int(binary.LittleEndian.Uint16(b[24:])); part != g.v.header.Part {
		return nil
	}
	if e.solid() {
		return g.group.add(g.f, e)
	}
	if err := g.group.end(g.f, g.v); err != nil {
		return err
	}
	if e.at.Flags&ResourceMetadata != 0 {
		g.images++
	}
	return g.f.addBlob(g.v, e)
}

func parseBlob(b []byte) (e blob, ok bool) {
	at, ok := parseLocation(b)
	return blob{at: at, refs: binary.LittleEndian.Uint32(b[26:]), hash: SHA1(b[30:50])}, ok
}

// addBlob adds a resource that is stored in a run of its own.
func (f *File) addBlob(v *volume, e blob) error {
	if e.at.check("", v.header, v.Size) != nil { // the name is made for few
		return e.at.check("resource "+e.hash.String(), v.header, v.Size)
	}
	if e.at.Flags&ResourceMetadata != 0 {
		if e.at.Size > maxMetadata {
			return corruptf("read blob table: image metadata of %d bytes, the limit is %d", e.at.Size, maxMetadata)
		}
		if v.lends {
			return nil
		}
		f.metadata = append(f.metadata, len(f.resources))
	}
	f.store(&e, v.base+e.at.Offset, e.at.StoredSize, e.at.Size)
	return nil
}

// run makes a run of a file's own bytes, at an offset of the file.
func (v *volume) run(at Location) *Run {
	at.Offset += v.base
	r := &Run{Location: at, Compression: None, PieceSize: plainPieceSize, Pipable: v.header.Pipable}
	if at.Flags&ResourceCompressed != 0 {
		r.Compression, r.PieceSize = v.header.Compression, v.header.PieceSize
	}
	return r
}

// indexBlobs sorts resources by place, and makes what finds them by hash.
func (f *File) indexBlobs() error {
	images := make([]stored, len(f.metadata))
	for n, i := range f.metadata {
		images[n] = f.resources[i]
	}
	if !slices.IsSortedFunc(f.resources, f.comparePlaces) {
		slices.SortFunc(f.resources, f.comparePlaces)
	}
	if err := f.checkOverlap(); err != nil {
		return err
	}
	for n, s := range images {
		f.metadata[n], _ = slices.BinarySearchFunc(f.resources, s, f.comparePlaces)
	}
	f.index = make([]uint32, 0, len(f.resources))
	for i := range f.resources {
		if !f.resources[i].metadata() {
			f.index = append(f.index, uint32(i))
		}
	}
	slices.SortFunc(f.index, func(a, b uint32) int {
		return cmp.Or(f.resources[a].hash.compare(f.resources[b].hash), cmp.Compare(a, b))
	})
	return f.checkRuns()
}

// comparePlaces sorts by run and place in it, and what is empty behind everything else.
func (f *File) comparePlaces(a, b stored) int {
	switch {
	case a.size == 0 && b.size == 0:
		return cmp.Or(a.hash.compare(b.hash), cmp.Compare(a.place, b.place))
	case a.size == 0:
		return 1
	case b.size == 0:
		return -1
	}
	x, from := f.where(&a)
	y, start := f.where(&b)
	return cmp.Or(cmp.Compare(x, y), cmp.Compare(from, start), a.hash.compare(b.hash), cmp.Compare(a.place, b.place))
}

// checkOverlap refuses resources of which two share bytes. Of entries that are the same in all one is kept.
func (f *File) checkOverlap() error {
	kept := f.resources[:0]
	for i := range f.resources {
		r := &f.resources[i]
		if r.size > 0 {
			f.placed = len(kept) + 1
		}
		if len(kept) == 0 || r.size == 0 {
			kept = append(kept, *r)
			continue
		}
		p := &kept[len(kept)-1]
		run, size, before, sizeBefore := f.runSize(r), f.sizeOf(r), f.runSize(p), f.sizeOf(p)
		if r.place == p.place && run == before && size == sizeBefore && r.hash == p.hash {
			f.placed--
			continue
		}
		var apart bool
		if r.inSolid() && p.inSolid() && run == before {
			apart = r.offset() >= p.offset()+sizeBefore
		} else {
			at, _ := f.where(r)
			apart = at >= f.endOf(p)
		}
		if !apart {
			return corruptf("locate resource %s: it overlaps resource %s", r.hash, p.hash)
		}
		kept = append(kept, *r)
	}
	f.resources = kept
	return nil
}

// checkRuns sorts the solid runs, and refuses runs that share bytes with another or with a table of the file.
func (f *File) checkRuns() error {
	f.solidOrder = slices.Clone(f.solid)
	slices.SortFunc(f.solidOrder, func(a, b *Run) int { return cmp.Compare(a.Offset, b.Offset) })
	parts := f.tables()
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Compare(a.Offset, b.Offset) })
	last, end := int64(0), int64(0)
	for at, stop := range f.runRanges() {
		for len(parts) > 0 && parts[0].End() <= at {
			parts = parts[1:]
		}
		if len(parts) > 0 && parts[0].Offset < stop {
			return corruptf("locate run at %d: it overlaps the header or a table of the file", at)
		}
		if at < end {
			return corruptf("locate run at %d: it overlaps the one at %d", at, last)
		}
		last, end = at, stop
	}
	return nil
}

// runRanges returns the range of every run by offset, each once, those of solid runs without resources too.
func (f *File) runRanges() iter.Seq2[int64, int64] {
	return func(yield func(from, to int64) bool) {
		f.eachRun(func(s *stored, r *Run) bool {
			if r != nil {
				return yield(r.Offset, r.End())
			}
			return yield(s.offset(), f.endOf(s))
		})
	}
}

// eachRun calls fn with every run by offset, until it returns false: a solid run, or the resource that has a run of its own.
func (f *File) eachRun(fn func(s *stored, solid *Run) bool) {
	solid := f.solidOrder
	for i := range f.placed {
		s := &f.resources[i]
		if s.inSolid() {
			continue
		}
		for ; len(solid) > 0 && solid[0].Offset < s.offset(); solid = solid[1:] {
			if !fn(nil, solid[0]) {
				return
			}
		}
		if !fn(s, nil) {
			return
		}
	}
	for _, r := range solid {
		if !fn(nil, r) {
			return
		}
	}
}
