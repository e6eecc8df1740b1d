package wim

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"hash"
	"io"
)

// Before each resource of a pipable file, and before its tables but for the integrity table, stands a header:
//
//	magic u64 | size u64 (of the content) | SHA-1[20] | resource flags u32
const (
	pipeMagic      = 0x2b9b9ba2443db9d8
	pipeHeaderSize = 40
)

// Pipe writes a file as a pipable one, front to back: w may be a pipe. Contents are copied as they are stored, so f must have no solid runs, and
// not be opened together with others; it may be a part of a split set. There is an integrity table if f has one.
func Pipe(ctx context.Context, w io.Writer, f *File) (size int64, err error) {
	if len(f.volumes) > 1 {
		return 0, errors.New("write pipable WIM: it is read from several files; export it to one first")
	}
	p := &piper{ctx: ctx, f: f, w: bufio.NewWriterSize(w, 256<<10), check: f.Header.Integrity.Size > 0, sum: sha1.New(), at: map[int64]Location{}}
	if err := p.write(); err != nil {
		return p.pos, wrapf(err, "write pipable WIM")
	}
	return p.pos, nil
}

// piper writes a pipable file.
type piper struct {
	ctx context.Context
	f   *File
	w   *bufio.Writer
	pos int64              // bytes written
	at  map[int64]Location // of runs that were written, by their offset in f

	check bool      // there will be an integrity table
	sum   hash.Hash // of what was written since its last sum
	sums  []byte
}

func (p *piper) write() error {
	first := Header{
		Version: p.f.Header.Version, Flags: p.f.Header.Flags &^ FlagWriteInProgress, PieceSize: p.f.Header.PieceSize, Pipable: true,
		GUID: p.f.Header.GUID, Part: p.f.Header.Part, Parts: p.f.Header.Parts, ImageCount: p.f.Header.ImageCount, BootIndex: p.f.Header.BootIndex,
	}
	if err := p.put(first.append(nil)); err != nil {
		return err
	}
	p.sum.Reset() // the integrity table is of what is behind the header
	if _, err := p.xml(0); err != nil {
		return err
	}
	for _, i := range p.f.metadata {
		if err := p.resource(p.f.Resource(i)); err != nil {
			return err
		}
	}
	for i := range p.f.placed {
		if err := p.resource(p.f.Resource(i)); err != nil {
			return err
		}
	}
	return p.tables(first)
}

// tables writes what is behind the resources.
func (p *piper) tables(h Header) (err error) {
	if h.BlobTable, err = p.table(p.blobTable()); err != nil {
		return err
	}
	p.endSum()
	p.check = false
	if h.XML, err = p.xml(p.pos); err != nil {
		return err
	}
	if len(p.sums) > 0 {
		n := uint32(len(p.sums) / sha1.Size)
		b := binary.LittleEndian.AppendUint32(nil, 12+sha1.Size*n)
		b = binary.LittleEndian.AppendUint32(b, n)
		b = binary.LittleEndian.AppendUint32(b, integrityPiece)
		h.Integrity = Location{Offset: p.pos, StoredSize: int64(len(b) + len(p.sums)), Size: int64(len(b) + len(p.sums))}
		if err := p.put(append(b, p.sums...)); err != nil {
			return err
		}
	}
	if h.BootIndex > 0 && len(p.f.metadata) > 0 {
		h.BootMetadata = p.at[p.f.Place(p.f.metadata[h.BootIndex-1]).Offset]
	}
	if err := p.put(h.append(nil)); err != nil {
		return err
	}
	return p.w.Flush()
}

// blobTable returns the entries of f with the places that their runs have now.
func (p *piper) blobTable() []byte {
	b := make([]byte, 0, blobEntrySize*len(p.f.resources))
	entry := func(r Resource) {
		var at Location // of what is empty
		if r.Size > 0 {
			at = p.at[r.Offset]
		}
		at.Flags = r.Flags
		b = at.append(b)
		b = binary.LittleEndian.AppendUint16(b, uint16(p.f.Header.Part))
		b = binary.LittleEndian.AppendUint32(b, r.Refs)
		b = append(b, r.Hash[:]...)
	}
	for _, i := range p.f.metadata {
		entry(p.f.Resource(i))
	}
	for _, r := range p.f.Resources() {
		if !r.IsMetadata() {
			entry(r)
		}
	}
	return b
}

