package distributor

import (
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// Rules about repair, see docs/protocol.md.
const (
	repairsMax     = 1 << 16 // blocks with deficits not yet decided upon; past it a deficit waits for its next report
	budgetShare    = 32      // a member's repair budget fills by one symbol in so many sent
	budgetStart    = 256 * budgetShare
	budgetMax      = 4096 * budgetShare
	spareRounds    = 2       // after so many rounds a repair has a symbol more each round,
	spareMax       = 8       // up to so many
	unmetMax       = 4       // rounds in which a need may stay unmet
	fewLack        = 2       // at most so many members lack a block that goes over QUIC
	fewRounds      = 8       // after so many rounds
	endBytes       = 1 << 20 // or, with the carousel empty, when less than this
	endShare       = 64      // and less than one part in so many of the cast remains,
	endRounds      = 6       // after so many rounds
	repairDelayEnd = 30 * time.Millisecond
)

// repair is what members said they need of one closed block: the two largest targets, of different members.
type repair struct {
	block  wire.Block
	due    machine.Time
	member [2]MemberID
	target [2]uint32 // symbols to have been sent
}

// deficit handles one entry of a member's report.
func (m *Machine) deficit(mb *member, d wire.Deficit) {
	if uint64(d.Block) >= uint64(len(m.blocks)) || mb.demoted != 0 {
		return
	}
	i := uint32(d.Block)
	b := &m.blocks[i]
	if b.state != closed || !mb.lacks.Has(i) || mb.quic.Has(i) || d.Sent > b.sent || d.Need == 0 {
		return
	}
	need := min(uint32(d.Need), b.source())
	if d.Sent+need <= b.sent {
		return // in flight already
	}
	if m.toQuic(b) {
		m.offerNow(mb, d.Block)
		return
	}
	if need*2 > b.source() {
		m.sendAgain(mb, d.Block, need)
		return
	}
	m.noteTarget(mb, d.Block, d.Sent+need)
}

// toQuic says whether a block is better fetched by those who lack it than sent to all.
func (m *Machine) toQuic(b *block) bool {
	return b.want <= fewLack && b.round >= fewRounds ||
		b.round >= endRounds && m.carouselEmpty() && m.wantedB < min(endBytes, m.totalB/endShare)
}

// sendAgain lets the carousel bring a block again, of which a member lacks most.
func (m *Machine) sendAgain(mb *member, i wire.Block, need uint32) {
	b := &m.blocks[i]
	if uint32(b.again) >= need {
		return
	}
	if b.again == 0 {
		b.turns = min(b.turns+1, 255)
		m.event(event.BlockAgain{Member: uint32(mb.id), Block: uint32(i), Symbols: int(need)})
	}
	b.again = uint16(need)
	m.refresh(i)
}

// noteTarget puts a member's target into the block's record.
func (m *Machine) noteTarget(mb *member, i wire.Block, target uint32) {
	b := &m.blocks[i]
	slot, ok := m.repairs[i]
	if !ok {
		if m.repairQ.Len() >= repairsMax {
			return
		}
		slot = m.takeSlot()
		delay := m.interval
		if m.carouselEmpty() {
			delay = min(delay, repairDelayEnd)
		}
		m.slots[slot] = repair{block: i, due: m.now.Add(delay)}
		m.repairs[i] = slot
		m.repairQ.Push(slot)
		b.rec = true
	}
	r := &m.slots[slot]
	switch {
	case r.target[0] > 0 && r.member[0] == mb.id:
		r.target[0] = max(r.target[0], target)
	case target > r.target[0]:
		r.member[1], r.target[1] = r.member[0], r.target[0]
		r.member[0], r.target[0] = mb.id, target
	case target > r.target[1]:
		r.member[1], r.target[1] = mb.id, target
	}
}

func (m *Machine) takeSlot() int32 {
	if n := len(m.free); n > 0 {
		s := m.free[n-1]
		m.free = m.free[:n-1]
		return s
	}
	m.slots = append(m.slots, repair{})
	return int32(len(m.slots) - 1)
}

// decide turns the deficits that are due into symbols owed.
func (m *Machine) decide() {
	for m.repairQ.Len() > 0 {
		slot := *m.repairQ.Front()
		r := m.slots[slot]
		if r.due > m.now {
			return
		}
		m.repairQ.Pop()
		delete(m.repairs, r.block)
		m.free = append(m.free, slot)
		b := &m.blocks[r.block]
		b.rec = false
		if b.state == closed {
			m.grant(b, r)
		}
	}
}

// grant decides how many symbols a block gets for the needs in r.
func (m *Machine) grant(b *block, r repair) {
	if r.target[0] <= max(b.sent, b.goal) {
		return
	}
	second := max(r.target[1], b.sent)
	goal := max(r.target[0], second)
	mb := m.member(r.member[0])
	if goal > second && m.waiting > 1 {
		granted := int64(goal - second)
		if mb == nil {
			granted = 0
		} else {
			m.fill(mb)
			granted = min(granted, mb.budget/budgetShare)
			mb.budget -= granted * budgetShare
		}
		goal = second + uint32(granted)
	}
	m.learnParity(b, r, goal)
	if goal < r.target[0] {
		b.unmet = min(b.unmet+1, 255)
		if b.unmet >= unmetMax && mb != nil && mb.demoted == 0 && mb.lacks.Has(uint32(r.block)) && !mb.quic.Has(uint32(r.block)) {
			m.decay(mb, b, r)
		}
	}
	if goal > b.sent && b.state == closed {
		m.oweMore(b, r, goal)
	}
}

// oweMore makes a closed block owe symbols up to goal.
func (m *Machine) oweMore(b *block, r repair, goal uint32) {
	b.round = min(b.round+1, 255)
	if b.round > spareRounds { // what is asked for again and again is lost again: some more saves the whole block over QUIC
		goal += min(uint32(b.round-spareRounds), spareMax)
	}
	if b.goal <= b.sent {
		m.owed.Push(r.block)
	}
	b.goal = max(b.goal, goal)
}

// decay gives up on meeting a member's need at once: the carousel brings the block again, or QUIC does.
func (m *Machine) decay(mb *member, b *block, r repair) {
	b.unmet = 0
	switch need := r.target[0] - b.sent; {
	case m.carouselEmpty() && b.round < fewRounds && need*2 <= b.source():
		m.oweMore(b, r, r.target[0]) // nobody waits for the carousel: a few symbols are cheaper than the whole block
		return
	case m.carouselEmpty() || b.want == 1 && b.round >= fewRounds:
		m.offerNow(mb, r.block)
		return
	}
	m.sendAgain(mb, r.block, min(r.target[0]-b.sent, b.source()))
}

// fill adds to a member's repair budget for the symbols sent since.
func (m *Machine) fill(mb *member) {
	n := m.symbols()
	mb.budget = min(budgetMax, mb.budget+int64(n-mb.budgetAt))
	mb.budgetAt = n
}

// Rules about proactive parity.
const (
	parityMaxPpm  = 250_000
	parityUpMin   = 250
	parityUpMax   = 4000
	parityDownPpm = 2000
)

// learnParity raises the proactive parity for a block whose first pass was not enough.
func (m *Machine) learnParity(b *block, r repair, goal uint32) {
	if b.round > 0 || b.again > 0 {
		return
	}
	if m.waiting > 2 {
		goal = max(r.target[1], b.sent) // one member alone does not make everyone pay
	}
	if goal <= b.sent {
		return
	}
	up := int64(goal-b.sent) * ppm / int64(b.source()) / 16
	m.parity = min(parityMaxPpm, m.parity+min(max(up, parityUpMin), parityUpMax))
}

// settle lowers the proactive parity for each block whose first pass proved enough.
func (m *Machine) settle() {
	for m.firstQ.Len() > 0 && m.firstQ.Front().time <= m.now {
		b := &m.blocks[m.firstQ.Pop().block]
		if b.round == 0 && !b.rec && b.pass == 0 {
			m.parity = max(0, m.parity-parityDownPpm)
		}
	}
}

// ahead returns how many parity symbols a block is sent with at once.
func (m *Machine) ahead(b *block) uint32 { return uint32(int64(b.source()) * m.parity / ppm) }
