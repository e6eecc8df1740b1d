package peer

import (
	"slices"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// Rules about fetching over QUIC.
const (
	backOffMin = 50 * time.Millisecond
	backOffMax = 2 * time.Second
	fetchFor   = 30 * time.Second // an answer may take so long; a block has at most 256 KiB

	// lackFor is how long nothing but refusals may come before the machine gives up: what can be had is had first, and somebody
	// may mend the sender meanwhile.
	lackFor = 5 * time.Second
)

// fetches is what is to be fetched, and how fast.
type fetches struct {
	fetchN  int      // blocks in fetchSet
	cursor  uint32   // where to look for the next
	flight  []flying // asked for, not answered, the oldest first; at most FetchMax
	window  int      // fetches allowed at a time: 1..FetchMax
	backOff time.Duration
	pause   machine.Time // none before

	lackTold  int          // how often SourceLacks was told
	refused   bool         // the sender could not give a block, and none has come since
	refusedAt machine.Time // the first time
}

// flying is a fetch that is not answered.
type flying struct {
	block wire.Block
	asked machine.Time
}

// unicast handles the sender's word that it will not multicast these blocks for this member.
func (m *Machine) unicast(spans []wire.Span) {
	m.event(event.BlocksLeftToQuic{Blocks: m.wantFetches(spans)})
}

// wantFetches puts those of the blocks that are lacked on the list of those to be fetched. It returns how many came onto it.
func (m *Machine) wantFetches(spans []wire.Span) (added int) {
	n := uint32(len(m.blocks))
	for _, s := range spans {
		for i := min(uint32(s.From), n); i < min(uint32(s.To), n); i++ {
			if m.blocks[i].state == wanted && !m.fetchSet.Has(i) {
				m.wantFetch(wire.Block(i))
				added++
			}
		}
	}
	return added
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
		m.flight = append(m.flight, flying{block: i, asked: m.now})
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
			if m.flies(wire.Block(i)) < 0 {
				m.cursor = i + 1
				return wire.Block(i), true
			}
		}
		m.cursor = 0
	}
	return 0, false
}

// fetched handles the answer to a Fetch.
func (m *Machine) fetched(in Fetched) {
	j := m.flies(in.Block)
	if j < 0 {
		return
	}
	m.flight = slices.Delete(m.flight, j, j+1)
	if in.Why != FetchGot {
		m.slowDown(in.Block, in.Why.String())
		if in.Why == FetchLacks {
			m.cannotHave(in.Block, FailedLacks, "the sender cannot read a part of what it offers")
		}
		return
	}
	if m.blocks[in.Block].state != wanted {
		m.answered()
		return // multicast was faster
	}
	if !m.check(in.Block, in.Data) {
		m.stats.Wrong++
		m.event(event.FetchWrong{Block: uint32(in.Block), Times: int(m.stats.Wrong)})
		m.badBlock(in.Block)
		m.slowDown(in.Block, "wrong bytes")
		m.cannotHave(in.Block, FailedWrong, "the sender sends wrong bytes")
		return
	}
	m.answered()
	m.stats.Fetched++
	m.store(in.Block, in.Data, true)
}

// answered lets more fetches go out at a time.
func (m *Machine) answered() {
	m.backOff = 0
	m.window = min(m.window+1, m.cfg.FetchMax)
}

// flies returns the place of a block in flight; negative: it is not there.
func (m *Machine) flies(i wire.Block) int {
	return slices.IndexFunc(m.flight, func(f flying) bool { return f.block == i })
}

// cannotHave notes that the sender did not give a block that it offers, and gives up when nothing else comes for a while.
func (m *Machine) cannotHave(i wire.Block, cause FailCause, why string) {
	if m.blocks[i].state != wanted {
		return
	}
	if !m.refused {
		m.refused, m.refusedAt = true, m.now
		m.lackTold++
		m.event(event.SourceLacks{Block: uint32(i), Why: why, Times: m.lackTold})
	}
	if m.now.Sub(m.refusedAt) >= lackFor {
		m.fail(cause, why)
	}
}

// cancelStalled ends fetches that have taken too long; they are made again.
func (m *Machine) cancelStalled() {
	for len(m.flight) > 0 && m.now.Sub(m.flight[0].asked) >= fetchFor {
		i := m.flight[0].block
		m.flight = slices.Delete(m.flight, 0, 1)
		m.out.Push(Cancel{Block: i})
		m.event(event.FetchStalled{Block: uint32(i), After: fetchFor})
		m.slowDown(i, "no answer")
	}
}

// slowDown makes the next fetches wait and be fewer.
func (m *Machine) slowDown(i wire.Block, why string) {
	m.window = max(1, m.window/2)
	if m.now < m.pause {
		return // one pause for all that failed together
	}
	m.backOff = min(max(2*m.backOff, backOffMin), backOffMax)
	m.pause = m.now.Add(m.backOff)
	m.event(event.FetchesPaused{Block: uint32(i), Pause: m.backOff, Why: why})
}
