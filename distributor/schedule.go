package distributor

import (
	"time"

	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// Rules about what is sent next, see docs/protocol.md.
const (
	openMax      = 8                      // open blocks at a time,
	openTime     = 500 * time.Millisecond // or what the rate sends in so long, at least one
	burstMax     = 16                     // symbols in one go,
	burstLossy   = 4                      // or so many when the proactive parity exceeds this
	lossyPpm     = 20_000
	blockTypical = 128 << 10       // bytes
	assembleIn   = 1 * time.Second // the carousel waits so long for the members present to say all they want
)

// Classes of ready blocks.
const (
	classMain     = 0
	classPrologue = 1
)

// carouselEmpty says whether there is nothing but repair to send.
func (m *Machine) carouselEmpty() bool {
	return m.readyN[classMain] == 0 && m.readyN[classPrologue] == 0 && len(m.window) == 0
}

// hasWork says whether there is a symbol to send now.
func (m *Machine) hasWork() bool {
	if m.waitsForMemory() {
		return false
	}
	return m.owed.Len() > 0 || len(m.window) > 0 || m.readyN[classPrologue] > 0 || m.readyN[classMain] > 0 && m.mainMay()
}

// mainMay says whether blocks outside the prologue may be sent: at the start of a cast they wait for the members present to
// say all they want, so that the carousel need not come by again for the slower ones.
func (m *Machine) mainMay() bool {
	if m.mainGoes {
		return true
	}
	if m.mainAsked == machine.Never {
		m.mainAsked = m.now
	}
	all := true
	for _, mb := range m.members {
		all = all && (mb.final || mb.deaf || m.now.Sub(mb.joined) >= 10*time.Second)
	}
	m.mainGoes = all || m.now.Sub(m.mainAsked) >= assembleIn
	return m.mainGoes
}

// burst sends the next burst, if there is anything to send.
func (m *Machine) burst() bool {
	if i, ok := m.nextOwed(); ok {
		b := &m.blocks[i]
		m.send(i, b, true)
		if b.goal > b.sent {
			m.owed.Push(i)
		} else {
			m.tell(i)
		}
		return true
	}
	m.fillWindow()
	if !m.nextOpen() {
		return false
	}
	i := m.window[m.slot]
	b := &m.blocks[i]
	m.send(i, b, false)
	if b.goal > b.sent {
		m.slot++
	} else {
		m.close(i)
	}
	return true
}

// burstLen returns how many symbols of a block go out in one go: fewer where losses are met, for they come in runs.
func (m *Machine) burstLen() uint32 {
	if m.parity > lossyPpm {
		return burstLossy
	}
	return burstMax
}

// send puts out at most burstMax symbols of a block.
func (m *Machine) send(i wire.Block, b *block, repair bool) {
	first := b.next()
	n := min(m.burstLen(), b.goal-b.sent, b.source()+wire.ParitySymbols-first)
	m.out.Push(SendSymbols{Seq: wire.Seq(m.seq + 1), Block: i, First: wire.Symbol(first), Count: int(n)})
	m.seq += uint64(n)
	if m.feeding == 0 || m.now.Sub(m.fed) > gainPause {
		m.feeding = m.now
	}
	m.fed, m.paused = m.now, false
	m.count(b, first, n, repair)
	b.sent += n
	m.pace(b.wireBytes(first, n))
}

func (m *Machine) count(b *block, first, n uint32, repair bool) {
	source := uint32(0)
	if k := b.source(); first < k {
		source = min(n, k-first)
	}
	if repair {
		m.stats.repair += uint64(n)
		return
	}
	m.stats.source += uint64(source)
	m.stats.parity += uint64(n - source)
}

// symbols returns how many symbols were sent.
func (m *Machine) symbols() uint64 { return m.stats.source + m.stats.parity + m.stats.repair }

// openBlocks returns how many blocks may be open: few when they are sent slowly, so that what comes is soon of use.
func (m *Machine) openBlocks() int {
	return int(min(max(mulDiv(m.rate.bps/8, int64(openTime), int64(time.Second))/blockTypical, 1), openMax))
}

// fillWindow opens blocks: prologue first.
func (m *Machine) fillWindow() {
	for len(m.window) < m.openBlocks() {
		i, ok := m.table.take(classPrologue)
		if !ok && m.readyN[classMain] > 0 && m.mainMay() {
			i, ok = m.table.take(classMain)
		}
		if !ok {
			return
		}
		m.open(i)
	}
}

// open puts a block into the window.
func (m *Machine) open(i wire.Block) {
	b := &m.blocks[i]
	if b.state == closed {
		m.closedN--
	}
	need := b.source()
	if b.again > 0 {
		need = uint32(b.again)
	}
	b.state, b.again, b.round, b.unmet = open, 0, 0, 0
	b.pass = b.sent
	b.goal = b.sent + need + m.ahead(b)
	m.refresh(i)
	m.window = append(m.window, i)
}

// close takes a block of which all was sent out of the window.
func (m *Machine) close(i wire.Block) {
	m.unopen(i)
	b := &m.blocks[i]
	b.state = closed
	m.closedN++
	m.refresh(i)
	m.tell(i)
	if b.pass == 0 {
		m.firstQ.Push(at{block: i, time: m.now.Add(3 * m.interval)})
	}
}

// unopen takes a block out of the window.
func (m *Machine) unopen(i wire.Block) {
	for j, w := range m.window {
		if w == i {
			m.window = append(m.window[:j], m.window[j+1:]...)
			if m.slot > j {
				m.slot--
			}
			return
		}
	}
}
