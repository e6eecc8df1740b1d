package distributor

import (
	"fmt"
	"slices"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
)

// Rules about the rate, see docs/protocol.md.
const (
	surePpm         = 100_000  // when less than this is lost of what the rate should bring, trouble must last for two rounds
	steerShare      = 16       // in the first pass the best one in so many of the members steer the rate
	troubleBacklog  = 32 << 20 // a member is in trouble, too, when its backlog exceeds this
	calmBacklog     = 16 << 20 // the rate does not grow while a third of the members has more
	decreasePercent = 85
	lagPercent      = 70 // a member that is sent more than it is known to carry by so much lags
	fallMax         = 4  // the rate falls at most to one part in so many at once when nearly nothing came through
	drainPercent    = 92 // of what gets through, so that a queue on the way empties
	backlogPause    = 500 * time.Millisecond
	fastRound       = 40 * time.Millisecond  // a round of the fast start takes at least so long,
	slowRound       = 100 * time.Millisecond // a later one,
	leastWindow     = 10 * time.Millisecond  // a sample is gathered for so long at least,
	longWindow      = 200 * time.Millisecond // after so long fewer datagrams are enough for a sample,
	longRound       = 500 * time.Millisecond // and still fewer after so long
	slowGrowth      = 10_000                 // ppm a second, near what got through when trouble was met last
	nearGrowth      = 200_000                // ppm a second, below 97 % of it
	fastGrowth      = 4_000_000
)

// rate is the sender's rate and what it is learned from.
type rate struct {
	bps  int64
	fast bool // fast start

	round roundState
	ready int // members that gave a sample of this round

	trouble              int64 // what got through when trouble was met last; 0: never met
	troubleAt, backlogAt machine.Time
	achieved             int64
	peak                 int64 // the highest rate that was really sent without trouble
	doubt                bool  // the last round saw a little loss
}

// roundState is one round of measuring: datagrams after seq count.
type roundState struct {
	seq    uint64
	at     machine.Time
	bytes  int64
	pauses uint64 // made by then
}

// beginRound starts a round of measuring at the next datagram. Members that reported enough in the last one begin anew; those whose
// reports come late, for a queue is before their link, go on.
func (m *Machine) beginRound() {
	m.rate.round = roundState{seq: m.seq, at: m.now, bytes: m.stats.wire, pauses: m.pauses}
	m.rate.ready = 0
	for _, mb := range m.members {
		if mb.ready || m.rate.fast {
			mb.loss.window.open = mb.loss.window.open && !mb.ready
		}
		mb.ready = false
	}
}

// pause notes that there is nothing to send.
func (m *Machine) pause() {
	if m.paused {
		return
	}
	m.paused = true
	m.pauses++
	m.breakOff()
}

// breakOff ends all measuring of what comes through: from here on less is sent.
func (m *Machine) breakOff() {
	for _, mb := range m.members {
		mb.carry.began = 0
	}
}

// gather looks at the counters of a member's report, takes a sample when there is enough, and ends the round when most members
// gave one.
func (m *Machine) gather(mb *member) {
	l, w := &mb.loss, &mb.loss.window
	if mb.demoted == 0 {
		mb.carry.come(m.now, m.now, l.received)
	}
	switch {
	case mb.demoted != 0 || mb.lackN == 0 || !l.known:
	case !w.open:
		if l.highest >= m.rate.round.seq {
			m.openWindow(l)
		}
	case l.highest-w.highest >= m.sampleSize(m.now.Sub(w.at)) && m.now.Sub(w.at) >= leastWindow:
		m.weigh(mb)
		if w.highest >= m.rate.round.seq && !mb.ready {
			mb.ready = true
			m.rate.ready++
		}
		m.openWindow(l)
		m.leaveBehind(mb)
	}
	span := m.now.Sub(m.rate.round.at)
	if m.rate.ready*2 >= m.waiting && m.rate.ready > 0 && (span >= slowRound || m.rate.fast && span >= fastRound) {
		m.endRound()
	}
}

