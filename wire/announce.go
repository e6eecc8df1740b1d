package wire

import "encoding/binary"

// MaxClosed is the number of closed blocks one Announce names at most: it then fills a datagram.
const MaxClosed = (SymbolSize - announceHead) / closedSize // 175

const (
	announceHead = 6
	closedSize   = 8
)

// Closed is one entry of an Announce: the sender has for now sent all it means to of this block.
type Closed struct {
	Block Block
	Sent  uint32 // symbols of the block sent so far in this run
}

// Announce is the in-band control datagram: lease, feedback rate, and the blocks whose deficits are wanted now.
type Announce struct {
	LeaseMillis  uint16 // a member that receives nothing for so long regards the sender as silent
	ReportMillis uint16 // mean interval between a member's reports
	Closed       []Closed
}

// Length returns the size of the encoding in bytes, at most SymbolSize.
func (a Announce) Length() int { return announceHead + closedSize*len(a.Closed) }

// Append appends the encoding. More than MaxClosed entries do not fit a datagram.
func (a Announce) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, a.LeaseMillis)
	dst = binary.BigEndian.AppendUint16(dst, a.ReportMillis)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(a.Closed)))
	for _, c := range a.Closed {
		dst = binary.BigEndian.AppendUint32(dst, uint32(c.Block))
		dst = binary.BigEndian.AppendUint32(dst, c.Sent)
	}
	return dst
}

// ParseAnnounce parses the plaintext of an announce datagram.
func ParseAnnounce(b []byte) (Announce, error) {
	c := cursor{b: b}
	a := Announce{LeaseMillis: c.u16(), ReportMillis: c.u16()}
	if n := c.count(MaxClosed, closedSize); n > 0 {
		a.Closed = make([]Closed, n)
		for i := range a.Closed {
			a.Closed[i] = Closed{Block: Block(c.u32()), Sent: c.u32()}
		}
	}
	if err := c.end("Announce"); err != nil {
		return Announce{}, err
	}
	return a, nil
}
