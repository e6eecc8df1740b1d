package wire

// Head answers GetHead with the newest head and the root it stands on.
type Head struct {
	Fresh  [64]byte // the site's signature over GetHead.Nonce and the hash of Signed
	Root   []byte   // signed root, at most MaxRoot bytes
	Signed []byte   // signed head, at most MaxHead bytes
}

// Length returns the size of the body in bytes.
func (m Head) Length() int { return len(m.Fresh) + 4 + len(m.Root) + 4 + len(m.Signed) }

// Append appends the body.
func (m Head) Append(dst []byte) []byte {
	return appendBytes32(appendBytes32(append(dst, m.Fresh[:]...), m.Root), m.Signed)
}

// ParseHead parses a body.
func ParseHead(b []byte) (Head, error) {
	c := cursor{b: b}
	var m Head
	c.fill(m.Fresh[:])
	m.Root = c.bytes32(MaxRoot)
	m.Signed = c.bytes32(MaxHead)
	if err := c.end("Head"); err != nil {
		return Head{}, err
	}
	return m, nil
}
