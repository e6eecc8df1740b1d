package distributor

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// Rules about members of different speed, see docs/protocol.md.
const (
	fallsBehind   = 90                     // a member is left behind when its link carries less than so many percent of the rate
	behindAfter   = 2 * time.Second        // for so long,
	fallsFar      = 60                     // or less than so many percent
	farAfter      = 200 * time.Millisecond // for so long, in two rounds
	classPercent  = 67                     // members that carry at least so much of what their fastest carries share a pass
	widePercent   = 40                     // or so much from the third pass on: there are only so many images to be sent
	wideFrom      = 2                      // the third pass, counted from 0
	samePercent   = 90                     // of one speed are those that differ by less
	guessMax      = 2                      // times what was measured of another member: a guess may be too high by so much
	slowFall      = 8                      // a rate that fell to one part in so many is that of slow links
	callsMax      = 3                      // times a member is called back; after that it is served over QUIC to the end
	passPercent   = 95                     // of what the slowest of a pass carries is its first rate
	gainAfter     = 1100 * time.Millisecond
	gainIntervals = 4                      // and so many report intervals
	gainBlocks    = 2                      // and the time for so many blocks
	gainPause     = 500 * time.Millisecond // without a symbol: what comes then is counted anew
	wasteAfter    = time.Second            // a pass ends in which for so long
	wastePercent  = 40                     // less than so much comes through to each of its members
)

// fit lowers the rate when those that carried it have all they want, to what those carry that still wait.
func (m *Machine) fit() {
	if m.waiting == 0 {
		return
	}
	if m.waiting == 1 && m.pass > 0 { // nobody shares the pass any more
		m.setAside()
		return
	}
	best := int64(0)
	for _, mb := range m.members {
		if mb.wants == 0 {
			continue
		}
		if !mb.carry.guess {
			return
		}
		best = max(best, mb.carry.bps)
	}
	if best < m.rate.bps/100*fallsBehind && !m.passOn(best) {
		m.meetTrouble(best*drainPercent/100, "the faster ones are done")
		m.beginRound()
	}
}

// passOn ends a pass whose members carry far less than the rate, when there are others that wait for theirs, or when only one
// member is left. They are left behind, so that a slow member never keeps faster ones waiting, and one that is alone goes on over
// QUIC.
func (m *Machine) passOn(carried int64) bool {
	if carried >= m.rate.bps/100*fallsFar || m.waiting == len(m.members) && m.waiting > 1 {
		return false
	}
	m.event(event.PassEnded{Carried: event.Bps(carried)})
	for _, mb := range m.members {
		if mb.wants > 0 {
			mb.calls += min(m.pass, 1)
		}
	}
	m.setAside()
	return true
}

// leaveBehind demotes a member whose link does not carry the rate, while others' do.
func (m *Machine) leaveBehind(mb *member) {
	c := &mb.carry
	if !mb.trouble || m.waiting < 2 || m.steered(c.since) < m.steering(m.waiting) {
		return
	}
	lasted := m.now.Sub(c.since)
	if c.bps < m.rate.bps/100*fallsBehind && lasted >= behindAfter || c.bps < m.rate.bps/100*fallsFar && lasted >= farAfter && c.troubled >= 2 {
		mb.calls += min(m.pass, 1) // it was called for a rate that it does not carry
		m.demote(mb, wire.DemoteRate)
	}
}

// steered counts members that have carried the rate without trouble in all of the time since then. Loss that all meet at
// once is seen in all samples that began after it did.
func (m *Machine) steered(since machine.Time) (n int) {
	for _, mb := range m.members {
		if mb.wants > 0 && !mb.trouble && mb.weighedFrom >= since && mb.carry.bps >= m.rate.bps/100*fallsBehind {
			n++
		}
	}
	return n
}

// sortLeft looks for members that were left behind and can share a pass. The fastest such are called back once nobody waits for
// multicast, or only slower ones do. Who is alone in its speed, or was called back too often, is for QUIC, which finds its rate
// by itself.
func (m *Machine) sortLeft() {
	left := m.left[:0]
	for _, mb := range m.members {
		mb.alone = mb.demoted != 0
		if mb.alone && mb.demoted != wire.DemoteDeaf && mb.lackN > 0 && mb.calls < callsMax && mb.backlog <= troubleBacklog {
			left = append(left, mb)
		}
	}
	m.left = left
	m.lowerGuesses(left)
	slices.SortStableFunc(left, func(a, b *member) int { return cmp.Compare(b.carried(), a.carried()) })
	percent := int64(classPercent)
	if m.pass+1 >= wideFrom {
		percent = widePercent
	}
	for first := true; len(left) > 0; {
		n := classOf(left, percent)
		if n > 1 {
			m.share(left[:n], first)
			first = false
		}
		left = left[n:]
	}
}

