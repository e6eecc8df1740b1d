package wim

import (
	"errors"
	"fmt"
)

// Sentinels that the errors of this package wrap.
var (
	ErrCorrupt     = errors.New("the WIM file is damaged or malformed")
	ErrUnsupported = errors.New("not supported yet")
	ErrHash        = errors.New("SHA-1 does not match")                                // also ErrCorrupt
	ErrMissing     = errors.New("it is in a file that was not given")                  // other parts of the set, or a delta's base
	ErrName        = errors.New("the image has a name that not every system can hold") // Rules let it pass
	ErrChanged     = errors.New("file changed while captured")                         // capture again when nothing writes to it
	ErrEncrypted   = errors.New("the file, or a part of it, is encrypted")             // as Microsoft distributes some ESD files
	ErrSolidSplit  = errors.New("a file with solid runs cannot be split")              // a run is not cut; export without solid runs first
)

// corruptf makes an error that is ErrCorrupt and says what is wrong.
func corruptf(format string, args ...any) error {
	return fmt.Errorf("%w: %w", fmt.Errorf(format, args...), ErrCorrupt)
}

// unsupportedf makes an error that is ErrUnsupported and names the feature.
func unsupportedf(format string, args ...any) error {
	return fmt.Errorf("%w: %w", fmt.Errorf(format, args...), ErrUnsupported)
}

// wrapf puts what was being done before err.
func wrapf(err error, format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}

// FaultKind names what is wrong with a file more closely than ErrCorrupt, ErrUnsupported and ErrMissing do.
type FaultKind uint8

// What can be wrong with a file.
const (
	FaultNotWIM         FaultKind = iota // it does not begin like a WIM file
	FaultEnd                             // it ends before what its header promises
	FaultHeader                          // what the header says cannot be
	FaultVersion                         // of the format
	FaultCompression                     // an unknown one
	FaultPieceSize                       // the compression has none of that size
	FaultPart                            // its number in a split set
	FaultImages                          // as many images as the header says are not there
	FaultIntegrity                       // its bytes are not those that the integrity table sums
	FaultIntegrityTable                  // cannot be read
	FaultXML                             // cannot be read
	FaultSet                             // the files given together are not one set
	FaultNoTrees                         // images, and none is described in this file: it is not the first part of its set
	FaultData                            // compressed bytes that cannot be decoded
)

// Fault is an error that tells its kind. It says no more than the error that it wraps.
type Fault struct {
	Kind FaultKind
	err  error
}

func (f *Fault) Error() string { return f.err.Error() }
func (f *Fault) Unwrap() error { return f.err }

// Of gives err its kind.
func (k FaultKind) Of(err error) error { return &Fault{k, err} }

// NoImageError says that a file has no image of that number.
type NoImageError struct{ Image, Count int }

// Error tells which images there are.
func (e *NoImageError) Error() string {
	return fmt.Sprintf("find image %d: the file has images 1 to %d", e.Image, e.Count)
}
