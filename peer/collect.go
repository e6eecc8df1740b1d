package peer

import (
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/wire"
)

// badMax is how often a block may be decoded to something else than its name before it is fetched over QUIC. A later
// version asks for the hashes of its symbols at this point and goes on with multicast.
const badMax = 2

// block is what the machine knows of one block. There are many: it is kept small.
type block struct {
	slot  int32 // index of its slot plus one; 0: nothing is there
	claim int32 // index of its claim plus one; 0: the sender has not said that it was all sent
	state uint8
	bad   uint8
}

// States of a block.
const (
	unwanted uint8 = iota
	wanted         // not verified yet
	storing        // given out by Store, not durable
	held           // durable
)

// symbol handles a symbol datagram.
func (m *Machine) symbol(in *Symbol) {
	h := in.Header
	if !m.hear(h) {
		return
	}
	if uint64(h.Block) >= uint64(len(m.blocks)) || m.cfg.Blocks[h.Block].Size == 0 {
		m.stats.Refused++
		return
	}
	b := &m.blocks[h.Block]
	if b.state != wanted {
		m.stats.Unwanted++
		return
	}
	if b.slot == 0 {
		if m.demotedAway() || m.full {
			m.stats.Shed++
			return
		}
		b.slot = m.pool.take(h.Block, int(m.cfg.Blocks[h.Block].Size)) + 1
	}
	s := b.slot - 1
	sl := &m.pool.slots[s]
	took, err := sl.fec.Add(h.Symbol, in.Payload)
	switch {
	case err != nil:
		m.stats.Refused++
		if sl.fec.Need() == sl.fec.Source() {
			m.release(h.Block)
		}
		return
	case !took:
		m.stats.Duplicate++
		return
	}
	m.stats.Symbols++
	if int(h.Symbol) >= sl.fec.Source() {
		m.pool.charge(s)
	}
	if b.claim > 0 {
		m.claims[b.claim-1].late(h.Seq)
	}
	if sl.fec.Need() == 0 {
		m.decode(h.Block)
	}
	m.makeRoom()
}

// release forgets the symbols of a block.
func (m *Machine) release(i wire.Block) {
	b := &m.blocks[i]
	if b.slot > 0 {
		m.pool.release(b.slot - 1)
		b.slot = 0
	}
}

// makeRoom drops blocks that are partly there while there is too much of them: of two drawn the one that needs more. The
// oldest would be the worst choice, for the carousel brings blocks in order: it would be the next to get what it lacks.
func (m *Machine) makeRoom() {
	for m.pool.bytes > m.cfg.PartialMax {
		n := len(m.pool.used)
		sl, other := &m.pool.slots[m.pool.used[m.rng.IntN(n)]], &m.pool.slots[m.pool.used[m.rng.IntN(n)]]
		if other.fec.Need() > sl.fec.Need() {
			sl = other
		}
		i := sl.block
		have := sl.fec.Source() - sl.fec.Need()
		m.stats.Shed += uint64(have)
		m.event(event.BlockEvicted{Block: uint32(i), Symbols: have})
		m.release(i)
		if b := &m.blocks[i]; b.claim > 0 {
			m.claims[b.claim-1].need = uint32(m.source(i))
		}
	}
}

// source returns a block's k.
func (m *Machine) source(i wire.Block) int {
	return int(m.cfg.Blocks[i].Size+wire.SymbolSize-1) / wire.SymbolSize
}

// decode gives out a block of which enough is there, if it is what its name says.
func (m *Machine) decode(i wire.Block) {
	sl := &m.pool.slots[m.blocks[i].slot-1]
	parity := sl.bytes/wire.SymbolSize - int64(sl.fec.Source())
	data, err := sl.fec.Decode()
	m.release(i)
	if err != nil || !m.check(i, data) {
		m.badBlock(i)
		return
	}
	m.stats.Decoded++
	if parity > 0 {
		m.stats.Repaired++
	}
	m.event(event.BlockDecoded{Block: uint32(i), Parity: int(parity)})
	m.store(i, data, false)
}

// check says whether data is what the block's name says.
func (m *Machine) check(i wire.Block, data []byte) bool {
	return len(data) == int(m.cfg.Blocks[i].Size) && chunk.Sum(data) == m.cfg.Blocks[i].ID
}

// badBlock counts a block that did not match its name, and fetches it when that goes on.
func (m *Machine) badBlock(i wire.Block) {
	b := &m.blocks[i]
	b.bad = min(b.bad+1, 255)
	m.stats.Bad++
	m.event(event.BlockBad{Block: uint32(i), Times: int(b.bad)})
	m.unclaim(i)
	if b.bad >= badMax {
		m.wantFetch(i)
	}
}

// store hands over a verified block.
func (m *Machine) store(i wire.Block, data []byte, quic bool) {
	m.release(i)
	m.unclaim(i)
	m.unfetch(i)
	m.refused = false
	m.blocks[i].state = storing
	m.lackN--
	m.storingN++
	m.backlog += int64(len(data))
	if m.backlog >= m.cfg.BacklogMax && !m.full {
		m.full = true
		m.event(event.BacklogFull{Bytes: m.backlog})
	}
	m.out.Push(Store{Block: i, Data: data, Quic: quic})
}

// stored handles the driver's word that a block is durable.
func (m *Machine) stored(i wire.Block) {
	if uint64(i) >= uint64(len(m.blocks)) || m.blocks[i].state != storing {
		panic("peer: Stored for a block that was not given out")
	}
	m.blocks[i].state = held
	m.storingN--
	m.heldN++
	m.backlog -= int64(m.cfg.Blocks[i].Size)
	if m.full && m.backlog < m.cfg.BacklogMax/4*3 {
		m.full = false
		m.event(event.BacklogRoom{Bytes: m.backlog})
	}
	m.news = append(m.news, i)
	if len(m.news) >= newsMax {
		m.tellHeld()
	}
}
