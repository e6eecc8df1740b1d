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
	if src.Size > sizeMax {
		src.Close()
		return nil, fmt.Errorf("publish %s: it has %d bytes: a content has at most %d chunks, %d GiB", path, src.Size, chunk.MaxChunks, sizeMax>>30)
	}
	return src, nil
}

// sizeMax is the size in bytes that no content is longer than: 256 GiB.
const sizeMax = int64(chunk.MaxChunks) * chunk.MaxSize

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
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Source{Size: info.Size(), file: f, path: path, info: info}, nil
}
