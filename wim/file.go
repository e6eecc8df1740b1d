package wim

import (
	"context"
	"io"
)

// File is an open WIM file. It keeps header, blob table and XML in memory, nothing else.
type File struct {
	Header Header
	r      io.ReaderAt
	size   int64
}

// Open reads header, blob table and XML of a file of that many bytes. It reads nothing else, so r may lack everything but
// the prologue ranges. Solid, pipable and split files, and those compressed by LZMS, are ErrUnsupported.
func Open(r io.ReaderAt, size int64) (*File, error) { return nil, unsupportedf("open WIM") }

// Images describes the images, first to last, as the XML does.
func (f *File) Images() []ImageInfo { return nil }

// RawXML gives the XML as stored, but in UTF-8 without a byte order mark.
func (f *File) RawXML() []byte { return nil }

// Resources gives the blob table in stored order, metadata resources included. The caller must not change it.
func (f *File) Resources() []Resource { return nil }

// Lookup finds a resource that is not image metadata by its hash.
func (f *File) Lookup(hash SHA1) (Resource, bool) { return Resource{}, false }

// Image reads the metadata of image n, 1-based, checks its SHA-1, and gives the tree.
func (f *File) Image(n int) (*Image, error) { return nil, unsupportedf("read image %d", n) }

// MetadataOf gives the metadata resource of image n, 1-based.
func (f *File) MetadataOf(n int) (Resource, error) { return Resource{}, unsupportedf("image %d", n) }

// Open gives the content of a resource of this file.
func (f *File) Open(res Resource) (*Reader, error) { return nil, unsupportedf("open resource") }

// Verify reads every resource, on as many goroutines as there are processors, and checks its SHA-1; then the integrity table
// if there is one. progress, which may be nil, is called from one goroutine at a time.
func (f *File) Verify(ctx context.Context, progress func(Progress)) error {
	return unsupportedf("verify")
}

// Progress says how far a Verify or Capture is.
type Progress struct {
	Done, Total int64 // uncompressed bytes; Total is 0 until it is known
}

// Reader gives the content of one resource.
//
// Read goes from the start to the end, and instead of io.EOF gives an error that is ErrHash when the SHA-1 of what was read is
// not the resource's. ReadAt goes anywhere and checks nothing but that pieces decode. One goroutine at a time may use it.
type Reader struct{}

// Size is the content's length in bytes.
func (r *Reader) Size() int64 { return 0 }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) { return 0, unsupportedf("read") }

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) { return 0, unsupportedf("read") }
