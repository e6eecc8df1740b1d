package wire

import "encoding/binary"

// Want says which blocks the member lacks. It adds to what was said before. Final: nothing will be added any more.
type Want struct {
	Cast  uint32
	Final bool
	Spans []Span // at most MaxSpans
}

// Length returns the size of the body in bytes.
func (m Want) Length() int { return 5 + spansLength(m.Spans) }

// Append appends the body.
func (m Want) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, m.Cast)
	return appendSpans(appendFlag(dst, m.Final), m.Spans)
}

// ParseWant parses a body.
func ParseWant(b []byte) (Want, error) {
	c := cursor{b: b}
	m := Want{Cast: c.u32(), Final: c.flag(), Spans: c.spans()}
	if err := c.end("Want"); err != nil {
		return Want{}, err
	}
	return m, nil
}
