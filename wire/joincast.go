package wire

import "github.com/wimcast/wimcast/internal/ident"

// JoinCast requests membership in the cast of a manifest; the sender starts one if none runs.
type JoinCast struct{ Manifest ident.ManifestHash }

// Length returns the size of the body in bytes.
func (JoinCast) Length() int { return len(ident.ManifestHash{}) }

// Append appends the body.
func (m JoinCast) Append(dst []byte) []byte { return append(dst, m.Manifest[:]...) }

// ParseJoinCast parses a body.
func ParseJoinCast(b []byte) (JoinCast, error) {
	c := cursor{b: b}
	var m JoinCast
	c.fill(m.Manifest[:])
	if err := c.end("JoinCast"); err != nil {
		return JoinCast{}, err
	}
	return m, nil
}
