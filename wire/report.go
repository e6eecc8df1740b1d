package wire

import "encoding/binary"

// MaxDeficits is the number of deficits one Report carries at most: with the overhead of QUIC it then fits a packet of
// 1200 bytes, which every path carries.
const MaxDeficits = 120

const (
	reportHead  = 47
	deficitSize = 9
)

// Deficit is one entry of a Report: with the first Sent symbols of the block sent, the member needs Need more.
type Deficit struct {
	Block Block
	Sent  uint32
	Need  uint16 // 1..MaxSource
}

// Report is a member's feedback, sent as a QUIC datagram. Counters are cumulative within a run.
type Report struct {
	Cast       uint32
	Run        uint32
	Serial     uint32 // grows by one with each report; the sender ignores older ones
	Highest    Seq    // highest sequence received
	Received   uint64 // distinct datagrams received
	First      Seq    // first sequence received
	Decoded    uint32 // blocks decoded from multicast
	BacklogKiB uint32 // decoded but not yet durable
	Deaf       bool   // the sender says it sends, this member receives no multicast
	Deficits   []Deficit
}

// Length returns the size of the encoding in bytes.
func (r Report) Length() int { return reportHead + deficitSize*len(r.Deficits) }

// Append appends the encoding. More than MaxDeficits entries do not fit a datagram. A Need beyond MaxSource, which no
// block has, is written as MaxSource.
func (r Report) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, r.Cast)
	dst = binary.BigEndian.AppendUint32(dst, r.Run)
	dst = binary.BigEndian.AppendUint32(dst, r.Serial)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Highest))
	dst = binary.BigEndian.AppendUint64(dst, r.Received)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.First))
	dst = binary.BigEndian.AppendUint32(dst, r.Decoded)
	dst = binary.BigEndian.AppendUint32(dst, r.BacklogKiB)
	dst = appendFlag(dst, r.Deaf)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(r.Deficits)))
	for _, d := range r.Deficits {
		dst = binary.BigEndian.AppendUint32(dst, uint32(d.Block))
		dst = binary.BigEndian.AppendUint32(dst, d.Sent)
		dst = append(dst, byte(min(d.Need, MaxSource)))
	}
	return dst
}

// ParseReport parses a report.
func ParseReport(b []byte) (Report, error) {
	c := cursor{b: b}
	r := Report{
		Cast:       c.u32(),
		Run:        c.u32(),
		Serial:     c.u32(),
		Highest:    Seq(c.u64()),
		Received:   c.u64(),
		First:      Seq(c.u64()),
		Decoded:    c.u32(),
		BacklogKiB: c.u32(),
		Deaf:       c.flag(),
	}
	if r.Highest > MaxSeq || r.First > r.Highest || r.Received > uint64(MaxSeq) {
		c.fail("counter out of range")
	}
	if n := c.count(MaxDeficits, deficitSize); n > 0 {
		r.Deficits = make([]Deficit, n)
		for i := range r.Deficits {
			d := Deficit{Block: Block(c.u32()), Sent: c.u32(), Need: uint16(c.u8())}
			if d.Need < 1 || d.Need > MaxSource {
				c.fail("need out of range")
			}
			r.Deficits[i] = d
		}
	}
	if err := c.end("Report"); err != nil {
		return Report{}, err
	}
	return r, nil
}

func appendFlag(dst []byte, set bool) []byte {
	if set {
		return append(dst, 1)
	}
	return append(dst, 0)
}
