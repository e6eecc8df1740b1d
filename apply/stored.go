package apply

import (
	"fmt"
	"io"
)

// stored is a range of stored bytes of the content: in memory, or left in the file they come from until someone needs them.
type stored struct {
	mem []byte      // nil: in src
	src io.ReaderAt //
	at  int64       // of the first byte, in src
	n   int64
}

// slice returns bytes [from, to) of s.
func (s stored) slice(from, to int64) stored {
	if s.mem != nil {
		return stored{mem: s.mem[from:to], n: to - from}
	}
	return stored{src: s.src, at: s.at + from, n: to - from}
}

// bytes returns the bytes, read into buf, which is made longer if need be, where they are not in memory. It returns buf back.
func (s stored) bytes(buf []byte) (data, kept []byte, err error) {
	if s.mem != nil {
		return s.mem, buf, nil
	}
	if int64(cap(buf)) < s.n {
		buf = make([]byte, s.n, max(s.n, scratchSize))
	}
	buf = buf[:s.n]
	if n, err := s.src.ReadAt(buf, s.at); n < len(buf) {
		return nil, buf, fmt.Errorf("read image at %d: %w", s.at, err)
	}
	return buf, buf, nil
}
