package wim

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
)

// writeTables writes all that stands behind the resources, and then the header. From there on the new file is valid.
func (j *writeJob) writeTables(ctx context.Context, out *sink) error {
	h, err := j.header()
	if err != nil {
		return err
	}
	sum := sha1.New()
	plain := func(b []byte) (Location, error) {
		sum.Write(b)
		at := Location{Offset: out.end, StoredSize: int64(len(b)), Size: int64(len(b)), Flags: ResourceMetadata}
		return at, out.write(b)
	}
	if h.BlobTable, err = plain(j.blobTable()); err != nil {
		return err
	}
	var old []byte
	if j.old != nil {
		old = j.old.RawXML()
	}
	text, err := encodeXML(j.Images(), old, out.end)
	if err != nil {
		return err
	}
	if h.XML, err = plain(text); err != nil {
		return err
	}
	if h.GUID == [16]byte{} { // a random one would make two captures of one tree differ
		copy(h.GUID[:], sum.Sum(nil))
	}
	if h.Integrity, err = j.writeIntegrity(ctx, out, h.BlobTable.End()); err != nil {
		return err
	}
	if err := out.flush(); err != nil {
		return err
	}
	j.stats.Size, j.stats.Images = out.end, len(j.images)
	return j.writeHeader(out, h)
}

// writeHeader writes the header. Where there was a file before, all else must be durable by then.
func (j *writeJob) writeHeader(out *sink, h Header) error {
	sync := func() error {
		if f, ok := j.w.(interface{ Sync() error }); ok && j.old != nil {
			return f.Sync()
		}
		return nil
	}
	if err := sync(); err != nil {
		return err
	}
	if err := out.writeAt(h.append(nil), 0); err != nil {
		return err
	}
	if err := sync(); err != nil {
		return err
	}
	if f, ok := j.w.(interface{ Truncate(size int64) error }); ok && j.old != nil {
		_ = f.Truncate(out.end) // what an append that failed has left there does no harm
	}
	return nil
}

// header makes the header, but for the places of the tables.
func (j *writeJob) header() (Header, error) {
	o := &j.opts
	h := Header{
		Version: versionNormal, Compression: o.Compression, PieceSize: o.PieceSize, GUID: o.GUID, Part: o.Part, Parts: o.Parts,
		ImageCount: len(j.images), BootIndex: max(o.BootIndex, 0), Flags: o.Compression.headerFlags() | o.Flags,
	}
	if j.old != nil {
		h.Flags |= j.old.Header.Flags &^ (FlagWriteInProgress | o.ClearFlags)
		h.Version = j.old.Header.Version
	}
	if h.Parts > 1 {
		h.Flags |= FlagSpanned
	}
	if o.Compression == LZMS {
		h.Version = versionSolid
	}
	for i := range j.runs {
		if j.runs[i].Solid {
			h.Version = versionSolid
		}
	}
	for i := range j.images {
		if j.images[i].boot && o.BootIndex == 0 {
			h.BootIndex = i + 1
		}
	}
	if h.BootIndex > 0 && h.Part == 1 {
		e := &j.entries[j.images[h.BootIndex-1].entry]
		h.BootMetadata = j.runs[e.run].Location
		h.BootMetadata.Flags |= ResourceMetadata
	}
	return h, nil
}

// blobTable gives the bytes of the blob table: the images' metadata, in order, then the other resources, those in solid runs last. Solid
// entries that stand together share one address space: their runs' contents, one after another.
func (j *writeJob) blobTable() []byte {
	var b []byte
	if j.opts.Part == 1 {
		for i := range j.images {
			e := &j.entries[j.images[i].entry]
			at := j.runs[e.run].Location
			at.Flags |= ResourceMetadata
			b = j.appendBlob(b, at, e.refs, e.hash)
		}
	}
	bases := j.countBlobs()
	solid := false
	for i := range j.entries {
		e := &j.entries[i]
		switch {
		case e.tree || e.refs == 0:
		case bases[e.run] >= 0:
			solid = true
		default:
			b = j.appendBlob(b, j.runs[e.run].Location, e.refs, e.hash)
		}
	}
	if !solid {
		return b
	}
	for i := range j.runs {
		if bases[i] >= 0 {
			at := j.runs[i].Location
			at.Flags, at.Size = ResourceSolid, solidRun
			b = j.appendBlob(b, at, 1, SHA1{})
		}
	}
	for i := range j.entries {
		if e := &j.entries[i]; !e.tree && e.refs > 0 && bases[e.run] >= 0 {
			b = j.appendBlob(b, Location{Offset: bases[e.run] + e.start, StoredSize: e.size, Flags: ResourceSolid}, e.refs, e.hash)
		}
	}
	return b
}

