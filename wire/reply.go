package wire

import "encoding/binary"

// ReplyStatus says what became of a Fetch or GetManifest.
type ReplyStatus uint8

// Statuses of a Reply.
const (
	ReplyOK      ReplyStatus = 0
	ReplyNotHeld ReplyStatus = 1
	ReplyBusy    ReplyStatus = 2 // ask again later, or elsewhere
)

// Reply answers a Fetch or GetManifest, and precedes what was asked for.
type Reply struct {
	Status ReplyStatus
	Size   uint32 // bytes that follow; 0 unless ReplyOK; at most MaxManifest
}

// Length returns the size of the body in bytes.
func (Reply) Length() int { return 5 }

// Append appends the body.
func (m Reply) Append(dst []byte) []byte {
	return binary.BigEndian.AppendUint32(append(dst, byte(m.Status)), m.Size)
}

// ParseReply parses a body.
func ParseReply(b []byte) (Reply, error) {
	c := cursor{b: b}
	m := Reply{Status: ReplyStatus(c.u8()), Size: c.u32()}
	switch {
	case m.Status > ReplyBusy:
		c.fail("unknown status")
	case m.Size > MaxManifest || m.Status != ReplyOK && m.Size != 0:
		c.fail("length out of range")
	}
	if err := c.end("Reply"); err != nil {
		return Reply{}, err
	}
	return m, nil
}
