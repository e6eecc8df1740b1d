package chunk

import (
	"context"
	"fmt"
	"io"
	"sort"
	"sync"
)

// View presents a content as one file, read from held chunks. It implements io.ReaderAt and is safe for concurrent use.
// For an io.Reader use io.NewSectionReader(v, 0, v.Size()). It keeps one chunk in memory, so reads in order cost one Get a chunk.
type View struct {
	ctx  context.Context // of reads: an io.ReaderAt is given none
	from Getter
	refs []Ref
	offs []int64 // of each chunk, and the end

	mu   sync.Mutex
	last int // index of the chunk in data, or -1
	data []byte
}

// NewView returns the content made of refs, which it keeps. No chunk is read yet; reads give up when ctx
// ends.
func NewView(ctx context.Context, from Getter, refs []Ref) (*View, error) {
	offs, err := Offsets(refs)
	if err != nil {
		return nil, fmt.Errorf("view content: %w", err)
	}
	return &View{ctx: ctx, from: from, refs: refs, offs: offs, last: -1}, nil
}

// Offsets checks refs and returns where each begins, and the end of the last.
func Offsets(refs []Ref) ([]int64, error) {
	if len(refs) > MaxChunks {
		return nil, fmt.Errorf("%d chunks, want at most %d", len(refs), MaxChunks)
	}
	offs := make([]int64, len(refs)+1)
	for i, r := range refs {
		if r.Size == 0 || r.Size > MaxSize {
			return nil, fmt.Errorf("chunk %d, %v, has %d bytes, want 1 to %d", i, r.ID, r.Size, MaxSize)
		}
		offs[i+1] = offs[i] + int64(r.Size)
	}
	return offs, nil
}

// Size returns the content's length in bytes.
func (v *View) Size() int64 { return v.offs[len(v.refs)] }

// ReadAt implements io.ReaderAt. Errors are those of Get.
func (v *View) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read content at offset %d: negative", off)
	}
	if off >= v.Size() {
		return 0, io.EOF
	}
	i := sort.Search(len(v.refs), func(i int) bool { return v.offs[i+1] > off })
	n := 0
	for ; n < len(p) && i < len(v.refs); i++ {
		m, err := v.copyFrom(i, p[n:], off+int64(n)-v.offs[i])
		if err != nil {
			return n, fmt.Errorf("read content at offset %d: %w", off+int64(n), err)
		}
		n += m
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// copyFrom copies bytes of chunk i from skip on.
func (v *View) copyFrom(i int, p []byte, skip int64) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last != i {
		v.last = -1 // the buffer is about to change
		data, err := v.from.Get(v.ctx, v.refs[i].ID, v.data)
		if err != nil {
			return 0, err
		}
		if len(data) != int(v.refs[i].Size) {
			return 0, fmt.Errorf("chunk %v has %d bytes, the content says %d", v.refs[i].ID, len(data), v.refs[i].Size)
		}
		v.last, v.data = i, data
	}
	return copy(p, v.data[skip:]), nil
}
