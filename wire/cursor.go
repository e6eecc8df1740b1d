package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is wrapped by every error of a Parse function.
var ErrMalformed = errors.New("malformed message")

// cursor reads a body from the front. The first failure sticks; end reports it.
type cursor struct {
	b   []byte
	bad string // empty while all is well
}

// fail notes what is wrong.
func (c *cursor) fail(why string) {
	if c.bad == "" {
		c.bad, c.b = why, nil
	}
}

// take returns the next n bytes, or n zero bytes' stand-in nil after a failure.
func (c *cursor) take(n int) []byte {
	if n < 0 || len(c.b) < n {
		c.fail("too short")
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) u8() uint8 {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if b := c.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// fill copies the next len(dst) bytes to dst.
func (c *cursor) fill(dst []byte) { copy(dst, c.take(len(dst))) }

// flag reads a byte that must be 0 or 1.
func (c *cursor) flag() bool {
	v := c.u8()
	if v > 1 {
		c.fail("flag is neither 0 nor 1")
	}
	return v == 1
}

// bytes16 and bytes32 read a length of two or four bytes, at most limit, and a copy of that many bytes.
func (c *cursor) bytes16(limit int) []byte { return c.counted(int(c.u16()), limit) }

func (c *cursor) bytes32(limit int) []byte {
	n := c.u32()
	return c.counted(int(min(n, 1<<31-1)), limit)
}

func (c *cursor) counted(n, limit int) []byte {
	if n > limit {
		c.fail("field too long")
		return nil
	}
	return append([]byte(nil), c.take(n)...)
}

// count reads how many items of size bytes follow: exactly all that is left, and at most limit.
func (c *cursor) count(limit, size int) int {
	n := int(c.u16())
	switch {
	case c.bad != "":
		return 0
	case n > limit:
		c.fail("too many entries")
		return 0
	case len(c.b) != n*size:
		c.fail("count does not match length")
		return 0
	}
	return n
}

// end checks that everything was read and well.
func (c *cursor) end(what string) error {
	if c.bad == "" && len(c.b) > 0 {
		c.bad = "bytes left over"
	}
	if c.bad != "" {
		return fmt.Errorf("parse %s: %w: %s", what, ErrMalformed, c.bad)
	}
	return nil
}

func appendBytes16(dst, b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(b))), b...)
}

func appendBytes32(dst, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
}
