package wire

import "github.com/wimcast/wimcast/internal/ident"

// GetManifest asks, on a stream of its own, for the signed manifest with this hash. The answer is a Reply and the bytes.
type GetManifest struct{ Hash ident.ManifestHash }

// Length returns the size of the body in bytes.
func (GetManifest) Length() int { return len(ident.ManifestHash{}) }

// Append appends the body.
func (m GetManifest) Append(dst []byte) []byte { return append(dst, m.Hash[:]...) }

// ParseGetManifest parses a body.
func ParseGetManifest(b []byte) (GetManifest, error) {
	c := cursor{b: b}
	var m GetManifest
	c.fill(m.Hash[:])
	if err := c.end("GetManifest"); err != nil {
		return GetManifest{}, err
	}
	return m, nil
}
