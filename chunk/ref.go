package chunk

import (
	"errors"
	"fmt"
)

// Ref names one chunk of a content and says how long it is. A content is a list of them.
type Ref struct {
	ID   ID
	Size uint32 // 1 to MaxSize
}

// Block is the index of a block of a content: the position in its list of chunks at which the block's chunk first occurs.
type Block uint32

// Errors to test for with errors.Is.
var (
	ErrNotHeld    = errors.New("chunk is not held") // never put, not durable yet, or found damaged
	ErrMismatch   = errors.New("bytes are not those of this name")
	ErrIncomplete = errors.New("not all chunks are there")
	ErrFull       = errors.New("no room for another chunk")
)

// DamagedError is returned by Get for a chunk whose stored bytes are not what its name says. The chunk no longer counts as
// held; put it again.
type DamagedError struct {
	ID   ID
	File string // path of the file that holds it
	Off  int64  // where in the file
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("read chunk %v: bytes at offset %d of %s are damaged; the chunk is set aside and must be fetched again",
		e.ID, e.Off, e.File)
}
