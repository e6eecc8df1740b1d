package wim

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Run is a stored run of bytes that decodes to Run.Size bytes of content, piece by piece: one resource, or several where it is solid.
type Run struct {
	Location
	Compression Compression // None when it is stored plain
	PieceSize   int         // bytes a piece decodes to, but for the last one; nominal when stored plain
	Solid       bool        // its content is that of several resources, one after another
}

// Resource is one entry of the blob table: a stream of bytes stored once, named by its SHA-1. Its fields of the embedded Run say where the
// run is stored that holds it; Size is the resource's own.
type Resource struct {
	*Run
	Hash  SHA1
	Refs  uint32
	Start int64 // of its first byte in the run's content; 0 in a run of its own
	Size  int64 // bytes of content
}

// IsMetadata reports whether the resource is an image's metadata.
func (r Resource) IsMetadata() bool { return r.Flags&ResourceMetadata != 0 }

// pieces is the number of pieces of a compressed run.
func (r *Run) pieces() int64 {
	if r.PieceSize <= 0 || r.Size <= 0 {
		return 0
	}
	return (r.Size-1)/int64(r.PieceSize) + 1
}

const blobEntrySize = 50

// readBlobs reads the blob table and checks every entry against the file.
func (f *File) readBlobs() error {
	t := f.Header.BlobTable
	if t.Size%blobEntrySize != 0 || t.Size/blobEntrySize > maxBlobs {
		return corruptf("read blob table: %d bytes are not up to %d entries of %d", t.Size, maxBlobs, blobEntrySize)
	}
	b, err := f.readPlain(t)
	if err != nil {
		return wrapf(err, "read blob table")
	}
	f.resources = make([]Resource, 0, len(b)/blobEntrySize)
	for ; len(b) > 0; b = b[blobEntrySize:] {
		r, err := f.parseBlob(b[:blobEntrySize])
		if err != nil {
			return err
		}
		if r.IsMetadata() {
			if r.Size > maxMetadata {
				return corruptf("read blob table: image metadata of %d bytes, the limit is %d", r.Size, maxMetadata)
			}
			f.metadata = append(f.metadata, len(f.resources))
		}
		f.resources = append(f.resources, r)
	}
	if len(f.metadata) != f.Header.ImageCount {
		return corruptf("read blob table: the metadata of %d images, the header says %d", len(f.metadata), f.Header.ImageCount)
	}
	f.index = make([]uint32, 0, len(f.resources)-len(f.metadata))
	for i := range f.resources {
		if !f.resources[i].IsMetadata() {
			f.index = append(f.index, uint32(i))
		}
	}
	slices.SortFunc(f.index, func(a, b uint32) int {
		return cmp.Or(f.resources[a].Hash.compare(f.resources[b].Hash), cmp.Compare(a, b))
	})
	return f.checkOverlap()
}

func (f *File) parseBlob(b []byte) (Resource, error) {
	at, ok := parseLocation(b)
	r := Resource{Run: &Run{Location: at}, Refs: binary.LittleEndian.Uint32(b[26:]), Hash: SHA1(b[30:50]), Size: at.Size}
	name := "resource " + r.Hash.String()
	if !ok {
		return r, corruptf("locate %s: an offset or size is over 2^62", name)
	}
	if part := binary.LittleEndian.Uint16(b[24:]); part != 1 {
		return r, unsupportedf("locate %s: it is in part %d of a split file", name, part)
	}
	f.setPieces(r.Run)
	return r, at.check(name, f.Header, f.size)
}

// setPieces sets how the run is compressed.
func (f *File) setPieces(r *Run) {
	if r.Flags&ResourceCompressed != 0 {
		r.Compression, r.PieceSize = f.Header.Compression, f.Header.PieceSize
	} else {
		r.Compression, r.PieceSize = None, plainPieceSize
	}
}

// checkOverlap refuses a file in which two things share bytes. Two entries that are the same in all are one thing.
func (f *File) checkOverlap() error {
	order := make([]uint32, 0, len(f.resources))
	for i := range f.resources {
		if f.resources[i].StoredSize > 0 {
			order = append(order, uint32(i))
		}
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(f.resources[a].Offset, f.resources[b].Offset), cmp.Compare(a, b))
	})
	f.order = order[:0]
	parts := f.tables()
	end, last := int64(0), -1
	for _, i := range order {
		r := &f.resources[i]
		if last >= 0 && r.Offset < end {
			p := &f.resources[last]
			if r.Location == p.Location && r.Hash == p.Hash {
				continue
			}
			return corruptf("locate resource %s: it overlaps resource %s", r.Hash, p.Hash)
		}
		for _, p := range parts {
			if r.Offset < p.End() && p.Offset < r.End() {
				return corruptf("locate resource %s: it overlaps the header or a table of the file", r.Hash)
			}
		}
		end, last = r.End(), int(i)
		f.order = append(f.order, i)
	}
	return nil
}
