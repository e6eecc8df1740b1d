package wim

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
)

// HeaderSize is the size of the file header in bytes.
const HeaderSize = 208

// Bounds on what a file may hold; what is over them is refused.
const (
	MaxImages   = 65535
	maxBlobs    = 1 << 22
	maxXML      = 16 << 20  // bytes, in UTF-16
	maxMetadata = 256 << 20 // bytes of one image's metadata, uncompressed
	maxPieces   = 1 << 24   // of one resource
	maxSize     = 1 << 62   // any offset or size
)

// File versions.
const (
	versionNormal = 0x10d00
	versionSolid  = 0x0e00
)

// HeaderFlags are the flags of the file header.
type HeaderFlags uint32

// The flags that this package knows.
const (
	FlagCompressed      HeaderFlags = 0x2
	FlagReadOnly        HeaderFlags = 0x4
	FlagSpanned         HeaderFlags = 0x8
	FlagResourceOnly    HeaderFlags = 0x10
	FlagMetadataOnly    HeaderFlags = 0x20
	FlagWriteInProgress HeaderFlags = 0x40
	FlagRPFix           HeaderFlags = 0x80
	FlagXPRESS          HeaderFlags = 0x20000
	FlagLZX             HeaderFlags = 0x40000
	FlagLZMS            HeaderFlags = 0x80000
	FlagXPRESS2         HeaderFlags = 0x200000
)

// Compression is how pieces are compressed.
type Compression uint8

// The compressions of WIM files. LZMS is recognised but not decoded yet.
const (
	None Compression = iota
	XPRESS
	LZX
	LZMS
)

// String gives the name that wimlib-imagex uses.
func (c Compression) String() string {
	switch c {
	case None:
		return "none"
	case XPRESS:
		return "XPRESS"
	case LZX:
		return "LZX"
	case LZMS:
		return "LZMS"
	}
	return "unknown"
}

// Header is the file header, decoded.
type Header struct {
	Version      uint32
	Flags        HeaderFlags
	Compression  Compression // of resources that are compressed
	PieceSize    int         // bytes a piece decodes to, but for a resource's last one; 0 in a file without compression
	GUID         [16]byte
	Part, Parts  int
	ImageCount   int
	BootIndex    int // 1-based; 0: none
	BlobTable    Location
	XML          Location
	BootMetadata Location
	Integrity    Location
}

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

var (
	magic        = []byte("MSWIM\x00\x00\x00")
	magicPipable = []byte("WLPWM\x00\x00\x00")
)

// readHeader reads and checks the header of a file of that many bytes.
func readHeader(r io.ReaderAt, size int64) (Header, error) {
	var b [HeaderSize]byte
	if size < HeaderSize {
		return Header{}, corruptf("read WIM header: the file has %d bytes, a header %d", size, HeaderSize)
	}
	if err := readFull(r, b[:], 0); err != nil {
		return Header{}, wrapf(err, "read WIM header")
	}
	h, err := parseHeader(b[:])
	if err != nil {
		return Header{}, err
	}
	for _, p := range []struct {
		name string
		at   Location
	}{{"blob table", h.BlobTable}, {"XML", h.XML}, {"boot metadata", h.BootMetadata}, {"integrity table", h.Integrity}} {
		if err := p.at.check(p.name, h, size); err != nil {
			return Header{}, err
		}
	}
	return h, nil
}

// parseHeader decodes the bytes of a header.
func parseHeader(b []byte) (Header, error) {
	le := binary.LittleEndian
	if bytes.Equal(b[:8], magicPipable) {
		return Header{}, unsupportedf("read WIM header: pipable files (export it without --pipable)")
	}
	if !bytes.Equal(b[:8], magic) {
		return Header{}, corruptf("read WIM header: it does not start with MSWIM; this is not a WIM file")
	}
	if n := le.Uint32(b[8:]); n != HeaderSize {
		return Header{}, corruptf("read WIM header: its size is told as %d, not %d", n, HeaderSize)
	}
	h := Header{
		Version: le.Uint32(b[12:]), Flags: HeaderFlags(le.Uint32(b[16:])),
		Part: int(le.Uint16(b[40:])), Parts: int(le.Uint16(b[42:])),
		ImageCount: int(le.Uint32(b[44:])), BootIndex: int(le.Uint32(b[120:])),
	}
	copy(h.GUID[:], b[24:40])
	if err := h.setCompression(le.Uint32(b[20:])); err != nil {
		return Header{}, err
	}
	switch {
	case h.Version == versionSolid:
		return Header{}, unsupportedf("read WIM header: solid files (version 3584)")
	case h.Version != versionNormal:
		return Header{}, unsupportedf("read WIM header: version %#x", h.Version)
	case h.Parts != 1 || h.Part != 1 || h.Flags&FlagSpanned != 0:
		return Header{}, unsupportedf("read WIM header: split files (this is part %d of %d)", h.Part, h.Parts)
	case h.ImageCount > MaxImages:
		return Header{}, corruptf("read WIM header: %d images, the limit is %d", h.ImageCount, MaxImages)
	case h.BootIndex > h.ImageCount:
		return Header{}, corruptf("read WIM header: image %d boots, of %d", h.BootIndex, h.ImageCount)
	}
	for i, at := range []*Location{&h.BlobTable, &h.XML, &h.BootMetadata, &h.Integrity} {
		var ok bool
		off := []int{48, 72, 96, 124}[i]
		if *at, ok = parseLocation(b[off:]); !ok {
			return Header{}, corruptf("read WIM header: an offset or size is over 2^62")
		}
	}
	return h, nil
}