// openWindow begins to gather a sample.
func (m *Machine) openWindow(l *loss) {
	l.window = window{open: true, highest: l.highest, received: l.received, at: m.now, pauses: m.pauses, idle: m.paused}
}

// sampleSize returns how many datagrams make a sample: few in the fast start, and when they come slowly.
func (m *Machine) sampleSize(span time.Duration) uint64 {
	switch {
	case m.rate.fast || span >= longRound:
		return sampleFew
	case span >= longWindow:
		return sampleLeast
	}
	return sampleMany
}

// weigh takes a sample of a member.
func (m *Machine) weigh(mb *member) {
	l, w := &mb.loss, &mb.loss.window
	n, span := l.highest-w.highest, m.now.Sub(w.at)
	s := sample{p: lossPpm(n, l.received-w.received), n: n, at: m.now, received: l.received}
	if w.idle || w.pauses != m.pauses {
		mb.trouble = mb.carry.takeIdle(m.now, m.rate.bps, s)
	} else {
		mb.trouble = mb.carry.take(m.now, mulDiv(int64(n)*datagramBits, int64(time.Second), int64(span)), s)
	}
	mb.weighed, mb.weighedFrom = m.now, w.at
}

// endRound adjusts the rate by what the round showed.
func (m *Machine) endRound() {
	r := &m.rate
	span := m.now.Sub(r.round.at)
	r.achieved = mulDiv((m.stats.wire-r.round.bytes)*8, int64(time.Second), int64(span))
	sent, idle := min(r.achieved, r.bps), m.paused || r.round.pauses != m.pauses
	if idle {
		sent = r.bps // little was sent because there was little to send
	}
	w := m.sum(sent, idle)
	switch {
	case w.members == 0:
	case w.backlog*3 > m.waiting:
		m.lowerForBacklog(w.durable)
	case w.healthy >= m.steering(w.members):
		r.peak = max(r.peak, sent)
		if w.laden*3 <= m.waiting && !idle {
			m.raise(span)
		}
	case w.unclear > 0:
		m.raise(span) // nothing is known yet: another rate tells what the loss comes from
	case w.troubled > 0 && !r.fast && !r.doubt && w.carried > mulDiv(sent, ppm-surePpm, ppm):
		r.doubt = true // a little loss must last for two rounds
		m.beginRound()
		return
	case w.troubled > 0:
		m.fall(sent, w.carried)
	}
	r.doubt = false
	m.beginRound()
}

// fall lowers the rate to what the members that steer carry.
func (m *Machine) fall(sent, carried int64) {
	if m.passOn(carried) {
		return
	}
	to := carried * drainPercent / 100
	if carried < sent/100 {
		to = max(to, m.rate.bps/fallMax)
	}
	if !m.rate.fast && carried > mulDiv(sent, ppm-surePpm, ppm) {
		to = max(to, min(m.rate.bps, sent*5/4)*decreasePercent/100)
	}
	m.meetTrouble(to, fmt.Sprintf("of %d kbit/s %d are carried", sent/1000, carried/1000))
}

// steering returns how many members must be without trouble for the rate to stay. In the first pass the fastest steer, and who
// cannot follow is left behind for a later one. Later passes are for members of about one speed: there half of them do.
func (m *Machine) steering(members int) int {
	if m.pass == 0 {
		return max(1, (members+steerShare-1)/steerShare)
	}
	return (members + 1) / 2
}

// weighed is what a round showed of the members that have a sample.
type weighed struct {
	members, healthy, unclear, troubled int
	backlog, laden                      int   // members whose backlog is trouble, is high
	carried                             int64 // what the slowest of the members that steer carries
	durable                             int64 // what the median member makes durable
}

