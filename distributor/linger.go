package distributor

import (
	"fmt"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
)

// lingerFor is how long a cast without members goes on, unless another waits for its place: who comes meanwhile needs no new run.
const lingerFor = 20 * time.Second

// lingering is how long the cast has been without members.
type lingering struct {
	alone   bool
	aloneAt machine.Time // since when
	yields  bool         // another cast waits for this one's place
}

// linger notes since when the cast has been without members.
func (m *Machine) linger() {
	alone := len(m.members) == 0
	if alone != m.alone {
		m.alone, m.aloneAt = alone, m.now
	}
	m.yields = m.yields && alone // who asked asks again
}

// lingers is for how long it goes on without members.
func (m *Machine) lingers() time.Duration {
	if m.yields {
		return 0
	}
	return lingerFor
}

// endLingering ends a cast that has been without members for long enough.
func (m *Machine) endLingering() {
	if m.over || !m.alone || m.now.Sub(m.aloneAt) < m.lingers() {
		return
	}
	m.over = true
	m.event(event.NobodyLeft{For: m.now.Sub(m.aloneAt)})
	m.out.Push(End{Why: fmt.Sprintf("nobody has taken part for %v", m.lingers())})
}

// lingerDeadline says when linger has something to do. A machine that has had no input yet wants one, to learn the time.
func (m *Machine) lingerDeadline() (machine.Time, machine.Reason) {
	if !m.alone {
		return m.now, "its first input"
	}
	return max(m.now, m.aloneAt.Add(m.lingers())), "a member"
}
