package wire

// GetHead requests the newest head.
type GetHead struct{ Nonce Nonce }

// Length returns the size of the body in bytes.
func (m GetHead) Length() int { return len(m.Nonce) }

// Append appends the body.
func (m GetHead) Append(dst []byte) []byte { return append(dst, m.Nonce[:]...) }

// ParseGetHead parses a body.
func ParseGetHead(b []byte) (GetHead, error) {
	c := cursor{b: b}
	var m GetHead
	c.fill(m.Nonce[:])
	if err := c.end("GetHead"); err != nil {
		return GetHead{}, err
	}
	return m, nil
}
