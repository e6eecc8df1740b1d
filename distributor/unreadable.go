package distributor

import "github.com/wimcast/wimcast/wire"

// EventUnreadable says that the driver could not read a block's bytes; N: members that were told to fetch it.
const EventUnreadable EventKind = "unreadable"

// unreadable takes a block that cannot be read out of the carousel: the members that wait for it are told to ask for it over
// QUIC. There they get it when it can be read again, and until then they hear that it cannot be had and when to give up. Who
// comes to want it later makes it eligible for the carousel again, and the driver tries anew. These fetches are not counted as
// in flight: as long as the block cannot be read they take nothing from the other members.
func (m *Machine) unreadable(i wire.Block) {
	if uint64(i) >= uint64(len(m.blocks)) {
		return
	}
	m.memory.notLoaded(i)
	told := int64(0)
	for _, mb := range m.members {
		if mb.demoted != 0 || !mb.lacks.Has(uint32(i)) || mb.quic.Has(uint32(i)) {
			continue
		}
		told++
		m.stats.unicast++
		m.unmulticast(mb, i)
		mb.quic.Add(uint32(i))
		m.out.Push(SendStream{Member: mb.id, Msg: wire.Unicast{Cast: m.cfg.Cast, Spans: []wire.Span{{From: i, To: i + 1}}}})
	}
	m.event(EventUnreadable, 0, i, told, "")
}
