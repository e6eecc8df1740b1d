package wim

// Run is a stored run of bytes that decodes to Run.Size bytes of content, piece by piece: one resource, or several where it is solid.
//
// Ordinarily the piece table comes first and the pieces follow. A run of a pipable file has 4 bytes before every piece and the table behind the last
// one. A solid run starts with a header of 16 bytes that is counted to its table, and says compression and piece size itself.
type Run struct {
	Location
	Compression Compression // None when it is stored plain
	PieceSize   int         // bytes a piece decodes to, but for the last one; nominal when stored plain
	Solid       bool        // its content is that of several resources, one after another
	Pipable     bool        // it is stored as pipable files do

	table *PieceTable // of a solid run, read when the file was opened
}

// Resource is one entry of the blob table: a stream of bytes stored once, named by its SHA-1. Its fields of the embedded Run say where the
// run is stored that holds it; Size is the resource's own. Resources of one solid run share the *Run.
type Resource struct {
	*Run
	Hash  SHA1
	Refs  uint32
	Start int64 // of its first byte in the run's content; 0 in a run of its own
	Size  int64 // bytes of content
}

// IsMetadata reports whether the resource is an image's metadata.
func (r Resource) IsMetadata() bool { return r.Flags&ResourceMetadata != 0 }

// pieces is the number of pieces of a compressed run.
func (r *Run) pieces() int64 {
	if r.PieceSize <= 0 || r.Size <= 0 {
		return 0
	}
	return (r.Size-1)/int64(r.PieceSize) + 1
}

// gap is the number of bytes before every piece that belong to none.
func (r *Run) gap() int64 {
	if r.Pipable && r.Compression != None {
		return 4
	}
	return 0
}
