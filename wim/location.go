package wim

import (
	"encoding/binary"
	"io"
)

// ResourceFlags are the flags of a stored resource.
type ResourceFlags uint8

// The resource flags.
const (
	ResourceFree       ResourceFlags = 1
	ResourceMetadata   ResourceFlags = 2
	ResourceCompressed ResourceFlags = 4
	ResourceSpanned    ResourceFlags = 8
	ResourceSolid      ResourceFlags = 16
)

// Location says where a resource is stored in the file. Sizes are in bytes and not negative.
type Location struct {
	Offset     int64
	StoredSize int64
	Size       int64 // uncompressed
	Flags      ResourceFlags
}

// End is the offset behind the last stored byte.
func (l Location) End() int64 { return l.Offset + l.StoredSize }

// parseLocation decodes 24 bytes; ok says whether the numbers are ones this package can hold.
func parseLocation(b []byte) (l Location, ok bool) {
	le := binary.LittleEndian
	word := le.Uint64(b)
	stored, offset, size := word&(1<<56-1), le.Uint64(b[8:]), le.Uint64(b[16:])
	l = Location{Offset: int64(offset), StoredSize: int64(stored), Size: int64(size), Flags: ResourceFlags(word >> 56)}
	return l, offset <= maxSize && size <= maxSize
}

// append appends the 24 bytes.
func (l Location) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint64(b, uint64(l.StoredSize)|uint64(l.Flags)<<56)
	b = le.AppendUint64(b, uint64(l.Offset))
	return le.AppendUint64(b, uint64(l.Size))
}

// check refuses what cannot lie in a file of that many bytes with that header, or says things that do not go together. The offset is one in
// that file. Of a solid run only the stored range is known yet.
func (l Location) check(name string, h Header, size int64) error {
	if l.Flags&ResourceSpanned != 0 {
		return unsupportedf("locate %s: a resource that goes on in another file", name)
	}
	if l.StoredSize == 0 && l.Size == 0 {
		return nil
	}
	if l.Offset < HeaderSize || l.End() > size {
		return FaultEnd.Of(corruptf("locate %s: it takes bytes %d to %d, the file has %d; is it complete?", name, l.Offset, l.End(), size))
	}
	switch {
	case l.Flags&ResourceSolid != 0:
		return nil
	case l.Flags&ResourceCompressed == 0:
		if l.StoredSize != l.Size {
			return corruptf("locate %s: it is not compressed, but %d bytes are stored for %d", name, l.StoredSize, l.Size)
		}
		return nil
	case h.Compression == None:
		return corruptf("locate %s: it is compressed, and the header does not say how", name)
	}
	r := Run{Location: l, Compression: h.Compression, PieceSize: h.PieceSize, Pipable: h.Pipable}
	n := r.pieces()
	if n > maxPieces || l.Size > maxContent {
		return unsupportedf("locate %s: resources of more than %d pieces or 2^50 bytes", name, maxPieces)
	}
	if n == 0 || l.StoredSize < r.PieceTableSize()+n*(1+r.gap()) {
		return corruptf("locate %s: %d bytes cannot hold the %d pieces of %d bytes", name, l.StoredSize, n, l.Size)
	}
	return nil
}

// readFull fills b from offset off.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		return FaultEnd.Of(corruptf("the file ends at %d, in the middle", off+int64(n)))
	}
	return err
}
