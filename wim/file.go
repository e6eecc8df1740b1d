package wim

import (
	"crypto/sha1"
	"io"
	"slices"
	"sort"
)

// File is an open WIM file. It keeps header, blob table and XML in memory, nothing else.
type File struct {
	Header Header

	r         io.ReaderAt
	size      int64
	resources []Resource
	metadata  []int    // indices of the metadata resources, image by image
	index     []uint32 // indices of the other resources, by hash
	order     []uint32 // indices of all resources that are not empty, by offset, each range once
	images    []ImageInfo
	xml       []byte
}

// Open reads header, blob table and XML of a file of that many bytes. It reads nothing else, so r may lack everything but
// the prologue ranges. Solid, pipable and split files, and those compressed by LZMS, are ErrUnsupported.
func Open(r io.ReaderAt, size int64) (*File, error) {
	h, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	f := &File{Header: h, r: r, size: size}
	if err := f.readBlobs(); err != nil {
		return nil, err
	}
	if err := f.readXML(); err != nil {
		return nil, err
	}
	return f, nil
}

// Images describes the images, first to last, as the XML does.
func (f *File) Images() []ImageInfo { return f.images }

// RawXML gives the XML as stored, but in UTF-8 without a byte order mark.
func (f *File) RawXML() []byte { return f.xml }

// Resources gives the blob table in stored order, metadata resources included. The caller must not change it.
func (f *File) Resources() []Resource { return f.resources }

// Lookup finds a resource that is not image metadata by its hash.
func (f *File) Lookup(hash SHA1) (Resource, bool) {
	i := sort.Search(len(f.index), func(i int) bool { return f.resources[f.index[i]].Hash.compare(hash) >= 0 })
	if i < len(f.index) && f.resources[f.index[i]].Hash == hash {
		return f.resources[f.index[i]], true
	}
	return Resource{}, false
}

// MetadataOf gives the metadata resource of image n, 1-based.
func (f *File) MetadataOf(n int) (Resource, error) {
	if n < 1 || n > len(f.metadata) {
		return Resource{}, &NoImageError{n, len(f.metadata)}
	}
	return f.resources[f.metadata[n-1]], nil
}

// Image reads the metadata of image n, 1-based, checks its SHA-1, and gives the tree.
func (f *File) Image(n int) (*Image, error) {
	res, err := f.MetadataOf(n)
	if err != nil {
		return nil, err
	}
	b, err := f.readAll(res)
	if err != nil {
		return nil, wrapf(err, "read metadata of image %d", n)
	}
	if SHA1(sha1.Sum(b)) != res.Hash {
		return nil, corruptf("read metadata of image %d: %w", n, ErrHash)
	}
	m, err := parseMetadata(b)
	if err != nil {
		return nil, wrapf(err, "read metadata of image %d", n)
	}
	m.Info = f.images[n-1]
	return m, nil
}

// readPlain gives the bytes of one of the file's tables, unchecked.
func (f *File) readPlain(at Location) ([]byte, error) {
	run := &Run{Location: at}
	f.setPieces(run)
	return f.readAll(Resource{Run: run, Size: at.Size})
}

// readAll gives the content of a resource, unchecked. Memory grows with what was decoded, not with what was promised.
func (f *File) readAll(res Resource) ([]byte, error) {
	var rd Reader
	if err := rd.reset(f, res); err != nil {
		return nil, err
	}
	rd.sum = nil
	var b []byte
	for int64(len(b)) < res.Size {
		want := int(min(res.Size-int64(len(b)), max(1<<20, int64(len(b)))))
		b = slices.Grow(b, want)
		n, err := io.ReadFull(&rd, b[len(b):len(b)+want])
		b = b[:len(b)+n]
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}
