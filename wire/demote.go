package wire

import "encoding/binary"

// Demote tells a member to leave the group and fetch what it lacks over QUIC, for Reason; Promote calls it back.
type Demote struct {
	Cast   uint32
	Reason DemoteReason
}

// DemoteReason says why a member was demoted.
type DemoteReason uint8

// Reasons for a demotion.
const (
	DemoteLoss    DemoteReason = 1 // loses far more than the others
	DemoteBacklog DemoteReason = 2 // its disk does not keep up
	DemoteDeaf    DemoteReason = 3 // multicast does not reach it
	DemoteRate    DemoteReason = 4 // the group's rate is for links of another speed than its own
)

// String returns the word for traces; no reason is "".
func (r DemoteReason) String() string {
	if int(r) < len(demoteReasons) {
		return demoteReasons[r]
	}
	return "unknown"
}

var demoteReasons = [...]string{DemoteLoss: "loss", DemoteBacklog: "backlog", DemoteDeaf: "deaf", DemoteRate: "rate"}

// Length returns the size of the body in bytes.
func (Demote) Length() int { return 5 }

// Append appends the body.
func (m Demote) Append(dst []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, m.Cast), byte(m.Reason))
}

// ParseDemote parses a body.
func ParseDemote(b []byte) (Demote, error) {
	c := cursor{b: b}
	m := Demote{Cast: c.u32(), Reason: DemoteReason(c.u8())}
	if m.Reason < DemoteLoss || m.Reason > DemoteRate {
		c.fail("unknown reason")
	}
	if err := c.end("Demote"); err != nil {
		return Demote{}, err
	}
	return m, nil
}
