package wire

import "encoding/binary"

// Held says which blocks the member has made durable.
type Held struct {
	Cast  uint32
	Spans []Span // at most MaxSpans
}

// Length returns the size of the body in bytes.
func (m Held) Length() int { return 4 + spansLength(m.Spans) }

// Append appends the body.
func (m Held) Append(dst []byte) []byte {
	return appendSpans(binary.BigEndian.AppendUint32(dst, m.Cast), m.Spans)
}

// ParseHeld parses a body.
func ParseHeld(b []byte) (Held, error) {
	c := cursor{b: b}
	m := Held{Cast: c.u32(), Spans: c.spans()}
	if err := c.end("Held"); err != nil {
		return Held{}, err
	}
	return m, nil
}
