package wire

import "github.com/wimcast/wimcast/chunk"

// Fetch requests a chunk, on a stream of its own. The answer is a Reply and the chunk's bytes.
type Fetch struct{ ID chunk.ID }

// Length returns the size of the body in bytes.
func (Fetch) Length() int { return len(chunk.ID{}) }

// Append appends the body.
func (m Fetch) Append(dst []byte) []byte { return append(dst, m.ID[:]...) }

// ParseFetch parses a body.
func ParseFetch(b []byte) (Fetch, error) {
	c := cursor{b: b}
	var m Fetch
	c.fill(m.ID[:])
	if err := c.end("Fetch"); err != nil {
		return Fetch{}, err
	}
	return m, nil
}
