package wim

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"sort"
	"sync"
)

// File is an open WIM file, or several that are opened as one. It keeps header, blob table (44 bytes an entry), XML and the piece tables of solid runs in
// memory, and of solid runs a few decoded pieces.
type File struct {
	Header Header // of several files: that of the one with the images

	r           io.ReaderAt // all files, one after another
	size        int64
	volumes     []volume // at least one; the first has the images
	resources   []stored // by run and place in it, and behind those the empty ones
	outsize     []outsize
	placed      int      // how many are not empty
	metadata    []int    // indices of the metadata resources, image by image
	index       []uint32 // indices of the other resources, by hash
	solid       []*Run   // solid runs, also those without resources
	solidOrder  []*Run   // the same by offset
	solidPieces int64    // of all solid runs
	cache       pieceCache
	works       sync.Pool // of *readerWork
	images      []ImageInfo
	xml         []byte
}

// volume is one of the files that are opened as one. Its header's offsets are its own; those of runs count from the first file's start.
type volume struct {
	Input
	base   int64
	header Header
	lends  bool // its images do not count
}

// Images describes the images, first to last, as the XML does.
func (f *File) Images() []ImageInfo { return f.images }

// RawXML returns the XML as stored, but in UTF-8 without a byte order mark.
func (f *File) RawXML() []byte { return f.xml }

// Count is the number of entries of the blob table, metadata resources included. Of entries that are the same in all one counts.
func (f *File) Count() int { return len(f.resources) }

// Placed is the number of those that are not empty. They come first, sorted by run and place in it, and share no bytes.
func (f *File) Placed() int { return f.placed }

// Resource returns entry i, which is below Count. Its Run is made anew unless it is a solid one.
func (f *File) Resource(i int) Resource {
	s := &f.resources[i]
	return Resource{Run: f.runOf(s), Hash: s.hash, Refs: s.refs, Start: s.start(), Size: f.sizeOf(s)}
}

// Resources returns all entries.
func (f *File) Resources() iter.Seq2[int, Resource] {
	return func(yield func(int, Resource) bool) {
		for i := range f.resources {
			if !yield(i, f.Resource(i)) {
				return
			}
		}
	}
}

// Place is where a resource stands: its run's offset in the file, stored size and size of content, and where its own starts in that.
type Place struct {
	Offset, StoredSize, RunSize, Start int64
}

// End is the offset behind the run.
func (p Place) End() int64 { return p.Offset + p.StoredSize }

// Place returns the place of entry i.
func (f *File) Place(i int) Place {
	s := &f.resources[i]
	if s.inSolid() {
		r := f.solidOf(s)
		return Place{r.Offset, r.StoredSize, r.Size, s.offset()}
	}
	return Place{s.offset(), f.runSize(s), f.sizeOf(s), 0}
}

// SizeOf is the size of entry i.
func (f *File) SizeOf(i int) int64 { return f.sizeOf(&f.resources[i]) }

// Find finds a resource that is not image metadata by its hash. The error, when there is none, is ErrMissing, and says which other files may
// have it.
func (f *File) Find(hash SHA1) (Resource, error) {
	if r, ok := f.Lookup(hash); ok {
		return r, nil
	}
	switch h := f.Header; {
	case h.Parts > 1 && f.lone():
		return Resource{}, fmt.Errorf("find resource %s: this is only part %d of %d of a split set: %w", hash, h.Part, h.Parts, ErrMissing)
	case len(f.volumes) > 1:
		return Resource{}, fmt.Errorf("find resource %s: none of the %d files has it: %w", hash, len(f.volumes), ErrMissing)
	}
	return Resource{}, fmt.Errorf("find resource %s: the file lacks it, or is a delta of another one: %w", hash, ErrMissing)
}

// Lookup finds a resource that is not image metadata by its hash.
func (f *File) Lookup(hash SHA1) (Resource, bool) {
	if i, ok := f.IndexOf(hash); ok {
		return f.Resource(i), true
	}
	return Resource{}, false
}

// IndexOf is Lookup of the entry's number in the blob table.
func (f *File) IndexOf(hash SHA1) (int, bool) {
	i := sort.Search(len(f.index), func(i int) bool { return f.resources[f.index[i]].hash.compare(hash) >= 0 })
	if i < len(f.index) && f.resources[f.index[i]].hash == hash {
		return int(f.index[i]), true
	}
	return 0, false
}

// MetadataOf returns the metadata resource of image n, 1-based.
func (f *File) MetadataOf(n int) (Resource, error) {
	if n >= 1 && n <= f.Header.ImageCount && len(f.metadata) == 0 {
		return Resource{}, FaultNoTrees.Of(fmt.Errorf("find image %d: this is part %d of %d of a split set, and the first part has it: %w", n, f.Header.Part, f.Header.Parts, ErrMissing))
	}
	if n < 1 || n > len(f.metadata) {
		return Resource{}, &NoImageError{n, len(f.metadata)}
	}
	return f.Resource(f.metadata[n-1]), nil
}

// Image reads the metadata of image n, 1-based, checks its SHA-1, and returns the tree.
func (f *File) Image(n int) (*Image, error) {
	t, err := f.tree(n, f.wholeMetadata)
	if err != nil {
		return nil, err
	}
	m, err := t.image()
	if err != nil {
		return nil, wrapf(err, "read metadata of image %d", n)
	}
	return m, nil
}

// readPlain returns the bytes of one of a file's tables, unchecked.
func (f *File) readPlain(at Location, v *volume) ([]byte, error) {
	run := v.run(at)
	return f.readAll(Resource{Run: run, Size: at.Size})
}

// readAll returns the content of a resource, unchecked. Memory grows with what was decoded, not with what was promised.
func (f *File) readAll(res Resource) ([]byte, error) {
	rd, err := f.reader(res)
	if err != nil {
		return nil, err
	}
	rd.hashing = false
	defer rd.end()
	var b []byte
	for int64(len(b)) < res.Size {
		want := int(min(res.Size-int64(len(b)), max(1<<20, int64(len(b)))))
		b = slices.Grow(b, want)
		n, err := io.ReadFull(rd, b[len(b):len(b)+want])
		b = b[:len(b)+n]
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}
