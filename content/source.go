package content

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
)

// ErrChanged says that what is published changed meanwhile.
var ErrChanged = errors.New("the file changed while it was read")

// OpenConfig says how to open what is to be published.
type OpenConfig struct {
	Kind     catalog.Kind            // 0: what it looks like
	Name     string                  // of the content, which the image made of a folder gets
	Scratch  string                  // a directory with room for a folder's image
	Progress func(done, total int64) // of the reading that comes before Split: an image is checked, a folder captured; nil: not told
}

// Source is something to be published, opened.
type Source struct {
	Kind catalog.Kind
	Size int64 // bytes, at least 1
	Read int64 // bytes that were read to open it

	file   *os.File
	layout chunk.Layout
	holes  bool        // not to be read
	path   string      // of a file that must stay as it was; "": of none
	info   fs.FileInfo // what it was
	remove string      // at the end; "": nothing
}

// Open opens what is to be published. What no client could put down is refused here.
func Open(ctx context.Context, path string, cfg OpenConfig) (*Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	k, known := kindOf(cfg.Kind)
	for i := 0; cfg.Kind == 0 && !known; i++ {
		k, known = kinds[i], kinds[i].is != nil && kinds[i].is(path, info)
	}
	if !known {
		return nil, fmt.Errorf("publish %s: unknown %v", path, cfg.Kind)
	}
	src, err := k.cut(ctx, path, cfg)
	if err != nil {
		return nil, fmt.Errorf("publish %s as %s: %w", path, k.noun, err)
	}
	src.Kind = k.code
	if err := src.limit(); err != nil {
		return nil, errors.Join(fmt.Errorf("publish %s as %s: %w", path, k.noun, err), src.Close())
	}
	return src, nil
}

const (
	// sizeMax is the size in bytes that no content is longer than: 256 GiB.
	sizeMax = int64(chunk.MaxChunks) * chunk.MaxSize
	// evenAbove is how many bytes of data a content may have to be cut where its bytes say: 96 GiB. With more it would have too many chunks.
	evenAbove = int64(chunk.MaxChunks) * chunk.AvgSize / 4 * 3
)

// ErrTooLong says that a content would have more than chunk.MaxChunks chunks. Not a byte of it was read for that.
var ErrTooLong = errors.New("it is too long")

func checkSize(size int64) error {
	if size > sizeMax {
		return fmt.Errorf("%w: it has %d bytes, and a content at most %d chunks of %d KiB: %d GiB", ErrTooLong, size, chunk.MaxChunks, chunk.MaxSize>>10, sizeMax>>30)
	}
	return nil
}

// limit has a long content cut evenly, so that it is known before it is read how many chunks it will have, and refuses one of too many.
func (s *Source) limit() error {
	if err := checkSize(s.Size); err != nil || s.Size <= evenAbove {
		return err
	}
	data, chunks, err := s.measure()
	if err != nil || data <= evenAbove {
		return err
	}
	s.layout.Even = true
	if chunks += int64(2 * len(s.layout.Prologue)); chunks > chunk.MaxChunks {
		return fmt.Errorf("%w: it would have %d chunks, and a content has at most %d", ErrTooLong, chunks, chunk.MaxChunks)
	}
	return nil
}

// measure says how many bytes are read for Split, and how many chunks there are at least. It looks at where holes are and reads nothing.
func (s *Source) measure() (data, chunks int64, err error) {
	for pos := int64(0); pos < s.Size; {
		end, next := s.Size, s.Size
		if s.holes {
			if end, next, err = dataUntil(s.file, pos, s.Size); err != nil {
				return 0, 0, err
			}
		}
		data += end - pos
		chunks += (next - pos + chunk.MaxSize - 1) / chunk.MaxSize
		pos = next
	}
	return data, chunks, nil
}

// Split calls fn for each chunk, in order, with its name. As chunk.Split.
func (s *Source) Split(ctx context.Context, fn func(chunk.Piece, chunk.ID) error) error {
	piece := func(p chunk.Piece) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return fn(p, chunk.Sum(p.Data))
	}
	if s.holes {
		return splitHoles(ctx, s.file, s.Size, s.layout, piece, fn)
	}
	return chunk.Split(&section{s.file, 0, s.Size}, s.layout, piece)
}

// Same fails with ErrChanged when what was read is not what is there now.
func (s *Source) Same() error {
	if s.path == "" {
		return nil // whoever captured it saw to that
	}
	after, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if !os.SameFile(s.info, after) || after.Size() != s.info.Size() || !after.ModTime().Equal(s.info.ModTime()) {
		return ErrChanged
	}
	return nil
}

// Close lets go of it.
func (s *Source) Close() error {
	err := s.file.Close()
	if s.remove != "" {
		err = errors.Join(err, os.Remove(s.remove))
	}
	return err
}

// openRegular opens a file. Anything else is refused before it is opened: opening a pipe may take for ever.
func openRegular(path string) (*Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return nil, errors.New("want a regular file that is not empty")
	}
	if err := checkSize(info.Size()); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Source{Size: info.Size(), file: f, path: path, info: info}, nil
}