// countBlobs settles the references and the statistics, and gives for each run that is solid and used where its content starts in the
// address space of them all; -1 for others.
func (j *writeJob) countBlobs() []int64 {
	bases := make([]int64, len(j.runs))
	for i := range bases {
		bases[i] = -1
	}
	for i := range j.entries {
		e := &j.entries[i]
		if e.tree {
			continue
		}
		if e.refs == 0 {
			e.refs = e.told
		}
		if e.refs > 0 && j.runs[e.run].Solid {
			bases[e.run] = 0
		}
		if int(e.run) >= j.older {
			j.stats.Resources++
			j.stats.Bytes += e.size
		}
	}
	at := int64(0)
	for i := range bases {
		if bases[i] == 0 {
			bases[i] = at
			at += j.runs[i].Size
		}
	}
	return bases
}

func (j *writeJob) appendBlob(b []byte, at Location, refs uint32, hash SHA1) []byte {
	b = at.append(b)
	b = binary.LittleEndian.AppendUint16(b, uint16(j.opts.Part))
	b = binary.LittleEndian.AppendUint32(b, refs)
	return append(b, hash[:]...)
}

// writeIntegrity writes the integrity table, if there is to be one: it reads back what was written up to end. Sums of what was there before
// an append are taken from the old table.
func (j *writeJob) writeIntegrity(ctx context.Context, out *sink, end int64) (Location, error) {
	piece, sums, err := j.oldSums()
	if err != nil {
		return Location{}, err
	}
	if j.opts.NoCheck || !j.opts.Check && piece == 0 || end <= HeaderSize {
		return Location{}, nil
	}
	if j.opts.CheckSize != 0 && j.opts.CheckSize != piece {
		piece, sums = j.opts.CheckSize, nil
	}
	if piece == 0 {
		piece = integrityPiece
	}
	if err := out.flush(); err != nil {
		return Location{}, err
	}
	r, ok := j.w.(io.ReaderAt)
	if !ok {
		return Location{}, fmt.Errorf("an integrity table needs an output that can be read too")
	}
	le := binary.LittleEndian
	n := (end - HeaderSize + int64(piece) - 1) / int64(piece)
	var b []byte
	for _, v := range []int64{12 + 20*n, n, int64(piece)} {
		b = le.AppendUint32(b, uint32(v))
	}
	b = append(b, sums...)
	buf := make([]byte, min(int64(piece), end-HeaderSize))
	for off := int64(HeaderSize) + int64(len(sums)/20)*int64(piece); off < end; off += int64(piece) {
		if err := ctx.Err(); err != nil {
			return Location{}, err
		}
		p := buf[:min(int64(piece), end-off)]
		if err := readFull(r, p, off); err != nil {
			return Location{}, wrapf(err, "read back what was written")
		}
		sum := sha1.Sum(p)
		b = append(b, sum[:]...)
	}
	at := Location{Offset: out.end, StoredSize: int64(len(b)), Size: int64(len(b))}
	return at, out.write(b)
}

// oldSums gives the sums of the file that is appended to that cover nothing but what stays, and how many bytes each covers.
func (j *writeJob) oldSums() (piece int, sums []byte, err error) {
	if j.old == nil || j.old.Header.Integrity.StoredSize == 0 || j.opts.NoCheck {
		return 0, nil, nil
	}
	sums, n, err := j.old.integrity(&j.old.volumes[0])
	if err != nil {
		return 0, nil, err
	}
	whole := (j.old.Header.BlobTable.End() - HeaderSize) / n
	return int(n), sums[:20*whole], nil
}
