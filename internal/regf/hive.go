package regf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Errors that callers branch on.
var (
	ErrCorrupt  = errors.New("the registry hive is damaged or malformed")
	ErrNotFound = errors.New("not in the registry hive")
)

// Bounds on what is read.
const (
	baseSize = 4096
	maxHive  = 1 << 31 // bytes: what its offsets reach
	maxCell  = 1 << 20 // bytes of one cell that are read
	maxKey   = 1 << 10 // bytes of the cell of a key: a name has up to 255 characters
	maxRead  = 1 << 27 // bytes that are read of one hive, all calls together: damaged lists can name one cell many times
	maxValue = 1 << 20 // bytes of one value
)

// Hive is an open hive. It belongs to one goroutine.
type Hive struct {
	r    io.ReaderAt
	size int64
	root uint32
	read int64 // bytes so far
}

// Open opens the hive in the first size bytes of r.
func Open(r io.ReaderAt, size int64) (*Hive, error) {
	b := make([]byte, 48)
	if size < baseSize || size > maxHive {
		return nil, corruptf("%d bytes", size)
	}
	if _, err := r.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("read registry hive: %w", err)
	}
	if string(b[:4]) != "regf" || binary.LittleEndian.Uint32(b[20:]) != 1 {
		return nil, corruptf("it does not begin as one")
	}
	return &Hive{r: r, size: size, root: binary.LittleEndian.Uint32(b[36:])}, nil
}

func corruptf(format string, args ...any) error {
	return fmt.Errorf("read registry hive: %s: %w", fmt.Sprintf(format, args...), ErrCorrupt)
}

// cell reads the contents of the cell at off, up to maxCell of them. They have a mark and at least the given number of bytes.
func (h *Hive) cell(off uint32, mark string, atLeast int) ([]byte, error) {
	return h.start(off, mark, atLeast, maxCell)
}

// start reads up to most bytes of a cell.
func (h *Hive) start(off uint32, mark string, atLeast, most int) ([]byte, error) {
	at := baseSize + int64(off)
	if off&7 != 0 || at+4 > h.size {
		return nil, corruptf("cell at %#x", off)
	}
	var head [4]byte
	if _, err := h.r.ReadAt(head[:], at); err != nil {
		return nil, fmt.Errorf("read registry hive: %w", err)
	}
	n := -int64(int32(binary.LittleEndian.Uint32(head[:]))) - 4
	if n < int64(max(atLeast, len(mark))) || at+4+n > h.size {
		return nil, corruptf("cell at %#x has %d bytes", off, n)
	}
	n = min(n, int64(max(atLeast, most)))
	if h.read += n + 64; h.read > maxRead {
		return nil, corruptf("more than %d bytes are named", maxRead)
	}
	b := make([]byte, n)
	if _, err := h.r.ReadAt(b, at+4); err != nil {
		return nil, fmt.Errorf("read registry hive: %w", err)
	}
	if string(b[:len(mark)]) != mark {
		return nil, corruptf("cell at %#x is no %q", off, mark)
	}
	return b, nil
}
