package wim

import (
	"context"
	"io"
	"time"
)

// Source gives the bytes of a stream that no WIM file holds yet.
//
// The same Source may stand in several streams (names of one file): it is read once. Sources are compared by ==.
type Source interface {
	Path() string // for errors, and to put like beside like in a solid run: slashes, relative to the captured root
	Size() int64  // as scanned; what Open gives must be exactly as long
	// Open is called by one goroutine at a time. A Read or Close that finds the file changed gives an error that is ErrChanged.
	Open() (io.ReadCloser, error)
}

// WriterOptions say how to write a WIM file. The zero value: stored, one thread a processor, no boot image, no integrity table.
type WriterOptions struct {
	Compression Compression // of runs of one resource, and of image metadata
	PieceSize   int         // bytes; 0: 32 KiB, for LZMS 128 KiB
	Level       int         // 1 (fastest) to 100 (smallest), as wimlib counts; 0: 50

	Solid            bool        // put contents into solid runs: a file of version 0xe00
	SolidCompression Compression // None: LZMS
	SolidPieceSize   int         // bytes; 0: 64 MiB
	SolidLevel       int         // as Level

	Threads     int         // 1 to 64; 0: one a processor. The bytes written do not depend on it
	Flags       HeaderFlags // FlagRPFix, FlagReadOnly
	BootIndex   int         // 1-based; 0: none
	GUID        [16]byte    // zero: made from what is written
	Part, Parts int         // of a split set; 0: not split. Only part 1 gets images' metadata
	Check       bool        // add an integrity table; the output must be an io.ReaderAt too
	Recompress  bool        // decode and encode again what could be copied as it is
	Base        []*File     // resources that these hold are not written: the file is a delta of them
	Time        time.Time   // stands for now in the XML; zero: now
	Progress    func(Progress)
}

// WriterStats count what was written.
type WriterStats struct {
	Images    int
	Resources int   // distinct contents written, image metadata not counted
	Bytes     int64 // of them, uncompressed
	Copied    int64 // bytes of those that were copied as they were stored
	Size      int64 // of the WIM file
}

// Writer writes a WIM file: give it images, and what other resources the file is to hold, and then Finish. Nothing is written before.
// It belongs to one goroutine.
type Writer struct{ opts WriterOptions }

// Create makes a Writer of a new file. w must be empty and at its start.
func Create(w io.WriteSeeker, opts WriterOptions) (*Writer, error) {
	return nil, unsupportedf("write WIM")
}

// Append makes a Writer that goes on behind the end of f, which w is open on for reading and writing. The file keeps its images, resources
// and compression; it stays valid, as it was, until Finish has written the new header. opts.Compression must be f's.
func Append(w io.WriteSeeker, f *File, opts WriterOptions) (*Writer, error) {
	return nil, unsupportedf("append to WIM")
}

// Image adds an image with the properties of img.Info, whose counts and times of modification are made anew. A stream with a Source
// gets its hash when it is read; one without is copied from the file from, which may be nil when there is none, unless the file has it already.
// Compressed pieces are copied as they are when compression and piece size agree.
func (w *Writer) Image(img *Image, from *File) error { return unsupportedf("write WIM") }

// Resource adds a resource of another file whether or not an image here needs it: as a split set's later parts do.
func (w *Writer) Resource(from *File, res Resource) error { return unsupportedf("write WIM") }

// Finish writes the file. Where it fails a new file is not valid, and one that was appended to is as it was but for bytes behind its end.
func (w *Writer) Finish(ctx context.Context) (WriterStats, error) {
	return WriterStats{}, unsupportedf("write WIM")
}
