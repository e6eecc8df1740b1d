package distributor

import (
	"slices"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/wire"
)

// Rules about QUIC, see docs/protocol.md.
const (
	flightMax     = 256     // blocks named to a member and neither fetched nor held
	flightBytes   = 8 << 20 // their bytes
	flightLeast   = 1 << 19 // they may always be so much,
	flightShare   = 2       // or what the member's link carries in one part in so many of a second
	flightMetered = 1 << 20 // the same while others are in the group
	meterShare    = 24      // demoted members together get one part in so many of the rate while others are in the group
	spansMax      = 64      // spans in one Unicast
)

// offerNow names one block to a member of the group.
func (m *Machine) offerNow(mb *member, i wire.Block) {
	if !m.offerable(mb, i, flightBytes) {
		return
	}
	m.event(event.BlockToQuic{Member: uint32(mb.id), Block: uint32(i), Rounds: int(m.blocks[i].round)})
	m.unmulticast(mb, i)
	m.take(mb, i)
	m.out.Push(SendStream{Member: mb.id, Msg: wire.Unicast{Cast: m.cfg.Cast, Spans: []wire.Span{{From: i, To: i + 1}}}})
}

func (m *Machine) offerable(mb *member, i wire.Block, limit int64) bool {
	return len(mb.flight) < flightMax && mb.flightB+int64(m.blocks[i].size) <= limit
}

// take notes that a block was named to a member.
func (m *Machine) take(mb *member, i wire.Block) {
	mb.quic.Add(uint32(i))
	mb.flight = append(mb.flight, i)
	mb.flightB += int64(m.blocks[i].size)
	m.stats.unicast++
}

// fetched handles the driver's word that it served a block to a member.
func (m *Machine) fetched(in Fetched) {
	mb := m.member(in.Member)
	if mb == nil || uint64(in.Block) >= uint64(len(m.blocks)) {
		return
	}
	mb.progress = m.now
	m.fetchedBlock(mb, in.Block)
	if mb.alone && mb.demoted != 0 && mb.lackN > 0 {
		limit, metered := m.allowance()
		m.serveOne(mb, limit, metered)
	}
}

func (m *Machine) fetchedBlock(mb *member, i wire.Block) {
	if j := slices.Index(mb.flight, i); j >= 0 {
		mb.flight = slices.Delete(mb.flight, j, j+1)
		mb.flightB -= int64(m.blocks[i].size)
		mb.fetchedB += int64(m.blocks[i].size)
	}
}

// serve names more blocks to demoted members, as far as their share of the rate goes.
func (m *Machine) serve() {
	if !m.started || m.now < m.start {
		return
	}
	limit, metered := m.allowance()
	n := len(m.members)
	for range n {
		m.turn++
		mb := m.members[m.turn%n]
		if mb.alone && mb.demoted != 0 && mb.lackN > 0 {
			m.serveOne(mb, limit, metered)
		}
	}
}

// allowance fills the meter of the demoted members' share and returns how much may be in flight to one of them.
func (m *Machine) allowance() (limit int64, metered bool) {
	since := m.now.Sub(m.metered)
	m.metered = m.now
	if m.waiting == 0 {
		return flightBytes, false
	}
	bps := m.rate.bps
	if m.rate.peak > 0 {
		bps = min(bps, m.rate.peak)
	}
	bps = max(bps/meterShare, m.rate.peak-bps-m.rate.peak/meterShare)
	m.meter = min(m.meter+mulDiv(bps/8, int64(since), 1e9), flightMetered)
	return flightMetered, true
}

func (m *Machine) serveOne(mb *member, limit int64, metered bool) {
	var spans []wire.Span
	if mb.carry.guess { // no more than its link takes soon: what is under way cannot be multicast
		bps := mb.carry.bps
		if mb.carry.lent { // so far it is only known what has come over QUIC
			bps = mulDiv(mb.fetchedB*8, int64(time.Second), int64(max(m.now.Sub(mb.demotedAt), time.Millisecond)))
		}
		limit = min(limit, max(flightLeast, bps/8/flightShare))
	}
	for len(spans) < spansMax {
		i, ok := m.nextOffer(mb)
		if !ok || !m.offerable(mb, i, limit) || metered && m.meter <= 0 {
			break
		}
		if metered {
			m.meter -= int64(m.blocks[i].size)
		}
		m.take(mb, i)
		if last := len(spans) - 1; last >= 0 && spans[last].To == i {
			spans[last].To = i + 1
		} else {
			spans = append(spans, wire.Span{From: i, To: i + 1})
		}
	}
	if len(spans) > 0 {
		m.out.Push(SendStream{Member: mb.id, Msg: wire.Unicast{Cast: m.cfg.Cast, Spans: spans}})
	}
}

// nextOffer returns the next block a demoted member lacks that was not named to it: prologue first, then in order.
func (m *Machine) nextOffer(mb *member) (wire.Block, bool) {
	for _, i := range m.prologue {
		if mb.lacks.Has(uint32(i)) && !mb.quic.Has(uint32(i)) {
			return i, true
		}
	}
	n := uint32(len(m.blocks))
	for range 2 {
		for i, ok := mb.lacks.Next(mb.offer, n); ok; i, ok = mb.lacks.Next(i+1, n) {
			if !mb.quic.Has(i) {
				mb.offer = i + 1
				return wire.Block(i), true
			}
		}
		mb.offer = 0
	}
	return 0, false
}