// classOf returns how many of the members, the fastest first, share a pass: those that carry at least percent of what the first does.
// Members of one speed, as far as it is known, are not divided.
func classOf(left []*member, percent int64) int {
	n := 1
	for n < len(left) && left[n].carried()*100 >= left[0].carried()*percent {
		n++
	}
	for i := n; i > 0; i-- {
		if i == len(left) || left[i].carried()*100 < left[i-1].carried()*samePercent {
			return i
		}
	}
	return n
}

// lowerGuesses brings what was only guessed of members' links, which is too high, down to what was measured of others'.
func (m *Machine) lowerGuesses(left []*member) {
	measured := m.lossBuf[:0]
	for _, mb := range left {
		if mb.carry.measured {
			measured = append(measured, mb.carry.bps)
		}
	}
	slices.Sort(measured)
	m.lossBuf = measured
	for _, mb := range left {
		i, _ := slices.BinarySearch(measured, mb.carry.bps+1)
		if !mb.carry.measured && !mb.fresh && i > 0 && mb.carry.bps <= guessMax*measured[i-1] {
			mb.carry.bps = measured[i-1]
		}
	}
}

// share lets members of about one speed wait for a pass of their own, or begins it if they are the fastest that wait.
func (m *Machine) share(class []*member, fastest bool) {
	fetching := false
	for _, mb := range class {
		mb.alone = false
		fetching = fetching || len(mb.flight) > 0
	}
	if !fastest {
		return
	}
	slowest := class[len(class)-1].carried()
	if m.waiting > 0 && m.rate.bps < slowest/100*classPercent && m.slowPass() {
		m.setAside() // the faster first: it costs the slower ones little
	}
	if m.waiting == 0 && !fetching {
		m.beginPass(class)
	}
}

// setAside leaves all behind that wait for multicast.
func (m *Machine) setAside() {
	for _, mb := range m.members {
		if mb.wants > 0 {
			m.demote(mb, wire.DemoteRate)
		}
	}
}

// carried returns the rate at which a member can be served by multicast, bits per second.
func (mb *member) carried() int64 {
	if mb.demoted == wire.DemoteBacklog && mb.durableBps > 0 {
		return min(mb.carry.bps, mb.durableBps)
	}
	return mb.carry.bps
}

// beginPass calls members back and sends at the rate of the slowest of them.
func (m *Machine) beginPass(class []*member) {
	slowest := class[len(class)-1].carried()
	m.pass++
	if slowest < m.rate.bps/2 {
		m.feeding = 0 // what was sent so much faster says nothing of this
	}
	m.rate.fast, m.rate.trouble, m.rate.troubleAt = false, slowest/4*5, m.now
	m.setRate(slowest*passPercent/100, fmt.Sprintf("pass %d, for %d members", m.pass+1, len(class)))
	for _, mb := range class {
		mb.fresh = false
		m.promote(mb)
	}
	m.beginRound()
}

// restart forgets what was learned for slower members: those that come now, and those that came during the last pass, may be fast.
func (m *Machine) restart() {
	if m.pass == 0 && m.rate.bps >= m.rate.peak/100*classPercent {
		return
	}
	m.pass = 0
	m.rate = rate{bps: m.cfg.RateStartBps, fast: true, peak: m.rate.peak}
	m.setInterval()
	for _, mb := range m.members {
		if mb.fresh && mb.demoted != 0 {
			mb.fresh, mb.carry = false, carry{}
			m.promote(mb)
		}
	}
}

// gain notes that a member decoded something.
func (m *Machine) gain() { m.feeding = 0 }

