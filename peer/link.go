package peer

import (
	"fmt"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
)

// redialEvery is the time from the loss of a connection, or from an attempt that failed, to the next attempt.
const redialEvery = time.Second

// calling is how the machine comes by its connection.
type calling struct {
	begun   bool // lostAt and dialAt are
	linkUp  bool
	dialing bool         // a Dial is not answered
	dialAt  machine.Time // the next one
	lostAt  machine.Time // since when there is no connection
	lastWhy string       // why there is no connection; "": none was lost, and no attempt failed
	queued  bool         // by its last word, the sender has no place
}

// link handles news of the control connection.
func (m *Machine) link(in Link) {
	if m.done || m.failed {
		return
	}
	if !in.Up {
		m.linkLost(in)
		return
	}
	m.linkUp, m.dialing, m.lastWhy, m.queued = true, false, "", false
	m.event(event.LinkUp{})
	if !m.known || in.Run != m.run {
		m.newRun(in.Run)
	}
	m.marked = false
	m.demoted, m.inGroup = 0, true
	m.enterGroup()
	m.heardAt, m.lapsed = m.now, false
	m.unfetchAll()
	m.news = m.news[:0] // a Want says it all
	m.planReport()
	if m.final || m.askedN > 0 {
		m.sayAllWants()
	}
}

// linkLost notes when the connection went.
func (m *Machine) linkLost(in Link) {
	if !m.linkUp {
		return
	}
	m.linkUp, m.lostAt, m.refused = false, m.now, false
	m.event(event.LinkDown{Why: in.Why})
	m.noLink(in.Why, in.Permanent)
}

// dialFailed handles the answer to a Dial that came to nothing.
func (m *Machine) dialFailed(in DialFailed) {
	if !m.dialing || m.done || m.failed {
		return
	}
	m.dialing = false
	if in.Busy {
		m.queue(in.Why)
		return
	}
	m.queued = false
	m.noLink(in.Why, in.Permanent)
}

// queue waits for a place with a sender that has none now. It does answer, so it is not away, and is asked again for as long as it says so.
func (m *Machine) queue(why string) {
	m.dialAt = m.now.Add(redialEvery)
	m.lastWhy, m.lostAt = why, m.dialAt
	if !m.queued {
		m.queued = true
		m.event(event.Queued{Why: why})
	}
}

// noLink plans the next attempt, or gives up where it cannot help.
func (m *Machine) noLink(why string, permanent bool) {
	m.lastWhy = why
	if permanent {
		m.fail(FailedRefused, why)
		return
	}
	m.dialAt = m.now.Add(redialEvery)
	m.event(event.NoLink{Why: why, RetryIn: redialEvery, Limit: m.cfg.LostMax})
}

// waitForLink dials, and gives up when the sender has been gone too long.
func (m *Machine) waitForLink() {
	if m.now.Sub(m.lostAt) >= m.cfg.LostMax {
		why := fmt.Sprintf("the sender has been away for %v", m.cfg.LostMax)
		if m.lastWhy != "" {
			why += ": " + m.lastWhy
		}
		m.fail(FailedLost, why)
		return
	}
	if !m.dialing && m.now >= m.dialAt {
		m.dialing = true
		m.out.Push(Dial{})
	}
}

// linkDeadline says when waitForLink has something to do.
func (m *Machine) linkDeadline() (machine.Time, machine.Reason) {
	when := m.lostAt.Add(m.cfg.LostMax)
	if !m.dialing {
		when = min(when, m.dialAt)
	}
	if m.queued {
		return max(when, m.now), machine.Reason("a place at the sender: " + m.lastWhy)
	}
	if m.lastWhy == "" && !m.known {
		return max(when, m.now), "the connection to the sender"
	}
	return max(when, m.now), machine.Reason(fmt.Sprintf("the sender, which does not answer; given up after %v", m.cfg.LostMax))
}

// fail gives up.
func (m *Machine) fail(cause FailCause, why string) {
	m.failed = true
	m.event(event.GaveUp{Cause: cause.String(), Why: why})
	m.out.Push(Failed{Cause: cause, Why: fmt.Sprintf("%s; %d of %d blocks are held and stay so", why, m.heldN, m.askedN)})
}

// newRun begins to count anew; symbols that are there stay good, for they are the chunk's.
func (m *Machine) newRun(run uint32) {
	if m.known {
		m.event(event.RunChanged{Run: run})
	}
	m.known, m.run = true, run
	m.hearing = hearing{}
	m.deaf = false
	m.interval = intervalStart
	m.unclaimAll()
}
