package wire

import "github.com/wimcast/wimcast/chunk"

// Block is the index of a block in a cast: the position in the manifest at which its chunk first occurs.
type Block uint32

// Symbol is the index of a symbol in its block: 0..k-1 source, k..k+63 parity.
type Symbol uint16

// Seq numbers the datagrams of one run, from 1. It is also the AEAD nonce.
type Seq uint64

// Geometry of a block, see docs/protocol.md.
const (
	SymbolSize    = 1408
	ParitySymbols = 64
	MaxSource     = (chunk.MaxSize + SymbolSize - 1) / SymbolSize // 187
)

// Span is a run of blocks [From, To).
type Span struct{ From, To Block }

// DatagramType tells what a datagram's payload is.
type DatagramType uint8

// Datagram types.
const (
	TypeSymbol   DatagramType = 1
	TypeAnnounce DatagramType = 2
)

// Header is the clear, authenticated head of every multicast datagram.
type Header struct {
	Type   DatagramType
	Symbol Symbol // TypeSymbol only
	Cast   uint32
	Run    uint32 // first four bytes of the run id: selects the key
	Seq    Seq
	Block  Block // TypeSymbol only
}

// Closed is one entry of an Announce: the sender has for now sent all it means to of this block.
type Closed struct {
	Block Block
	Sent  uint32 // symbols of the block sent so far in this run
}

// Announce is the in-band control datagram: lease, feedback rate, and the blocks whose deficits are wanted now.
type Announce struct {
	LeaseMillis  uint16 // a member that hears nothing for so long takes the sender for silent
	ReportMillis uint16 // mean interval between a member's reports
	Closed       []Closed
}

// Deficit is one entry of a Report: with the first Sent symbols of the block sent, the member needs Need more.
type Deficit struct {
	Block Block
	Sent  uint32
	Need  uint16
}

// Report is a member's feedback, sent as a QUIC datagram. Counters are cumulative within a run.
type Report struct {
	Cast       uint32
	Run        uint32
	Serial     uint32 // grows by one a report; the sender ignores older ones
	Highest    Seq    // highest sequence heard
	Received   uint64 // distinct datagrams heard
	First      Seq    // first sequence heard
	BacklogKiB uint32 // decoded but not yet durable
	Deaf       bool   // the sender says it sends, this member hears no multicast
	Deficits   []Deficit
}

// CastInfo describes a running cast to a member: the answer to JoinCast.
type CastInfo struct {
	Cast     uint32
	Epoch    uint32
	Run      [16]byte // run id
	Secret   [32]byte // cast secret
	Sender   [32]byte // sender's node key
	Manifest chunk.ID // BLAKE3 of the signed manifest
	Group    string   // "239.192.7.1:4790" or "[ff15::7:1]:4790"
	RateBps  uint64   // current rate, bits a second
}

// JoinCast asks for the cast of a manifest; the sender starts one if none runs.
type JoinCast struct{ Manifest chunk.ID }

// Want says which blocks the member lacks. It adds to what was said before. Final: nothing will be added any more.
type Want struct {
	Cast  uint32
	Final bool
	Spans []Span
}

// Held says which blocks the member has made durable.
type Held struct {
	Cast  uint32
	Spans []Span
}

// Leave ends a membership.
type Leave struct{ Cast uint32 }

// Progress is the sender's statement over QUIC that it multicasts, so that a deaf member can tell.
type Progress struct {
	Cast    uint32
	Seq     Seq // last sent
	RateBps uint64
}

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
)

// Promote calls a demoted member back into the group.
type Promote struct{ Cast uint32 }

// Unicast names blocks that the sender will not multicast (again) for this member: fetch them over QUIC.
type Unicast struct {
	Cast  uint32
	Spans []Span
}
