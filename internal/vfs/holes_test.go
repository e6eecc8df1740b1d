package vfs_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/wimcast/wimcast/internal/vfs"
)

// sheet is a file whose writes are remembered.
type sheet struct {
	b       []byte
	written int
}

func (s *sheet) WriteAt(p []byte, off int64) (int, error) {
	s.written += len(p)
	return copy(s.b[off:], p), nil
}

func TestZerosAreWrittenAroundByWholeBlocks(t *testing.T) {
	const size = 40 * vfs.HoleSize
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		want, most := make([]byte, size), 0
		for i := range size / vfs.HoleSize { // blocks of data, of zeros, and of a single byte
			b := want[i*vfs.HoleSize:][:vfs.HoleSize]
			switch rng.IntN(3) {
			case 0:
				b[rng.IntN(len(b))] = 1
				most += len(b)
			case 1:
				for i := range b {
					b[i] = byte(rng.Uint32())
				}
				most += len(b)
			}
		}
		s := &sheet{b: make([]byte, size)}
		for at := 0; at < size; { // in parts that are cut anywhere
			n := min(size-at, 1+rng.IntN(3*vfs.HoleSize))
			if err := vfs.WriteAround(s, want[at:at+n], int64(at)); err != nil {
				t.Fatal(err)
			}
			at += n
		}
		if !bytes.Equal(s.b, want) || s.written > most {
			t.Fatalf("seed %d: wrote %d bytes where %d do", seed, s.written, most)
		}
	}
}
