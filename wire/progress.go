package wire

import "encoding/binary"

// Progress is the sender's statement over QUIC that it multicasts, so that a deaf member can tell.
type Progress struct {
	Cast    uint32
	Seq     Seq // last sent
	RateBps uint64
}

// Length returns the size of the body in bytes.
func (Progress) Length() int { return 20 }

// Append appends the body.
func (m Progress) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, m.Cast)
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.Seq))
	return binary.BigEndian.AppendUint64(dst, m.RateBps)
}

// ParseProgress parses a body.
func ParseProgress(b []byte) (Progress, error) {
	c := cursor{b: b}
	m := Progress{Cast: c.u32(), Seq: Seq(c.u64()), RateBps: c.u64()}
	if m.Seq > MaxSeq {
		c.fail("sequence out of range")
	}
	if err := c.end("Progress"); err != nil {
		return Progress{}, err
	}
	return m, nil
}
