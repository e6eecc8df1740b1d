package wim

import (
	"encoding/binary"
	"sort"
)

const (
	solidHeaderSize = 16
	solidEntrySize  = 4
)

// solidGroup is a group of blob table entries that is being read: all that follow one another with the solid flag. The runs among them
// make up, in their order, one content, and the others say where they are in it.
type solidGroup struct {
	begun bool
	first int // of its resources in the File's; until the group's end their offsets are in the group's content
	runs  []Location
}

// add takes an entry.
func (g *solidGroup) add(f *File, e blob) error {
	if !g.begun {
		g.begun, g.first, g.runs = true, len(f.resources), g.runs[:0]
	}
	switch {
	case e.at.Size == solidRun:
		g.runs = append(g.runs, e.at)
	case e.at.Flags&ResourceMetadata != 0:
		return unsupportedf("locate resource %s: image metadata in a solid run", e.hash)
	default:
		f.store(&e, e.at.Offset, 0, e.at.StoredSize)
	}
	return nil
}

// end reads the runs, and finds the resources in them.
func (g *solidGroup) end(f *File, v *volume) error {
	if !g.begun {
		return nil
	}
	g.begun = false
	first := len(f.solid)
	ends := []int64{} // of the runs, in the group's content
	total := int64(0)
	for _, at := range g.runs {
		r, err := f.readSolid(v, at)
		if err != nil {
			return wrapf(err, "read solid run at %d", at.Offset)
		}
		if total += r.Size; total > maxSize {
			return corruptf("read solid run at %d: its group has more than 2^54 bytes", at.Offset)
		}
		f.solid, ends = append(f.solid, r), append(ends, total)
	}
	for n := g.first; n < len(f.resources); n++ {
		s := &f.resources[n]
		at, size := s.offset(), f.sizeOf(s)
		i := sort.Search(len(ends), func(i int) bool { return at < ends[i] })
		if size == 0 && i == len(ends) && i > 0 {
			i--
		}
		if i == len(ends) || size > ends[i]-at {
			return corruptf("locate resource %s: its bytes %d to %d are not in one of the %d solid runs, which end at %d", s.hash, at, at+size, len(ends), total)
		}
		s.place -= uint64(ends[i] - f.solid[first+i].Size)
		if s.size == isOutsize {
			f.outsize[s.run].run = int64(first + i)
		} else {
			s.run = uint32(first + i)
		}
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
