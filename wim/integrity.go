package wim

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
)

// The pieces of the file that an integrity table sums.
const (
	integrityPiece    = 10 << 20 // as written
	minIntegrityPiece = 4 << 10
	maxIntegrityPiece = 128 << 20
	integrityRead     = 1 << 20 // bytes read at a time
)

// VerifyIntegrity checks the integrity table of each file that has one: sums of the bytes from the end of the header to the end of the blob table.
func (f *File) VerifyIntegrity(ctx context.Context) error {
	for i := range f.volumes {
		v := &f.volumes[i]
		if v.header.Integrity.StoredSize == 0 {
			continue
		}
		if err := f.verifyIntegrity(ctx, v); err != nil {
			if len(f.volumes) > 1 {
				err = wrapf(err, "check %s", v.Name)
			}
			return err
		}
	}
	return nil
}

func (f *File) verifyIntegrity(ctx context.Context, v *volume) error {
	sums, piece, err := f.integrity(v)
	if err != nil {
		return err
	}
	end := max(v.header.BlobTable.End(), HeaderSize) // a file without images may have no blob table
	buf := make([]byte, min(integrityRead, end-HeaderSize))
	sum := sha1.New()
	for i := range int64(len(sums) / 20) {
		start := HeaderSize + i*piece
		stop := min(start+piece, end)
		sum.Reset()
		for off := start; off < stop; off += integrityRead {
			if err := ctx.Err(); err != nil {
				return err
			}
			p := buf[:min(integrityRead, stop-off)]
			if err := readFull(v.R, p, off); err != nil {
				return wrapf(err, "read bytes %d to %d", off, off+int64(len(p)))
			}
			sum.Write(p)
		}
		if SHA1(sum.Sum(nil)) != SHA1(sums[20*i:][:20]) {
			return FaultIntegrity.Of(corruptf("check bytes %d to %d against the integrity table: %w", start, stop, ErrHash))
		}
	}
	return nil
}

// integrity reads the integrity table of one of the files, which there must be: the sums, 20 bytes each, and how many bytes of the file each is of.
func (f *File) integrity(v *volume) (sums []byte, piece int64, err error) {
	at := v.header.Integrity
	end := max(v.header.BlobTable.End(), HeaderSize) // a file without images may have no blob table
	if at.Size < 12 || at.Size > 12+20*((end-HeaderSize)/minIntegrityPiece+1) {
		return nil, 0, FaultIntegrityTable.Of(corruptf("read integrity table: it has %d bytes", at.Size))
	}
	b, err := f.readPlain(at, v)
	if err != nil {
		return nil, 0, wrapf(err, "read integrity table")
	}
	le := binary.LittleEndian
	size, n, piece := int64(le.Uint32(b)), int64(le.Uint32(b[4:])), int64(le.Uint32(b[8:]))
	if piece < minIntegrityPiece || piece > maxIntegrityPiece || size != at.Size || size != 12+20*n || n != (end-HeaderSize+piece-1)/piece {
		return nil, 0, FaultIntegrityTable.Of(corruptf("read integrity table: %d sums of %d bytes each", n, piece))
	}
	return b[12:], piece, nil
}
