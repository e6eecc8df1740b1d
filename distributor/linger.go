package distributor

import (
	"fmt"
	"time"

	"github.com/wimcast/wimcast/internal/machine"
)

// lingerFor is how long a cast without members goes on: who comes meanwhile needs no new run.
const lingerFor = 20 * time.Second

// EventEnded says that the cast ended because nobody took part any more; N: milliseconds without a member.
const EventEnded EventKind = "ended"

// lingering is how long the cast has been without members.
type lingering struct {
	alone   bool
	aloneAt machine.Time // since when
}

// linger notes since when the cast has been without members.
func (m *Machine) linger() {
	if alone := len(m.members) == 0; alone != m.alone {
		m.alone, m.aloneAt = alone, m.now
	}
}

// endLingering ends a cast that has been without members for long enough.
func (m *Machine) endLingering() {
	if m.over || !m.alone || m.now.Sub(m.aloneAt) < lingerFor {
		return
	}
	m.over = true
	m.event(EventEnded, 0, 0, m.now.Sub(m.aloneAt).Milliseconds(), "")
	m.out.Push(End{Why: fmt.Sprintf("nobody has taken part for %v", lingerFor)})
}

// lingerDeadline says when linger has something to do. A machine that has had no input yet wants one, to learn the time.
func (m *Machine) lingerDeadline() (machine.Time, machine.Reason) {
	if !m.alone {
		return m.now, "its first input"
	}
	return max(m.now, m.aloneAt.Add(lingerFor)), "a member"
}
