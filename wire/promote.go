package wire

import "encoding/binary"

// Promote calls a demoted member back into the group.
type Promote struct{ Cast uint32 }

// Length returns the size of the body in bytes.
func (Promote) Length() int { return 4 }

// Append appends the body.
func (m Promote) Append(dst []byte) []byte { return binary.BigEndian.AppendUint32(dst, m.Cast) }

// ParsePromote parses a body.
func ParsePromote(b []byte) (Promote, error) {
	c := cursor{b: b}
	m := Promote{Cast: c.u32()}
	if err := c.end("Promote"); err != nil {
		return Promote{}, err
	}
	return m, nil
}
