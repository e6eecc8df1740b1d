package wim

import (
	"cmp"
	"encoding/binary"
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

// readBlobs reads the blob table of one file and checks every entry against it.
func (f *File) readBlobs(v *volume) error {
	t := v.header.BlobTable
	if t.Size%blobEntrySize != 0 || t.Size/blobEntrySize+int64(len(f.resources)) > maxBlobs {
		return corruptf("read blob table: %d bytes are not up to %d entries of %d", t.Size, maxBlobs, blobEntrySize)
	}
	b, err := f.readPlain(t, v)
	if err != nil {
		return wrapf(err, "read blob table")
	}
	blobs := make([]blob, 0, len(b)/blobEntrySize)
	for ; len(b) > 0; b = b[blobEntrySize:] {
		e, ok := parseBlob(b)
		if !ok {
			return corruptf("locate resource %s: an offset or size is over 2^62", e.hash)
		}
		if part := int(binary.LittleEndian.Uint16(b[24:])); part == v.header.Part {
			blobs = append(blobs, e)
		}
	}
	images := 0
	for len(blobs) > 0 {
		n := 1
		if blobs[0].solid() {
			for n < len(blobs) && blobs[n].solid() {
				n++
			}
			err = f.addSolid(v, blobs[:n])
		} else {
			if blobs[0].at.Flags&ResourceMetadata != 0 {
				images++
			}
			err = f.addBlob(v, blobs[0])
		}
		if err != nil {
			return err
		}
		blobs = blobs[n:]
	}
	if want := v.header.ImageCount; images != want && (v.header.Parts == 1 || images != 0) {
		return corruptf("read blob table: the metadata of %d images, the header says %d", images, want)
	}
	return nil
}

func parseBlob(b []byte) (e blob, ok bool) {
	at, ok := parseLocation(b)
	return blob{at: at, refs: binary.LittleEndian.Uint32(b[26:]), hash: SHA1(b[30:50])}, ok
}

// addBlob adds a resource that is stored in a run of its own.
func (f *File) addBlob(v *volume, e blob) error {
	if err := e.at.check("resource "+e.hash.String(), v.header, v.Size); err != nil {
		return err
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
	r := v.run(e.at)
	if r.StoredSize > 0 {
		f.runs = append(f.runs, r)
	}
	f.resources = append(f.resources, Resource{Run: r, Hash: e.hash, Refs: e.refs, Size: r.Size})
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

// indexBlobs makes what finds resources by hash and by offset.
func (f *File) indexBlobs() error {
	f.index = make([]uint32, 0, len(f.resources)-len(f.metadata))
	f.order = make([]uint32, 0, len(f.resources))
	for i := range f.resources {
		r := &f.resources[i]
		if !r.IsMetadata() {
			f.index = append(f.index, uint32(i))
		}
		if r.Size > 0 {
			f.order = append(f.order, uint32(i))
		}
	}
	slices.SortFunc(f.index, func(a, b uint32) int {
		return cmp.Or(f.resources[a].Hash.compare(f.resources[b].Hash), cmp.Compare(a, b))
	})
	slices.SortFunc(f.order, func(a, b uint32) int {
		x, y := &f.resources[a], &f.resources[b]
		return cmp.Or(cmp.Compare(x.Offset, y.Offset), cmp.Compare(x.Start, y.Start), cmp.Compare(a, b))
	})
	if err := f.checkOverlap(); err != nil {
		return err
	}
	return f.checkRuns()
}

// checkOverlap refuses resources of which two share bytes. Two entries that are the same in all are one thing, and in order once.
func (f *File) checkOverlap() error {
	kept := f.order[:0]
	for _, i := range f.order {
		r := &f.resources[i]
		if len(kept) == 0 {
			kept = append(kept, i)
			continue
		}
		p := &f.resources[kept[len(kept)-1]]
		switch {
		case r.Location == p.Location && r.Start == p.Start && r.Size == p.Size && r.Hash == p.Hash && r.Solid == p.Solid:
			continue
		case r.Run == p.Run && r.Start >= p.Start+p.Size, r.Run != p.Run && r.Offset >= p.End():
			kept = append(kept, i)
		default:
			return corruptf("locate resource %s: it overlaps resource %s", r.Hash, p.Hash)
		}
	}
	f.order = kept
	return nil
}

// checkRuns sorts the runs, each of them once, and refuses those that share bytes with another or with a table of the file.
func (f *File) checkRuns() error {
	slices.SortFunc(f.runs, func(a, b *Run) int { return cmp.Compare(a.Offset, b.Offset) })
	parts := f.tables()
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Compare(a.Offset, b.Offset) })
	kept := f.runs[:0]
	end := int64(0)
	for _, r := range f.runs {
		for len(parts) > 0 && parts[0].End() <= r.Offset {
			parts = parts[1:]
		}
		if len(parts) > 0 && parts[0].Offset < r.End() {
			return corruptf("locate run at %d: it overlaps the header or a table of the file", r.Offset)
		}
		if r.Offset >= end {
			kept = append(kept, r)
			end = r.End()
			continue
		}
		if p := kept[len(kept)-1]; r.Location != p.Location || r.Solid || p.Solid {
			return corruptf("locate run at %d: it overlaps the one at %d", r.Offset, p.Offset)
		}
	}
	f.runs = kept
	return nil
}
