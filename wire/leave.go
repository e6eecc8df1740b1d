package wire

import "encoding/binary"

// Leave ends a membership.
type Leave struct{ Cast uint32 }

// Length returns the size of the body in bytes.
func (Leave) Length() int { return 4 }

// Append appends the body.
func (m Leave) Append(dst []byte) []byte { return binary.BigEndian.AppendUint32(dst, m.Cast) }

// ParseLeave parses a body.
func ParseLeave(b []byte) (Leave, error) {
	c := cursor{b: b}
	m := Leave{Cast: c.u32()}
	if err := c.end("Leave"); err != nil {
		return Leave{}, err
	}
	return m, nil
}