// starve stops multicast from which nobody has gained anything: the members are called back at most callsMax times.
func (m *Machine) starve() {
	if m.feeding == 0 || m.waiting == 0 || m.silent {
		return
	}
	block := time.Duration(mulDiv(gainBlocks*blockTypical*8, int64(time.Second), m.rate.bps))
	if m.now.Sub(m.feeding) < max(gainAfter, gainIntervals*m.interval, block) {
		return
	}
	if m.now.Sub(m.fed) > gainPause {
		return
	}
	m.event(event.Starved{For: m.now.Sub(m.feeding)})
	m.feeding = 0
	for _, mb := range m.members {
		switch {
		case mb.wants == 0:
		case mb.backlog > calmBacklog: // its disk must drain first
			m.demote(mb, wire.DemoteBacklog)
		default:
			if mb.calls++; !mb.trouble { // it hears all and gains nothing: another rate would change nothing
				mb.calls = callsMax
			}
			m.demote(mb, wire.DemoteRate)
		}
	}
}

// waste ends a pass of whose multicast little comes through to anybody. It does not ask why, as the rules about the rate do: they
// see no trouble in what is sent in bursts, of which a queue before a slow link takes the beginning.
func (m *Machine) waste() {
	switch {
	case m.waiting == 0 || m.silent:
		m.wasteFrom = 0
		return
	case m.wasteFrom > 0 && m.now.Sub(m.wasteFrom) < wasteAfter:
		return
	}
	if m.wasteFrom > 0 {
		if told, best, carried := m.cameThrough(); told && best < wastePercent {
			m.event(event.PassEnded{Carried: event.Bps(carried)})
			for _, mb := range m.members {
				if mb.wants > 0 {
					mb.calls += min(m.pass, 1)
				}
			}
			m.setAside()
		}
	}
	m.wasteFrom = m.now
	for _, mb := range m.members {
		mb.share = share{open: mb.loss.known, highest: mb.loss.highest, received: mb.loss.received}
	}
}

// share is what a member's counters were at the start of a time in which it is looked how much comes through.
type share struct {
	open              bool
	highest, received uint64
}

// cameThrough returns how much of the multicast since wasteFrom came through to the member to which most did, in percent and bits a
// second; told is false when no member has told enough. It corrects what was thought of members' links.
func (m *Machine) cameThrough() (told bool, best, carried int64) {
	span := int64(m.now.Sub(m.wasteFrom))
	for _, mb := range m.members {
		sent, got := mb.loss.highest-mb.share.highest, int64(mb.loss.received-mb.share.received)
		if mb.wants == 0 || !mb.share.open || sent < sampleMany/2 || mb.loss.highest < mb.share.highest {
			continue
		}
		percent := got * 100 / int64(sent)
		through := mulDiv(got*datagramBits, int64(time.Second), span)
		if told, best, carried = true, max(best, percent), max(carried, through); percent < wastePercent && mb.carry.bps >= m.rate.bps/100*fallsFar {
			mb.carry.bps, mb.carry.guess, mb.carry.measured, mb.carry.lent = through, true, true, false
		}
	}
	return told, best, carried
}

// passDue says whether members that were left behind wait for a pass of their own.
func (m *Machine) passDue() bool {
	return slices.ContainsFunc(m.members, func(mb *member) bool { return mb.demoted != 0 && !mb.alone && mb.lackN > 0 })
}

// slowPass says whether those that wait for multicast are known to be slower than what was sent before. In a first pass loss may have
// lowered the rate, too, but not by so much.
func (m *Machine) slowPass() bool {
	switch {
	case m.rate.fast || m.rate.bps >= m.rate.peak/100*classPercent:
		return false
	case m.pass > 0 || m.rate.bps < m.rate.peak/slowFall:
		return true
	}
	return !slices.ContainsFunc(m.members, func(mb *member) bool { return mb.wants > 0 && !mb.carry.measured })
}

// late leaves a member that comes while slower ones have a pass, or are about to, to QUIC, or to a pass before theirs.
func (m *Machine) late(mb *member) {
	if mb.demoted != 0 || mb.askedN > 0 {
		return
	}
	if m.waiting > 0 && m.slowPass() || m.waiting == 0 && m.passDue() {
		mb.carry.bps, mb.carry.guess, mb.carry.lent, mb.carry.lossy = max(m.rate.peak, m.cfg.RateStartBps), true, true, ppm
		m.demote(mb, wire.DemoteRate)
		mb.alone, mb.fresh = true, true
	}
}
