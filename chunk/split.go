package chunk

import "io"

// Range is the bytes [Offset, Offset+Size) of a content.
type Range struct{ Offset, Size int64 }

// Layout is what is known about the structure of a content. The zero value knows nothing: cuts are then content-defined.
type Layout struct {
	// Bounds are offsets at which a resource begins or ends, ascending. A cut falls on one of them where one lies between
	// MinSize and MaxSize.
	Bounds []int64
	// Prologue are the ranges that a receiver needs before anything else, ascending and not overlapping. A chunk has bytes
	// of one only or of none: both ends of each are cuts, even if a chunk gets shorter than MinSize.
	Prologue []Range
}

// Piece is one chunk of a content, as Split finds it.
type Piece struct {
	Offset   int64
	Data     []byte // 1 to MaxSize bytes, valid only during the call
	Prologue bool
}

// Split reads r to its end and calls fn for each chunk, in order. An error of fn ends it and is returned as it is.
// The same bytes with the same layout give the same chunks on every machine.
func Split(r io.Reader, layout Layout, fn func(Piece) error) error { return nil }
