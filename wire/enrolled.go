package wire

// Enrolled answers Enrol. The payload is package catalog's.
type Enrolled struct{ Payload []byte } // at most MaxEnrolled bytes

// Length returns the size of the body in bytes.
func (m Enrolled) Length() int { return 4 + len(m.Payload) }

// Append appends the body.
func (m Enrolled) Append(dst []byte) []byte { return appendBytes32(dst, m.Payload) }

// ParseEnrolled parses a body.
func ParseEnrolled(b []byte) (Enrolled, error) {
	c := cursor{b: b}
	m := Enrolled{Payload: c.bytes32(MaxEnrolled)}
	if err := c.end("Enrolled"); err != nil {
		return Enrolled{}, err
	}
	return m, nil
}
