package wire

import "encoding/binary"

// FetchStatus says what became of a Fetch or GetManifest.
type FetchStatus uint8

// Statuses of a FetchReply.
const (
	FetchOK      FetchStatus = 0
	FetchNotHeld FetchStatus = 1
	FetchBusy    FetchStatus = 2 // ask again later, or elsewhere
)

// FetchReply precedes what was asked for.
type FetchReply struct {
	Status FetchStatus
	Size   uint32 // bytes that follow; 0 unless FetchOK; at most MaxManifest
}

// Length returns the size of the body in bytes.
func (FetchReply) Length() int { return 5 }

// Append appends the body.
func (m FetchReply) Append(dst []byte) []byte {
	return binary.BigEndian.AppendUint32(append(dst, byte(m.Status)), m.Size)
}

// ParseFetchReply parses a body.
func ParseFetchReply(b []byte) (FetchReply, error) {
	c := cursor{b: b}
	m := FetchReply{Status: FetchStatus(c.u8()), Size: c.u32()}
	switch {
	case m.Status > FetchBusy:
		c.fail("unknown status")
	case m.Size > MaxManifest || m.Status != FetchOK && m.Size != 0:
		c.fail("length out of range")
	}
	if err := c.end("FetchReply"); err != nil {
		return FetchReply{}, err
	}
	return m, nil
}
