package wim

import (
	"encoding/binary"
	"sort"
)

const (
	solidHeaderSize = 16
	solidEntrySize  = 4
)

// addSolid adds a group of blob table entries: all that follow one another with the solid flag. The runs among them make up, in their
// order, one content, and the others say where they are in it.
func (f *File) addSolid(v *volume, group []blob) error {
	var runs []*Run
	ends := []int64{} // of the runs, in the group's content
	total := int64(0)
	for _, e := range group {
		if e.at.Size != solidRun {
			continue
		}
		r, err := f.readSolid(v, e.at)
		if err != nil {
			return wrapf(err, "read solid run at %d", e.at.Offset)
		}
		if total += r.Size; total > maxSize {
			return corruptf("read solid run at %d: its group has more than 2^62 bytes", e.at.Offset)
		}
		runs, ends = append(runs, r), append(ends, total)
	}
	f.runs = append(f.runs, runs...)
	for _, e := range group {
		if e.at.Size == solidRun {
			continue
		}
		start, size := e.at.Offset, e.at.StoredSize
		if e.at.Flags&ResourceMetadata != 0 {
			return unsupportedf("locate resource %s: image metadata in a solid run", e.hash)
		}
		i := sort.Search(len(ends), func(i int) bool { return start < ends[i] })
		if size == 0 && i == len(ends) && i > 0 {
			i--
		}
		if i == len(ends) || size > ends[i]-start {
			return corruptf("locate resource %s: its bytes %d to %d are not in one of the %d solid runs, which end at %d", e.hash, start, start+size, len(runs), total)
		}
		r := runs[i]
		f.resources = append(f.resources, Resource{Run: r, Hash: e.hash, Refs: e.refs, Start: start - (ends[i] - r.Size), Size: size})
	}
	return nil
}

// readSolid reads header and piece table of a solid run.
func (f *File) readSolid(v *volume, at Location) (*Run, error) {
	at.Size = 0
	if at.StoredSize < solidHeaderSize || v.header.Pipable {
		return nil, corruptf("locate it: %d bytes", at.StoredSize)
	}
	if err := at.check("it", v.header, v.Size); err != nil {
		return nil, err
	}
	var head [solidHeaderSize]byte
	if err := readFull(v.R, head[:], at.Offset); err != nil {
		return nil, err
	}
	r, err := parseSolidHeader(at, head[:])
	if err != nil {
		return nil, err
	}
	if f.solidPieces += r.pieces(); f.solidPieces > maxSolid {
		return nil, unsupportedf("solid runs of more than %d pieces together", maxSolid)
	}
	table := make([]byte, r.PieceTableSize())
	if err := readFull(v.R, table, at.Offset); err != nil {
		return nil, err
	}
	t, err := ParsePieceTable(r, table)
	if err != nil {
		return nil, err
	}
	r.Offset += v.base
	r.table = &t
	return r, nil
}

// parseSolidHeader decodes the 16 bytes at the start of a solid run that is stored there.
func parseSolidHeader(at Location, b []byte) (*Run, error) {
	le := binary.LittleEndian
	size, piece, format := le.Uint64(b), int64(le.Uint32(b[8:])), le.Uint32(b[12:])
	r := &Run{Location: at, Solid: true}
	switch format {
	case 1, 2, 3:
		r.Compression = Compression(format)
	default:
		return nil, unsupportedf("parse its header: compression format %d", format)
	}
	if err := checkPieceSize(r.Compression, piece); err != nil {
		return nil, wrapf(err, "parse its header")
	}
	if size == 0 || size > maxContent {
		return nil, corruptf("parse its header: %d bytes of content, the limit is 2^50", size)
	}
	r.Location.Size, r.PieceSize = int64(size), int(piece)
	if n := r.pieces(); n > (at.StoredSize-solidHeaderSize)/(solidEntrySize+1) {
		return nil, corruptf("parse its header: %d bytes cannot hold %d pieces", at.StoredSize, n)
	}
	return r, nil
}
