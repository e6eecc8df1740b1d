package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	errShort    = errors.New("cut short")
	errTrailing = errors.New("bytes left over at the end")
)

// parser reads big-endian fields from b. Its first error sticks, and from then on it returns zeros.
type parser struct {
	b   []byte
	err error
}

func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
		p.b = nil
	}
}

// take returns the next n bytes without copying them.
func (p *parser) take(n int) []byte {
	if p.err != nil || n > len(p.b) {
		p.fail(errShort)
		return nil
	}
	out := p.b[:n:n]
	p.b = p.b[n:]
	return out
}

func (p *parser) u8() uint8 {
	if b := p.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (p *parser) u32() uint32 {
	if b := p.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (p *parser) u64() uint64 {
	if b := p.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// b32 reads a key or a hash.
func (p *parser) b32() (out [32]byte) {
	copy(out[:], p.take(len(out)))
	return out
}

// text reads one byte of length and so many bytes.
func (p *parser) text() string { return string(p.take(int(p.u8()))) }

// count reads a 32-bit count of items of at least size bytes each, at most limit, all of which must still be there.
// So a count that passes may size an allocation.
func (p *parser) count(limit, size int, what string) int {
	n := p.u32()
	if p.err != nil {
		return 0
	}
	if uint64(n) > uint64(limit) {
		p.fail(fmt.Errorf("%d %s: at most %d", n, what, limit))
		return 0
	}
	if int(n)*size > len(p.b) {
		p.fail(errShort)
		return 0
	}
	return int(n)
}

// end returns the first error, or one if bytes are left.
func (p *parser) end() error {
	if p.err == nil && len(p.b) > 0 {
		p.fail(errTrailing)
	}
	return p.err
}

// appendText is the other side of parser.text; s has been checked to be at most 255 bytes.
func appendText(b []byte, s string) []byte {
	return append(append(b, uint8(len(s))), s...)
}

// keys reads a list of keys.
func (p *parser) keys(limit int, what string) []PublicKey {
	n := p.count(limit, len(PublicKey{}), what)
	out := make([]PublicKey, 0, n)
	for range n {
		out = append(out, p.b32())
	}
	return out
}

func appendKeys(b []byte, keys []PublicKey) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(keys)))
	for _, k := range keys {
		b = append(b, k[:]...)
	}
	return b
}
