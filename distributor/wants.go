package distributor

import (
	"fmt"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/wire"
)

// message handles a stream message of a member.
func (m *Machine) message(in Message) {
	mb := m.member(in.Member)
	if mb == nil {
		return
	}
	switch msg := in.Msg.(type) {
	case wire.Want:
		if msg.Cast == m.cfg.Cast {
			m.want(mb, msg)
		}
	case wire.Held:
		if msg.Cast == m.cfg.Cast {
			m.held(mb, msg.Spans)
		}
	case wire.Leave:
		if msg.Cast == m.cfg.Cast {
			m.remove(mb)
		}
	default:
		m.event(event.MessageRefused{Member: uint32(in.Member), Why: fmt.Sprintf("%T is not a member's to send", in.Msg)})
	}
}

// clip returns s cut to the blocks there are.
func (m *Machine) clip(s wire.Span) (from, to uint32) {
	n := uint32(len(m.blocks))
	return min(uint32(s.From), n), min(uint32(s.To), n)
}

// want merges a member's wants into the table.
func (m *Machine) want(mb *member, msg wire.Want) {
	added := 0
	if len(msg.Spans) > 0 {
		m.late(mb)
	}
	for _, s := range msg.Spans {
		from, to := m.clip(s)
		for {
			i, ok := mb.asked.NextMissing(from, to)
			if !ok {
				break
			}
			from = i + 1
			if m.blocks[i].size == 0 {
				continue
			}
			mb.asked.Add(i)
			mb.lacks.Add(i)
			mb.lackN++
			mb.askedN++
			added++
			if mb.demoted == 0 {
				m.multicast(mb, wire.Block(i))
			}
		}
	}
	mb.final = mb.final || msg.Final
	if added > 0 {
		mb.progress = m.now
	}
	m.event(event.BlocksWanted{Member: uint32(mb.id), Blocks: int(added)})
	m.complete(mb)
}

// multicast makes member and block wait for multicast of each other.
func (m *Machine) multicast(mb *member, i wire.Block) {
	if mb.wants == 0 {
		m.waiting++
	}
	mb.wants++
	m.addWant(i)
}

// unmulticast ends that.
func (m *Machine) unmulticast(mb *member, i wire.Block) {
	mb.wants--
	if mb.wants == 0 {
		m.waiting--
	}
	m.dropWant(i)
}

// held notes what a member has made durable.
func (m *Machine) held(mb *member, spans []wire.Span) {
	for _, s := range spans {
		from, to := m.clip(s)
		for {
			i, ok := mb.lacks.Next(from, to)
			if !ok {
				break
			}
			from = i + 1
			m.holds(mb, wire.Block(i))
		}
	}
	m.complete(mb)
}

// holds notes that a member holds one block that it lacked.
func (m *Machine) holds(mb *member, i wire.Block) {
	mb.lacks.Remove(uint32(i))
	mb.lackN--
	mb.progress = m.now
	mb.durable += int64(m.blocks[i].size)
	switch {
	case mb.quic.Has(uint32(i)):
		mb.quic.Remove(uint32(i))
		m.fetchedBlock(mb, i)
	case mb.demoted == 0:
		m.unmulticast(mb, i)
	}
}

// complete keeps count of the members that may still need something, and tells when a member, and when everyone, has all.
func (m *Machine) complete(mb *member) {
	needs := mb.lackN > 0 || !mb.final
	if needs == mb.needs {
		return
	}
	mb.needs = needs
	if needs {
		m.needing++
		return
	}
	m.needing--
	m.event(event.MemberComplete{Member: uint32(mb.id), Blocks: mb.askedN})
	if m.needing == 0 {
		m.event(event.AllHeld{Members: len(m.members)})
	}
}