// sum looks at the last samples of the members, after a round in which sent bits per second were sent.
func (m *Machine) sum(sent int64, idle bool) (w weighed) {
	carried, disks := m.lossBuf[:0], m.scratch[:0]
	for _, mb := range m.members {
		if mb.wants == 0 {
			continue
		}
		if mb.backlog > troubleBacklog {
			w.backlog++
		}
		if mb.backlog > calmBacklog {
			w.laden++
		}
		disks = append(disks, mb.durableBps)
		if mb.weighed < m.rate.round.at || !mb.ready && !mb.trouble {
			continue // it has reported nothing about this rate
		}
		w.members++
		switch {
		case mb.keepsUp(sent, idle):
			w.healthy++
		case mb.trouble && m.rate.fast && !idle && mb.carry.unclear():
			w.unclear++
		case mb.trouble:
			w.troubled++
		}
		carried = append(carried, mb.carry.bps)
	}
	m.lossBuf, m.scratch = carried, disks
	w.durable = median(disks)
	if slices.Sort(carried); len(carried) > 0 {
		w.carried = carried[len(carried)-m.steering(len(carried))]
	}
	return w
}

// keepsUp says whether a member follows the rate. One that is not in trouble may lag all the same, while a queue before its link
// fills.
func (mb *member) keepsUp(sent int64, idle bool) bool {
	carried := mb.carry.bps
	if mb.trouble {
		return !mb.ready && carried >= sent // it was in trouble at a higher rate
	}
	return idle || carried >= sent/100*lagPercent
}

// meetTrouble lowers the rate to bps.
func (m *Machine) meetTrouble(bps int64, why string) {
	r := &m.rate
	r.trouble, r.troubleAt, r.fast = bps*100/drainPercent, m.now, false
	m.breakOff()
	for _, mb := range m.members {
		mb.loss.window.open = false // what was lost at another rate says nothing of this one
	}
	m.setRate(min(bps, r.bps), why)
}

// lowerForBacklog lowers the rate towards what the median member makes durable.
func (m *Machine) lowerForBacklog(durable int64) {
	r := &m.rate
	r.fast = false
	if m.now.Sub(r.backlogAt) < backlogPause && r.backlogAt > 0 {
		return
	}
	r.backlogAt, r.troubleAt, r.trouble = m.now, m.now, r.bps
	m.setRate(min(r.bps, max(r.bps/2, durable*9/10)), "members' disks do not keep up")
}

// raise lets the rate grow for a round without trouble that took span.
func (m *Machine) raise(span time.Duration) {
	r := &m.rate
	bps := r.bps
	if r.fast {
		bps *= 2
	} else {
		bps += mulDiv(mulDiv(bps, m.growth(), ppm), int64(min(span, time.Second)), int64(time.Second))
	}
	if r.achieved < r.bps/10*9 {
		bps = min(bps, max(r.bps, r.achieved/4*5))
		if r.bps >= r.achieved/4*5 {
			return
		}
	}
	m.setRate(bps, "no trouble")
}

// growth returns the growth in ppm a second: careful near the rate that met trouble, bolder the longer none is met.
func (m *Machine) growth() int64 {
	r := &m.rate
	if r.bps < r.trouble/100*97 {
		return nearGrowth
	}
	calm := int64(m.now.Sub(r.troubleAt) / time.Second)
	return min(fastGrowth, int64(slowGrowth)<<min(max(calm-2, 0), 10))
}

func (m *Machine) setRate(bps int64, why string) {
	bps = min(max(bps, m.cfg.RateFloorBps), m.cfg.RateCapBps)
	if bps == m.rate.bps {
		return
	}
	if bps < m.rate.bps {
		m.wasteFrom = 0
	}
	m.rate.bps = bps
	m.setInterval()
	m.event(event.RateChanged{Rate: event.Bps(bps), Why: why})
}

// pace charges the bucket for bytes sent now.
func (m *Machine) pace(bytes int64) {
	m.stats.wire += bytes
	m.clear = max(m.clear, m.now-machine.Time(bucketMax)) + machine.Time(mulDiv(bytes*8, int64(time.Second), m.rate.bps))
}

// bucketMax is how much sending time a bucket holds: what a driver that was late or blocked may catch up.
const bucketMax = 2 * time.Millisecond
