package wire

// Enrol requests enrolment. The payload is package catalog's.
type Enrol struct{ Payload []byte } // at most MaxEnrol bytes

// Length returns the size of the body in bytes.
func (m Enrol) Length() int { return 4 + len(m.Payload) }

// Append appends the body.
func (m Enrol) Append(dst []byte) []byte { return appendBytes32(dst, m.Payload) }

// ParseEnrol parses a body.
func ParseEnrol(b []byte) (Enrol, error) {
	c := cursor{b: b}
	m := Enrol{Payload: c.bytes32(MaxEnrol)}
	if err := c.end("Enrol"); err != nil {
		return Enrol{}, err
	}
	return m, nil
}
