package wim

import (
	"bytes"
	"encoding/binary"
	"io"
)

// HeaderSize is the size of the file header in bytes.
const HeaderSize = 208

// Bounds on what a file may hold; what is over them is refused.
const (
	MaxImages   = 65535
	maxBlobs    = 1 << 22
	maxXML      = 16 << 20  // bytes, in UTF-16
	maxMetadata = 256 << 20 // bytes of one image's metadata, uncompressed
	maxPieces   = 1 << 24   // of one run
	maxSolid    = 1 << 22   // pieces of all solid runs of a file
	maxContent  = 1 << 50   // bytes of a run, uncompressed
	maxSize     = 1 << 54   // any offset or size; the sum of two fits into stored.place
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

// The compressions of WIM files.
const (
	None Compression = iota
	XPRESS
	LZX
	LZMS
)

// String returns the name that wimlib-imagex uses.
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
	Compression  Compression // of resources that are compressed, but for solid runs, which say their own
	PieceSize    int         // bytes a piece decodes to, but for a resource's last one; 0 in a file without compression
	Pipable      bool        // made to be read from a pipe, by wimlib: this header is the one at the end of the file
	GUID         [16]byte
	Part, Parts  int
	ImageCount   int
	BootIndex    int // 1-based; 0: none
	BlobTable    Location
	XML          Location
	BootMetadata Location
	Integrity    Location
}

var (
	magic        = []byte("MSWIM\x00\x00\x00")
	magicPipable = []byte("WLPWM\x00\x00\x00")
)

// readHeader reads and checks the header of a file of that many bytes.
func readHeader(r io.ReaderAt, size int64) (Header, error) {
	h, err := readHeaderAt(r, size, 0)
	if err == nil && h.Pipable {
		h, err = readTrailer(r, size, h)
	}
	if err != nil {
		return Header{}, err
	}
	for _, p := range h.tables() {
		if p.at.Flags&ResourceSolid != 0 {
			return Header{}, corruptf("locate %s: the header says that it is a solid run", p.name)
		}
		if err := p.at.check(p.name, h, size); err != nil {
			return Header{}, err
		}
	}
	return h, nil
}

// readTrailer reads the header at the end of a pipable file, which says what the first one could not know.
func readTrailer(r io.ReaderAt, size int64, first Header) (Header, error) {
	if size < 2*HeaderSize {
		return Header{}, FaultEnd.Of(corruptf("read WIM header: a pipable file of %d bytes lacks the header at its end; is it complete?", size))
	}
	h, err := readHeaderAt(r, size, size-HeaderSize)
	if err != nil {
		return Header{}, wrapf(err, "read the header at the end of a pipable file, which may be incomplete")
	}
	if !h.Pipable || h.GUID != first.GUID {
		return Header{}, corruptf("read WIM header: a pipable file ends with the header of another one")
	}
	return h, nil
}

func readHeaderAt(r io.ReaderAt, size, off int64) (Header, error) {
	var b [HeaderSize]byte
	if size < HeaderSize {
		return Header{}, FaultEnd.Of(corruptf("read WIM header: the file has %d bytes, a header %d", size, HeaderSize))
	}
	if err := readFull(r, b[:], off); err != nil {
		return Header{}, wrapf(err, "read WIM header")
	}
	return parseHeader(b[:])
}

// headerTable is one of the parts of a file that its header locates.
type headerTable struct {
	name string
	kind PartKind
	at   *Location
}

func (h *Header) tables() []headerTable {
	return []headerTable{
		{"blob table", PartBlobTable, &h.BlobTable},
		{"XML", PartXML, &h.XML},
		{"boot metadata", PartMetadata, &h.BootMetadata},
		{"integrity table", PartIntegrity, &h.Integrity},
	}
}

