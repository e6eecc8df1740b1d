package peer

import "github.com/wimcast/wimcast/wire"

// claimsMax is how many blocks may be on the list of those the sender has closed and this member lacks. Past it an
// announced block waits until it is announced again.
const claimsMax = 1 << 16

// claim is what the member says about a closed block: with its first sent symbols sent, it needs need more.
type claim struct {
	block wire.Block
	sent  uint32
	need  uint32
	seq   wire.Seq // of the announce; a symbol with a smaller one was sent before it
	on    bool
}

// late notes a symbol that came after the announce; if it was sent before it, the claim was too high.
func (c *claim) late(seq wire.Seq) {
	if seq < c.seq && c.need > 0 {
		c.need--
	}
}

// closed handles one entry of an announce.
func (m *Machine) closed(e wire.Closed, seq wire.Seq) {
	if uint64(e.Block) >= uint64(len(m.blocks)) {
		return
	}
	b := &m.blocks[e.Block]
	if b.state != wanted || m.fetchSet.Has(uint32(e.Block)) {
		return
	}
	need := uint32(m.source(e.Block))
	if b.slot > 0 {
		need = uint32(m.pool.slots[b.slot-1].fec.Need())
	}
	if b.claim == 0 {
		if m.claimQ.Len() >= claimsMax {
			return
		}
		m.newClaim(e.Block)
	}
	c := &m.claims[b.claim-1]
	if c.sent <= e.Sent && c.seq < seq {
		c.sent, c.need, c.seq = e.Sent, need, seq
	}
}

func (m *Machine) newClaim(i wire.Block) {
	var at int32
	if n := len(m.freeClaims); n > 0 {
		at, m.freeClaims = m.freeClaims[n-1], m.freeClaims[:n-1]
	} else {
		m.claims = append(m.claims, claim{})
		at = int32(len(m.claims) - 1)
	}
	m.claims[at] = claim{block: i, on: true}
	m.blocks[i].claim = at + 1
	m.claimQ.Push(at)
}

// unclaim ends a claim. Its place is free again when the queue has come to it.
func (m *Machine) unclaim(i wire.Block) {
	if b := &m.blocks[i]; b.claim > 0 {
		m.claims[b.claim-1].on = false
		b.claim = 0
	}
}

// unclaimAll ends all claims: the sender's counts mean nothing any more.
func (m *Machine) unclaimAll() {
	for m.claimQ.Len() > 0 {
		if c := &m.claims[m.claimQ.Pop()]; c.on {
			m.unclaim(c.block)
		}
	}
	m.claims, m.freeClaims = m.claims[:0], m.freeClaims[:0]
}

// deficits returns the next entries for a report, and puts them at the end of the queue.
func (m *Machine) deficits() []wire.Deficit {
	var list []wire.Deficit
	for n := m.claimQ.Len(); n > 0 && len(list) < wire.MaxDeficits; n-- {
		at := m.claimQ.Pop()
		c := &m.claims[at]
		if !c.on {
			m.freeClaims = append(m.freeClaims, at)
			continue
		}
		m.claimQ.Push(at)
		if c.need > 0 {
			list = append(list, wire.Deficit{Block: c.block, Sent: c.sent, Need: uint16(c.need)})
		}
	}
	return list
}
