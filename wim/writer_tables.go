package wim

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
)

// writeTables writes all that stands behind the resources, and then the header. From there on the new file is valid.
func (j *writeJob) writeTables(ctx context.Context, out *sink) error {
	h, err := j.header()
	if err != nil {
		return err
	}
	sum := sha1.New()
	h.BlobTable = Location{Offset: out.end, Flags: ResourceMetadata}
	err = j.blobTable(func(b []byte) error {
		sum.Write(b)
		return out.write(b)
	})
	if err != nil {
		return err
	}
	h.BlobTable.Size = out.end - h.BlobTable.Offset
	h.BlobTable.StoredSize = h.BlobTable.Size
	var old []byte
	if j.old != nil {
		old = j.old.RawXML()
	}
	text, err := encodeXML(j.Images(), old, out.end)
	if err != nil {
		return err
	}
	sum.Write(text)
	h.XML = Location{Offset: out.end, StoredSize: int64(len(text)), Size: int64(len(text)), Flags: ResourceMetadata}
	if err := out.write(text); err != nil {
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
	if len(j.runs.solid) > 0 {
		h.Version = versionSolid
	}
	for i := range j.images {
		if j.images[i].boot && o.BootIndex == 0 {
			h.BootIndex = i + 1
		}
	}
	if h.BootIndex > 0 && h.Part == 1 {
		t := &j.trees[j.images[h.BootIndex-1].entry]
		h.BootMetadata = j.runs.location(t.run, t.size)
		h.BootMetadata.Flags |= ResourceMetadata
	}
	return h, nil
}

// blobTable passes the bytes of the blob table to out: the images' metadata, in order, then the other resources, those in solid runs last. Solid
// entries that stand together share one address space: their runs' contents, one after another.
func (j *writeJob) blobTable(out func([]byte) error) error {
	t := &blobWriter{part: j.opts.Part, out: out}
	if j.opts.Part == 1 {
		for i := range j.images {
			e := &j.trees[j.images[i].entry]
			at := j.runs.location(e.run, e.size)
			at.Flags |= ResourceMetadata
			t.add(at, 1, e.hash)
		}
	}
	bases := j.countBlobs()
	for i := range int32(j.entries.n) {
		e := j.entries.at(int(i))
		if _, solid := bases[e.run]; e.refs > 0 && !solid {
			t.add(j.runs.location(e.run, j.entries.sizeOf(i)), e.refs, e.hash)
		}
	}
	for _, i := range slices.Sorted(maps.Keys(bases)) {
		at := j.runs.location(i, solidRun)
		at.Flags = ResourceSolid
		t.add(at, 1, SHA1{})
	}
	for i := range int32(j.entries.n) {
		e := j.entries.at(int(i))
		if base, solid := bases[e.run]; e.refs > 0 && solid {
			t.add(Location{Offset: base + j.entries.starts[i], StoredSize: j.entries.sizeOf(i), Flags: ResourceSolid}, e.refs, e.hash)
		}
	}
	return t.flush(0)
}

// countBlobs settles the references and the statistics, and returns for each run that is solid and used where its content starts in the
// address space of them all.
func (j *writeJob) countBlobs() map[int32]int64 {
	bases := make(map[int32]int64)
	for i := range int32(j.entries.n) {
		e := j.entries.at(int(i))
		if e.refs == 0 {
			e.refs = j.entries.claimed(i)
		}
		if _, solid := j.runs.solid[e.run]; solid && e.refs > 0 {
			bases[e.run] = 0
		}
		if e.run >= j.older {
			j.stats.Resources++
			j.stats.Bytes += j.entries.sizeOf(i)
		}
	}
	at := int64(0)
	for _, i := range slices.Sorted(maps.Keys(bases)) {
		bases[i] = at
		at += j.runs.solid[i]
	}
	return bases
}

// blobWriter collects entries of a blob table and passes them on.
type blobWriter struct {
	part int
	out  func([]byte) error
	buf  []byte
	err  error
}

func (t *blobWriter) add(at Location, refs uint32, hash SHA1) {
	t.buf = at.append(t.buf)
	t.buf = binary.LittleEndian.AppendUint16(t.buf, uint16(t.part))
	t.buf = binary.LittleEndian.AppendUint32(t.buf, refs)
	t.buf = append(t.buf, hash[:]...)
	t.err = t.flush(encodeFlush)
}

// flush passes on what was collected, if it is at least so much.
func (t *blobWriter) flush(least int) error {
	if t.err == nil && len(t.buf) >= least && len(t.buf) > 0 {
		t.err = t.out(t.buf)
		t.buf = t.buf[:0]
	}
	return t.err
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

// oldSums returns the sums of the file that is appended to that cover nothing but what stays, and how many bytes each covers.
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
