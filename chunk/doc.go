// Package chunk says what a chunk is: its name, its sizes, and where a content is cut into chunks.
//
// A chunk is a run of a content's bytes, at most MaxSize long, named by its ID. It is at once the
// unit of deduplication, of forward error correction, of verification and of repair.
//
// Split finds a content's chunks, and View reads a whole content out of whatever keeps them: a
// Store. Package chunk/disk keeps them in files. This package does no I/O of its own, so that the
// machines can name chunks.
package chunk

// Sizes of a chunk in bytes. A content's last chunk, and a chunk that ends at a forced cut, may be
// shorter than MinSize.
const (
	MinSize = 32 << 10
	AvgSize = 128 << 10
	MaxSize = 256 << 10
)

// MaxChunks is how many chunks a content may have, 128 GiB at the average size, and so how many
// blocks a cast: a peer holds its manifest, layout and tables in 256 MiB.
const MaxChunks = 1 << 20
