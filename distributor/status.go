package distributor

import (
	"fmt"
	"time"

	"github.com/wimcast/wimcast/internal/event"
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

// Status is a snapshot of a cast for people, and what it is called in JSON: whoever shows a cast shows this. Counters are cumulative
// within the run.
type Status struct {
	Phase         Phase          `json:"phase"`
	RateBps       event.Bps      `json:"rate_mbps"`     // allowed now
	AchievedBps   event.Bps      `json:"achieved_mbps"` // really sent in the last round
	Blocks        int            `json:"blocks"`
	BlocksDone    int            `json:"blocks_done"`    // blocks that no member lacks
	WireBytes     uint64         `json:"wire_bytes"`     // with all headers, 82 bytes per datagram
	Source        uint64         `json:"source_symbols"` // source symbols
	Parity        uint64         `json:"parity_symbols"` // parity symbols sent ahead of need
	Repair        uint64         `json:"repair_symbols"` // symbols sent for a deficit
	UnicastBlocks uint64         `json:"quic_blocks"`    // blocks handed to QUIC
	Waiting       machine.Reason `json:"waiting,omitempty"`
	Wait          event.Seconds  `json:"wait_seconds,omitempty"` // until that; whoever knows the time says it
	Members       []MemberStatus `json:"members"`                // in order of MemberID
}

// MemberStatus is one member's part of a Status.
type MemberStatus struct {
	Name     string    `json:"name"`          // which several may have
	Node     string    `json:"id"`            // first digits of its key
	Address  string    `json:"address"`       // at which it is
	Held     int       `json:"held"`          // blocks durable
	Wanted   int       `json:"wanted"`        // blocks it has asked for
	LossPpm  event.Ppm `json:"loss_percent"`  // recent loss
	Backlog  uint64    `json:"backlog_bytes"` // decoded but not durable
	Deaf     bool      `json:"deaf"`
	Demoted  bool      `json:"demoted"`       // it is to fetch over QUIC
	Why      string    `json:"why,omitempty"` // for people: why it is slow, empty when it is not
	SilentMs int64     `json:"silent_ms"`     // since its last report
}

// Status returns a snapshot for people. It costs time in proportion to the members.
func (m *Machine) Status() Status {
	_, why := m.Deadline()
	s := Status{
		Phase: m.phase(), RateBps: event.Bps(m.rate.bps), AchievedBps: event.Bps(m.rate.achieved),
		Blocks: len(m.blocks), BlocksDone: len(m.blocks) - m.wanted, WireBytes: uint64(m.stats.wire),
		Source: m.stats.source, Parity: m.stats.parity, Repair: m.stats.repair, UnicastBlocks: m.stats.unicast,
		Waiting: why, Members: make([]MemberStatus, 0, len(m.members)),
	}
	for _, mb := range m.members {
		s.Members = append(s.Members, MemberStatus{
			Name: mb.who.Name, Node: mb.who.Node, Address: mb.who.Address, Wanted: mb.askedN, Held: mb.askedN - mb.lackN, LossPpm: event.Ppm(mb.loss.smooth), Backlog: uint64(mb.backlog),
			Deaf: mb.deaf, Demoted: mb.demoted != 0, Why: m.whySlow(mb), SilentMs: m.now.Sub(mb.heard).Milliseconds(),
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
