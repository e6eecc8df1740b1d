// Package chunk splits content into chunks and keeps them on disk.
//
// A chunk is a run of a content's bytes, at most MaxSize long, named by its ID. It is at once the unit of
// deduplication, of forward error correction, of verification and of repair.
package chunk

// Sizes of a chunk in bytes. A content's last chunk, and a chunk that ends at a forced cut, may be shorter than MinSize.
const (
	MinSize = 32 << 10
	AvgSize = 128 << 10
	MaxSize = 256 << 10
)