// setCompression derives compression and piece size from the flags.
func (h *Header) setCompression(pieceSize uint32) error {
	if h.Flags&FlagCompressed == 0 {
		return nil
	}
	minSize, maxSize := uint32(1<<15), uint32(1<<21)
	switch {
	case h.Flags&(FlagXPRESS|FlagXPRESS2) != 0:
		h.Compression = XPRESS
		minSize, maxSize = 1<<12, 1<<16
	case h.Flags&FlagLZX != 0:
		h.Compression = LZX
	case h.Flags&FlagLZMS != 0:
		return unsupportedf("read WIM header: LZMS compression")
	default:
		return unsupportedf("read WIM header: unknown compression (flags %#x)", h.Flags)
	}
	if pieceSize < minSize || pieceSize > maxSize || bits.OnesCount32(pieceSize) != 1 {
		return corruptf("read WIM header: pieces of %d bytes; %s has powers of two from %d to %d", pieceSize, h.Compression, minSize, maxSize)
	}
	h.PieceSize = int(pieceSize)
	return nil
}

// append appends the 208 bytes of the header.
func (h Header) append(b []byte) []byte {
	le := binary.LittleEndian
	b = append(b, magic...)
	b = le.AppendUint32(b, HeaderSize)
	b = le.AppendUint32(b, h.Version)
	b = le.AppendUint32(b, uint32(h.Flags))
	b = le.AppendUint32(b, uint32(h.PieceSize))
	b = append(b, h.GUID[:]...)
	b = le.AppendUint16(b, uint16(h.Part))
	b = le.AppendUint16(b, uint16(h.Parts))
	b = le.AppendUint32(b, uint32(h.ImageCount))
	b = h.BlobTable.append(b)
	b = h.XML.append(b)
	b = h.BootMetadata.append(b)
	b = le.AppendUint32(b, uint32(h.BootIndex))
	b = h.Integrity.append(b)
	return append(b, make([]byte, 60)...)
}

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

// check refuses what cannot lie in a file of that many bytes with that header, or says things that do not go together.
func (l Location) check(name string, h Header, size int64) error {
	if l.Flags&ResourceSolid != 0 {
		return unsupportedf("locate %s: solid resources", name)
	}
	if l.Flags&ResourceSpanned != 0 {
		return unsupportedf("locate %s: resources split over several files", name)
	}
	if l.StoredSize == 0 && l.Size == 0 {
		return nil
	}
	if l.Offset < HeaderSize || l.End() > size {
		return corruptf("locate %s: it takes bytes %d to %d, the file has %d; is it complete?", name, l.Offset, l.End(), size)
	}
	if l.Flags&ResourceCompressed == 0 {
		if l.StoredSize != l.Size {
			return corruptf("locate %s: it is not compressed, but %d bytes are stored for %d", name, l.StoredSize, l.Size)
		}
		return nil
	}
	if h.Compression == None {
		return corruptf("locate %s: it is compressed in a file without compression", name)
	}
	r := Run{Location: l, Compression: h.Compression, PieceSize: h.PieceSize}
	n := r.pieces()
	if n > maxPieces {
		return unsupportedf("locate %s: resources of more than %d pieces", name, maxPieces)
	}
	if n == 0 || l.StoredSize < r.PieceTableSize()+n {
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
		return corruptf("the file ends at %d, in the middle", off+int64(n))
	}
	return err
}
