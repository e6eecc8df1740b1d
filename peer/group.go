package peer

import (
	"fmt"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/wire"
)

// Rules about being in the group.
const (
	deafProgress  = 2  // Progress messages in a row
	deafDatagrams = 32 // that tell of so many datagrams, of which none was received

	joinAgainMin    = 100 * time.Millisecond // from the first joining to the second
	joinAgainSpread = 700 * time.Millisecond // and at most so much more
	refreshEvery    = 100 * time.Second      // from the second on
	refreshSpread   = 25 * time.Second
	rejoinEvery     = 5 * time.Second // while deaf
)

// hearing is what the member received of the run.
type hearing struct {
	first, highest wire.Seq
	received       uint64

	markSeq wire.Seq // of the Progress after which it last received something
	marked  bool
	markAt  uint64 // received then
	quiet   int    // Progress messages since without hearing
}

// hear counts an authenticated datagram. It returns false for one of another cast or run.
func (m *Machine) hear(h wire.Header) bool {
	if h.Cast != m.cfg.Cast || h.Run != m.run || !m.known {
		m.stats.Refused++
		return false
	}
	if m.received == 0 {
		m.first = h.Seq
	}
	m.received++
	m.highest = max(m.highest, h.Seq)
	m.heardAt, m.lapsed = m.now, false
	if m.deaf {
		m.deaf = false
		m.reportAt = m.now
		m.event(event.Hears{})
	}
	return true
}

// announce handles an announce datagram.
func (m *Machine) announce(in Announce) {
	if !m.hear(in.Header) {
		return
	}
	m.lease = time.Duration(in.Announce.LeaseMillis) * time.Millisecond
	m.setInterval(time.Duration(in.Announce.ReportMillis) * time.Millisecond)
	if m.demotedAway() {
		return
	}
	for _, e := range in.Announce.Closed {
		m.closed(e, in.Header.Seq)
	}
}

// message handles a stream message of the sender.
func (m *Machine) message(msg any) {
	switch msg := msg.(type) {
	case wire.Progress:
		m.progress(msg)
	case wire.Demote:
		m.demote(msg.Reason)
	case wire.Promote:
		m.promote()
	case wire.Unicast:
		m.unicast(msg.Spans)
	default:
		m.event(event.AnswerRefused{Why: fmt.Sprintf("%T is not the sender's to send", msg)})
	}
}

// progress compares what the sender says it multicast with what was received.
func (m *Machine) progress(p wire.Progress) {
	if m.demotedAway() || m.deaf {
		return
	}
	if !m.marked || m.received != m.markAt {
		m.marked, m.markAt, m.markSeq, m.quiet = true, m.received, p.Seq, 0
		return
	}
	m.quiet++
	if m.quiet >= deafProgress && p.Seq >= m.markSeq+deafDatagrams {
		m.deaf = true
		m.reportAt, m.joinAt = m.now, m.now // a switch may have forgotten this port: joining again reminds it
		m.event(event.Deaf{Missed: uint64(p.Seq - m.markSeq)})
	}
}

// demotedAway says whether the member has left the group on the sender's word.
func (m *Machine) demotedAway() bool { return m.demoted != 0 && m.demoted != wire.DemoteDeaf }

// demote leaves the group; a deaf member stays in it, to notice when it hears again.
func (m *Machine) demote(reason wire.DemoteReason) {
	m.event(event.Demoted{Reason: reason.String()})
	m.demoted = reason
	if reason == wire.DemoteDeaf {
		return
	}
	for n := len(m.pool.used); n > 0; n-- {
		m.release(m.pool.slots[m.pool.used[n-1]].block)
	}
	m.unclaimAll()
	m.out.Push(Group{Join: false})
}

// promote comes back into the group.
func (m *Machine) promote() {
	away := m.demotedAway()
	m.demoted = 0
	m.marked = false
	m.event(event.Promoted{})
	if away {
		m.enterGroup()
	}
}

// enterGroup joins the group, and plans to join again soon, at a moment of the member's own: in IGMPv2 a host that hears
// another's report keeps its own back, so the first word of a host may never reach the switch.
func (m *Machine) enterGroup() {
	m.out.Push(Group{Join: true})
	m.joinAt = m.now.Add(joinAgainMin + m.jitter(joinAgainSpread))
}

// joinAgain joins the group once more when it is time. Where no router asks (IGMP querier) a switch forgets a port after 260 s.
func (m *Machine) joinAgain() {
	if m.demotedAway() || m.now < m.joinAt {
		return
	}
	m.out.Push(Group{Join: true})
	if m.deaf {
		m.joinAt = m.now.Add(rejoinEvery)
		return
	}
	m.joinAt = m.now.Add(refreshEvery + m.jitter(refreshSpread))
}

// jitter draws up to most.
func (m *Machine) jitter(most time.Duration) time.Duration {
	return time.Duration(m.joinRng.Int64N(int64(most)))
}
