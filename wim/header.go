package wim

// HeaderSize is the size of the file header in bytes.
const HeaderSize = 208

// Bounds on what a file may hold.
const (
	MaxImages    = 65535
	maxPieceSize = 1 << 21
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
