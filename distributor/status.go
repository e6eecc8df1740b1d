package distributor

import (
	"time"

	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// Phase is what a cast is doing.
type Phase string

// Phases of a cast.
const (
	PhaseIdle     Phase = "idle"     // no member lacks anything
	PhaseStarting Phase = "starting" // waiting for more members before the first symbol
	PhaseSending  Phase = "sending"  // the carousel turns
	PhaseRepair   Phase = "repair"   // everything was sent; deficits are being met
	PhaseUnicast  Phase = "unicast"  // only QUIC is left
	PhaseSilent   Phase = "silent"   // no member has reported for a while: announces only
	PhaseOver     Phase = "over"     // the run has used up its datagrams; a new run is needed
)

// Status is a snapshot of a cast for people. Counters are cumulative within the run.
type Status struct {
	Phase         Phase
	RateBps       int64 // allowed now
	AchievedBps   int64 // really sent in the last round
	Blocks        int
	BlocksDone    int    // blocks that no member lacks
	Datagrams     uint64 // symbols and announces
	WireBytes     uint64 // with all headers, 82 bytes a datagram
	Source        uint64 // source symbols
	Parity        uint64 // parity symbols sent ahead of need
	Repair        uint64 // symbols sent for a deficit
	Announces     uint64
	UnicastBlocks uint64 // blocks handed to QUIC
	ReportEvery   time.Duration
	ParityPpm     int64 // proactive parity, millionths of k
	WaitUntil     machine.Time
	Waiting       machine.Reason
	Members       []MemberStatus // in order of MemberID
}

// MemberStatus is one member's part of a Status.
type MemberStatus struct {
	Member  MemberID
	Name    string
	Wanted  int // blocks it has asked for
	Held    int // of these durable
	Lacks   int // of these not yet durable
	Final   bool
	LossPpm int64  // recent loss, millionths
	Backlog uint64 // bytes decoded but not durable
	Deaf    bool
	Demoted wire.DemoteReason // 0: in the group
	Why     string            // for people: why it is slow, empty when it is not
	Silent  time.Duration     // since its last report
}
