package distributor

import (
	"fmt"
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

// Status returns a snapshot for people. It costs time in proportion to the members.
func (m *Machine) Status() Status {
	when, why := m.Deadline()
	s := Status{
		Phase: m.phase(), RateBps: m.rate.bps, AchievedBps: m.rate.achieved,
		Blocks: len(m.blocks), BlocksDone: len(m.blocks) - m.wanted,
		Datagrams: m.seq, WireBytes: uint64(m.stats.wire),
		Source: m.stats.source, Parity: m.stats.parity, Repair: m.stats.repair, Announces: m.stats.announces,
		UnicastBlocks: m.stats.unicast, ReportEvery: m.interval, ParityPpm: m.parity,
		WaitUntil: when, Waiting: why,
	}
	for _, mb := range m.members {
		s.Members = append(s.Members, MemberStatus{
			Member: mb.id, Name: mb.name, Wanted: mb.askedN, Held: mb.askedN - mb.lackN, Lacks: mb.lackN, Final: mb.final,
			LossPpm: mb.loss.smooth, Backlog: uint64(mb.backlog), Deaf: mb.deaf, Demoted: mb.demoted,
			Why: m.whySlow(mb), Silent: m.now.Sub(mb.heard),
		})
	}
	return s
}

func (m *Machine) phase() Phase {
	switch {
	case m.over:
		return PhaseOver
	case m.needing == 0:
		return PhaseIdle
	case m.now < m.start:
		return PhaseStarting
	case m.silent:
		return PhaseSilent
	case m.waiting == 0:
		return PhaseUnicast
	case m.carouselEmpty():
		return PhaseRepair
	}
	return PhaseSending
}

// mbits writes a rate for people.
func mbits(bps int64) string {
	return fmt.Sprintf("%d.%d Mbit/s", bps/1_000_000, bps/100_000%10)
}

// whySlow says in words what holds a member up.
func (m *Machine) whySlow(mb *member) string {
	quiet := m.now.Sub(mb.heard)
	switch {
	case mb.lackN == 0:
		return ""
	case mb.demoted == wire.DemoteDeaf:
		return "multicast does not reach it; it is served over QUIC"
	case mb.demoted == wire.DemoteLoss:
		return "it loses far more than the others; it is served over QUIC until they are done"
	case mb.demoted == wire.DemoteRate:
		return fmt.Sprintf("its link carries about %s; links of another speed are served first, or it over QUIC", mbits(mb.carry.bps))
	case mb.demoted == wire.DemoteBacklog:
		return "its disk does not keep up; it is served over QUIC until the others are done"
	case quiet > max(silenceAfter, silenceReports*m.interval):
		return fmt.Sprintf("no report for %v", quiet.Round(100*time.Millisecond))
	case mb.backlog > troubleBacklog:
		return fmt.Sprintf("%d MiB wait for its disk", mb.backlog>>20)
	case mb.loss.smooth > troubleLossPpm:
		return fmt.Sprintf("it loses %d.%d %% of the datagrams", mb.loss.smooth/10000, mb.loss.smooth/1000%10)
	}
	return ""
}
