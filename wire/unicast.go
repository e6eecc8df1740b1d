package wire

import "encoding/binary"

// Unicast names blocks that the sender will not multicast (again) for this member: fetch them over QUIC.
type Unicast struct {
	Cast  uint32
	Spans []Span // at most MaxSpans
}

// Length returns the size of the body in bytes.
func (m Unicast) Length() int { return 4 + spansLength(m.Spans) }

// Append appends the body.
func (m Unicast) Append(dst []byte) []byte {
	return appendSpans(binary.BigEndian.AppendUint32(dst, m.Cast), m.Spans)
}

// ParseUnicast parses a body.
func ParseUnicast(b []byte) (Unicast, error) {
	c := cursor{b: b}
	m := Unicast{Cast: c.u32(), Spans: c.spans()}
	if err := c.end("Unicast"); err != nil {
		return Unicast{}, err
	}
	return m, nil
}
