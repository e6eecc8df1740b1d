package wim

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Source gives the bytes of a stream that no WIM file holds yet.
//
// The same Source may stand in several streams (names of one file): it is read once. Sources of an Image are compared by ==; those of another
// ImageSource are taken for the same where they are the same stream of names with one HardLink number.
type Source interface {
	Path() string // for errors, and to put like beside like in a solid run: slashes, relative to the captured root
	Size() int64  // as scanned; what Open returns must be exactly as long
	// Open is called by one goroutine at a time. A Read or Close that finds the file changed returns an error that is ErrChanged.
	Open() (io.ReadCloser, error)
}

// WriterStats count what was written.
type WriterStats struct {
	Images    int   // in the file
	Resources int   // distinct contents written, image metadata not counted
	Bytes     int64 // of them, uncompressed
	Copied    int64 // bytes of those that were copied as they were stored
	Size      int64 // of the WIM file
}

// Writer writes a WIM file: give it images, and what other resources the file is to hold, and then Finish. Nothing is written before.
// It belongs to one goroutine.
type Writer struct {
	opts   WriterOptions
	w      io.WriteSeeker
	old    *File // that is appended to; nil for a new file
	images []writerImage
	wanted []wantedResource
	shrunk bool // an image of old is dropped or replaced
	done   bool
}

// writerImage is an image that the file will hold.
type writerImage struct {
	tree  ImageSource // nil: the metadata of image n of from is copied
	from  *File       // where streams without a Source come from; may be nil
	n     int
	info  ImageInfo
	named bool  // the name must not be another image's: the image is new or its properties were set
	kept  bool  // it is in the file that is appended to, as it is
	boot  bool  // it is the one that boots, unless the options say otherwise
	first int   // of the slots of its streams with Sources
	entry int32 // of its metadata, in the job's trees
}

// wantedResource is an entry of another file.
type wantedResource struct {
	from  *File
	entry int
}

// Create makes a Writer of a new file. w must be empty and at its start.
func Create(w io.WriteSeeker, opts WriterOptions) (*Writer, error) {
	opts, err := opts.validate(w)
	if err != nil {
		return nil, fmt.Errorf("write WIM: %w", err)
	}
	return &Writer{opts: opts, w: w}, nil
}

// Append makes a Writer that goes on behind the end of f, which w is open on for reading and writing. The file keeps its images, resources,
// GUID and compression; it stays valid, as it was, until Finish has written the new header. opts.Compression and opts.PieceSize must be
// f's or zero; f's flags, boot image and integrity table are kept where opts says nothing else. Parts of a split set cannot be appended to.
func Append(w io.WriteSeeker, f *File, opts WriterOptions) (*Writer, error) {
	h := &f.Header
	switch {
	case h.Pipable:
		return nil, unsupportedf("append to WIM: pipable files; export it without --pipable")
	case h.Parts != 1 || opts.Parts > 1:
		return nil, errors.New("append to WIM: it is part of a split set; join it first")
	case opts.Compression != None && opts.Compression != h.Compression || opts.PieceSize != 0 && opts.PieceSize != h.PieceSize:
		return nil, fmt.Errorf("append to WIM: it has %s in pieces of %d bytes, and keeps that; export it to change it", h.Compression, h.PieceSize)
	case opts.GUID != [16]byte{}:
		return nil, errors.New("append to WIM: it keeps its GUID")
	}
	opts.Compression, opts.PieceSize, opts.GUID = h.Compression, h.PieceSize, h.GUID
	opts, err := opts.validate(w)
	if err != nil {
		return nil, fmt.Errorf("append to WIM: %w", err)
	}
	nw := &Writer{opts: opts, w: w, old: f}
	for n, info := range f.Images() {
		nw.images = append(nw.images, writerImage{from: f, n: n + 1, info: info, kept: true, boot: n+1 == h.BootIndex})
	}
	return nw, nil
}

// Image adds an image with the properties that the tree tells, whose counts and times are made anew (the time of creation, if it is zero). A stream
// with a Source gets its hash when it is read; one without is copied from the file from, which may be nil when there is none, unless the
// file has it already. Pieces are copied as they are stored when compression and piece size agree. In a split set the image's
// metadata is all that is added, and that to part 1 only: see Resource.
func (w *Writer) Image(tree ImageSource, from *File) error {
	info, _ := tree.Head()
	return w.add(writerImage{tree: tree, from: from, info: *info, named: true})
}

// CopyImage adds image n of another file as it is, and all resources that it needs; its metadata is copied as it is stored if it can be.
// info returns its properties.
func (w *Writer) CopyImage(from *File, n int, info ImageInfo) error {
	if _, err := from.MetadataOf(n); err != nil {
		return wrapf(err, "copy image")
	}
	return w.add(writerImage{from: from, n: n, info: info, named: true})
}

func (w *Writer) add(img writerImage) error {
	if len(w.images) == MaxImages {
		return fmt.Errorf("write WIM: more than %d images", MaxImages)
	}
	w.images = append(w.images, img)
	return nil
}

// Replace puts another tree in the place of image n, 1-based: one of the file that is appended to, or one that was added. from is as in Image.
func (w *Writer) Replace(n int, tree ImageSource, from *File) error {
	if n < 1 || n > len(w.images) {
		return &NoImageError{n, len(w.images)}
	}
	if from == nil {
		from = w.images[n-1].from
	}
	w.shrunk = w.shrunk || w.images[n-1].kept
	info, _ := tree.Head()
	w.images[n-1] = writerImage{tree: tree, from: from, info: *info, named: true, boot: w.images[n-1].boot}
	return nil
}

// Drop leaves image n out, 1-based; those behind it take the next lower numbers. What no other image needs is not in the file's tables any
// more, but its bytes are.
func (w *Writer) Drop(n int) error {
	if n < 1 || n > len(w.images) {
		return &NoImageError{n, len(w.images)}
	}
	w.shrunk = w.shrunk || w.images[n-1].kept
	w.images = append(w.images[:n-1], w.images[n:]...)
	return nil
}

// SetInfo changes the properties of image n, 1-based, and nothing else of it.
func (w *Writer) SetInfo(n int, info ImageInfo) error {
	if n < 1 || n > len(w.images) {
		return &NoImageError{n, len(w.images)}
	}
	w.images[n-1].info, w.images[n-1].named = info, true
	return nil
}

// Images returns the properties of the images that the file will have, in order.
func (w *Writer) Images() []ImageInfo {
	infos := make([]ImageInfo, len(w.images))
	for i := range w.images {
		infos[i] = w.images[i].info
		infos[i].Index = i + 1
	}
	return infos
}

// Resource adds entry i of another file whether or not an image here needs it. It is the only way to add one to a part of a split set.
func (w *Writer) Resource(from *File, i int) error {
	if from.resources[i].metadata() {
		return errors.New("write WIM: image metadata is copied with its image")
	}
	w.wanted = append(w.wanted, wantedResource{from, i})
	return nil
}

// Finish writes the file. Where it fails a new file is not valid, and one that was appended to is as it was but for bytes behind its end.
func (w *Writer) Finish(ctx context.Context) (WriterStats, error) {
	if w.done {
		return WriterStats{}, errors.New("write WIM: Finish was called before")
	}
	w.done = true
	j := w.job()
	if err := j.run(ctx); err != nil {
		return WriterStats{}, wrapf(err, "write WIM")
	}
	return j.stats, nil
}
