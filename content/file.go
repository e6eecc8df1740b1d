package content

import (
	"context"
	"io"
	"os"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/content/device"
)

// cutFile opens a file of any bytes.
func cutFile(_ context.Context, path string, _ OpenConfig) (*Source, error) {
	s, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	s.holes = true
	return s, nil
}

// diskAlign is what a device and most file systems have as their smallest piece, in bytes.
const diskAlign = 4096

// cutDisk opens a disk image. Its cuts are aligned, so that no device has to read a page before a part of it is written; and file systems
// move files by whole clusters, so cuts move along with what they keep apart.
func cutDisk(ctx context.Context, path string, cfg OpenConfig) (*Source, error) {
	s, err := cutFile(ctx, path, cfg)
	if err != nil {
		return nil, err
	}
	s.layout.Align = diskAlign
	return s, nil
}

// holeMin is the size in bytes from which on a hole is not read. Cuts fall at both ends of it, so there may be one chunk more.
const holeMin = 1 << 20

// splitHoles splits a file as chunk.Split does, but for its holes: those are chunks of zeros of the largest size. What of a hole is less
// than such a chunk goes with the data before it, so that data begins a chunk wherever a hole ends.
func splitHoles(ctx context.Context, f *os.File, size int64, layout chunk.Layout, piece func(chunk.Piece) error, fn func(chunk.Piece, chunk.ID) error) error {
	zeros := make([]byte, chunk.MaxSize)
	zeroID := chunk.Sum(zeros)
	for pos := int64(0); pos < size; {
		end, next, err := dataUntil(f, pos, size)
		if err != nil {
			return err
		}
		end += (next - end) % chunk.MaxSize
		start := pos
		err = chunk.Split(&section{f, start, end}, layout, func(p chunk.Piece) error {
			p.Offset += start
			return piece(p)
		})
		if err != nil {
			return err
		}
		for pos = end; pos < next; pos += chunk.MaxSize {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(chunk.Piece{Offset: pos, Data: zeros}, zeroID); err != nil {
				return err
			}
		}
	}
	return nil
}

// dataUntil returns where the data from pos on ends, small holes included, and where the next data begins.
func dataUntil(f *os.File, pos, size int64) (end, next int64, err error) {
	for end = pos; end < size; {
		start, stop, err := device.NextData(f, end, size)
		if err != nil {
			return 0, 0, err
		}
		if start-end >= holeMin {
			return end, start, nil
		}
		end = stop
		if start == size {
			end = size
		}
	}
	return size, size, nil
}

// section reads the bytes [off, end) of a file. It stops short where the file does, and goes no further when the file has grown.
type section struct {
	f        *os.File
	off, end int64
}

func (s *section) Read(p []byte) (int, error) {
	if s.off >= s.end {
		return 0, io.EOF
	}
	n, err := s.f.ReadAt(p[:min(int64(len(p)), s.end-s.off)], s.off)
	s.off += int64(n)
	if err == io.EOF && n > 0 {
		err = nil
	}
	return n, err
}