// xml writes the XML, which stands at both ends. total is the size of the file up to it, 0 where that is not known yet.
func (p *piper) xml(total int64) (Location, error) {
	text, err := encodeXML(p.f.images, p.f.xml, total)
	if err != nil {
		return Location{}, err
	}
	return p.table(text)
}

// table writes XML or blob table.
func (p *piper) table(b []byte) (Location, error) {
	if err := p.header(int64(len(b)), sha1.Sum(b), ResourceMetadata); err != nil {
		return Location{}, err
	}
	at := Location{Offset: p.pos, StoredSize: int64(len(b)), Size: int64(len(b)), Flags: ResourceMetadata}
	return at, p.put(b)
}

func (p *piper) header(size int64, hash SHA1, flags ResourceFlags) error {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, pipeHeaderSize), pipeMagic)
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	b = append(b, hash[:]...)
	return p.put(binary.LittleEndian.AppendUint32(b, uint32(flags)))
}

// resource writes a resource that was not written yet.
func (p *piper) resource(r Resource) error {
	if _, done := p.at[r.Offset]; done || r.Size == 0 {
		return nil
	}
	if r.Solid {
		return errors.New("resources in solid runs: only single ones can be piped")
	}
	table, err := p.f.pieceTable(r.Run)
	if err != nil {
		return err
	}
	if err := p.header(r.Size, r.Hash, r.Flags); err != nil {
		return err
	}
	at := r.Location
	at.Offset = p.pos
	if err := p.pieces(r.Run, &table); err != nil {
		return wrapf(err, "copy resource %s", r.Hash)
	}
	at.StoredSize = p.pos - at.Offset
	p.at[r.Offset] = at
	return nil
}

// pieces writes a run as a pipable file has it.
func (p *piper) pieces(r *Run, table *PieceTable) error {
	if table.Direct() {
		return p.copy(r.Offset, r.StoredSize)
	}
	var entries []byte
	off := int64(0)
	for i := range table.Count() {
		switch {
		case i == 0:
		case r.entryWidth() == 4:
			entries = binary.LittleEndian.AppendUint32(entries, uint32(off))
		default:
			entries = binary.LittleEndian.AppendUint64(entries, uint64(off))
		}
		piece := table.Piece(i)
		if err := p.put(binary.LittleEndian.AppendUint32(nil, uint32(piece.StoredSize))); err != nil {
			return err
		}
		if err := p.copy(r.Offset+piece.StoredOffset, piece.StoredSize); err != nil {
			return err
		}
		off += piece.StoredSize
	}
	return p.put(entries)
}

// copy writes bytes of f.
func (p *piper) copy(off, n int64) error {
	buf := make([]byte, min(n, 256<<10))
	for n > 0 {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		buf = buf[:min(n, int64(len(buf)))]
		if err := readFull(p.f.r, buf, off); err != nil {
			return err
		}
		if err := p.put(buf); err != nil {
			return err
		}
		off, n = off+int64(len(buf)), n-int64(len(buf))
	}
	return nil
}

// put writes, and sums what it writes where there is to be an integrity table.
func (p *piper) put(b []byte) error {
	if _, err := p.w.Write(b); err != nil {
		return err
	}
	for p.check && len(b) > 0 {
		n := min(int64(len(b)), integrityPiece-max(p.pos-HeaderSize, 0)%integrityPiece)
		p.sum.Write(b[:n])
		if p.pos, b = p.pos+n, b[n:]; p.pos > HeaderSize && (p.pos-HeaderSize)%integrityPiece == 0 {
			p.endSum()
		}
	}
	p.pos += int64(len(b))
	return nil
}

// endSum adds the sum of what was written since the last one.
func (p *piper) endSum() {
	if p.check && (p.pos-HeaderSize > int64(len(p.sums)/sha1.Size)*integrityPiece) {
		p.sums = p.sum.Sum(p.sums)
		p.sum.Reset()
	}
}