// parseHeader decodes the bytes of a header.
func parseHeader(b []byte) (Header, error) {
	le := binary.LittleEndian
	pipable := bytes.Equal(b[:8], magicPipable)
	if !pipable && !bytes.Equal(b[:8], magic) {
		return Header{}, FaultNotWIM.Of(corruptf("read WIM header: it does not start with MSWIM; this is not a WIM file"))
	}
	if n := le.Uint32(b[8:]); n != HeaderSize {
		return Header{}, FaultHeader.Of(corruptf("read WIM header: its size is told as %d, not %d", n, HeaderSize))
	}
	h := Header{
		Version: le.Uint32(b[12:]), Flags: HeaderFlags(le.Uint32(b[16:])), Pipable: pipable,
		Part: int(le.Uint16(b[40:])), Parts: int(le.Uint16(b[42:])),
		ImageCount: int(le.Uint32(b[44:])), BootIndex: int(le.Uint32(b[120:])),
	}
	copy(h.GUID[:], b[24:40])
	if err := h.setCompression(le.Uint32(b[20:])); err != nil {
		return Header{}, err
	}
	switch {
	case h.Version != versionNormal && h.Version != versionSolid:
		return Header{}, FaultVersion.Of(unsupportedf("read WIM header: version %#x", h.Version))
	case h.Parts < 1 || h.Part < 1 || h.Part > h.Parts:
		return Header{}, FaultPart.Of(corruptf("read WIM header: it says that this is part %d of %d", h.Part, h.Parts))
	case h.ImageCount > MaxImages:
		return Header{}, FaultImages.Of(corruptf("read WIM header: %d images, the limit is %d", h.ImageCount, MaxImages))
	case h.BootIndex > h.ImageCount:
		return Header{}, corruptf("read WIM header: image %d boots, of %d", h.BootIndex, h.ImageCount)
	}
	for i, t := range h.tables() {
		var ok bool
		if *t.at, ok = parseLocation(b[[]int{48, 72, 96, 124}[i]:]); !ok {
			return Header{}, corruptf("read WIM header: an offset or size is over 2^54")
		}
	}
	return h, nil
}

// setCompression derives compression and piece size from the flags. A file whose header claims no compression may hold compressed resources
// all the same, each of which says so itself: so the kind counts even without FlagCompressed, where it can be made out.
func (h *Header) setCompression(pieceSize uint32) error {
	kinds := 0
	for _, k := range []struct {
		flags HeaderFlags
		c     Compression
	}{{FlagXPRESS | FlagXPRESS2, XPRESS}, {FlagLZX, LZX}, {FlagLZMS, LZMS}} {
		if h.Flags&k.flags != 0 {
			h.Compression = k.c
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return FaultCompression.Of(corruptf("read WIM header: flags %#x name %d compressions, a file has one", uint32(h.Flags), kinds))
	case kinds == 0 && h.Flags&FlagCompressed != 0:
		return FaultCompression.Of(unsupportedf("read WIM header: unknown compression (flags %#x)", uint32(h.Flags)))
	case kinds == 0:
		return nil
	}
	if err := checkPieceSize(h.Compression, int64(pieceSize)); err != nil {
		if h.Flags&FlagCompressed == 0 {
			h.Compression = None
			return nil
		}
		return wrapf(err, "read WIM header")
	}
	h.PieceSize = int(pieceSize)
	return nil
}

// checkPieceSize refuses a size of pieces that the compression does not have.
func checkPieceSize(c Compression, size int64) error {
	least, most := int64(1<<15), int64(1<<21)
	switch c {
	case XPRESS:
		least, most = 1<<12, 1<<16
	case LZMS:
		most = 1 << 30
	}
	if size < least || size > most || size&(size-1) != 0 {
		return FaultPieceSize.Of(corruptf("pieces of %d bytes: %s has powers of two from %d to %d", size, c, least, most))
	}
	return nil
}

// append appends the 208 bytes of the header.
func (h Header) append(b []byte) []byte {
	le := binary.LittleEndian
	if h.Pipable {
		b = append(b, magicPipable...)
	} else {
		b = append(b, magic...)
	}
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
