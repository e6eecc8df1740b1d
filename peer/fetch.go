package peer

import (
	"slices"
	"time"

	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// Rules about fetching over QUIC.
const (
	backOffMin = 50 * time.Millisecond
	backOffMax = 2 * time.Second
)

// fetches is what is to be fetched, and how fast.
type fetches struct {
	fetchN  int          // blocks in fetchSet
	cursor  uint32       // where to look for the next
	flight  []wire.Block // asked for, not answered; at most FetchMax
	window  int          // fetches allowed at a time: 1..FetchMax
	backOff time.Duration
	pause   machine.Time // none before
}

// unicast takes the sender's word that it will not multicast these blocks for this member.
func (m *Machine) unicast(spans []wire.Span) {
	n := uint32(len(m.blocks))
	added := 0
	for _, s := range spans {
		for i := min(uint32(s.From), n); i < min(uint32(s.To), n); i++ {
			if m.blocks[i].state == wanted && !m.fetchSet.Has(i) {
				m.wantFetch(wire.Block(i))
				added++
			}
		}
	}
	m.event(EventUnicast, 0, int64(added), "")
}

// wantFetch puts a block on the list of those to be fetched.
func (m *Machine) wantFetch(i wire.Block) {
	if m.fetchSet.Has(uint32(i)) {
		return
	}
	m.unclaim(i)
	m.fetchSet.Add(uint32(i))
	m.fetchN++
}

// unfetch takes a block off that list.
func (m *Machine) unfetch(i wire.Block) {
	if m.fetchSet.Has(uint32(i)) {
		m.fetchSet.Remove(uint32(i))
		m.fetchN--
	}
}

// unfetchAll forgets what a lost sender named: the next one is asked anew.
func (m *Machine) unfetchAll() {
	n := uint32(len(m.blocks))
	for i, ok := m.fetchSet.Next(0, n); ok; i, ok = m.fetchSet.Next(i+1, n) {
		if m.blocks[i].bad < badMax {
			m.unfetch(wire.Block(i))
		}
	}
}

// fetchMore begins as many fetches as the window allows.
func (m *Machine) fetchMore() {
	for m.mayFetch() {
		i, ok := m.nextFetch()
		if !ok {
			return
		}
		m.flight = append(m.flight, i)
		m.out.Push(Fetch{Block: i})
	}
}

func (m *Machine) mayFetch() bool {
	return m.linkUp && m.now >= m.pause && m.fetchN > 0 && len(m.flight) < m.window && !m.full
}

// nextFetch returns the next block to be fetched that is not in flight.
func (m *Machine) nextFetch() (wire.Block, bool) {
	n := uint32(len(m.blocks))
	for range 2 {
		for i, ok := m.fetchSet.Next(m.cursor, n); ok; i, ok = m.fetchSet.Next(i+1, n) {
			if !slices.Contains(m.flight, wire.Block(i)) {
				m.cursor = i + 1
				return wire.Block(i), true
			}
		}
		m.cursor = 0
	}
	return 0, false
}

// fetched takes the answer to a Fetch.
func (m *Machine) fetched(in Fetched) {
	j := slices.Index(m.flight, in.Block)
	if j < 0 {
		return
	}
	m.flight = slices.Delete(m.flight, j, j+1)
	if in.Data == nil {
		m.slowDown(in.Block)
		return
	}
	m.backOff = 0
	m.window = min(m.window+1, m.cfg.FetchMax)
	if m.blocks[in.Block].state != wanted {
		return // multicast was faster
	}
	if !m.check(in.Block, in.Data) {
		m.badBlock(in.Block)
		m.slowDown(in.Block)
		return
	}
	m.stats.Fetched++
	m.store(in.Block, in.Data, true)
}

// slowDown makes the next fetches wait and be fewer.
func (m *Machine) slowDown(i wire.Block) {
	m.window = max(1, m.window/2)
	if m.now < m.pause {
		return // one pause for all that failed together
	}
	m.backOff = min(max(2*m.backOff, backOffMin), backOffMax)
	m.pause = m.now.Add(m.backOff)
	m.event(EventBackOff, i, m.backOff.Milliseconds(), "")
}
