package wim

// Resource is one entry of the blob table: a stream of bytes stored once, named by its SHA-1.
type Resource struct {
	Location
	Hash        SHA1
	Refs        uint32
	Compression Compression // None when it is stored plain
	PieceSize   int         // bytes a piece decodes to, but for the last one
}

// IsMetadata reports whether the resource is an image's metadata.
func (r Resource) IsMetadata() bool { return r.Flags&ResourceMetadata != 0 }
