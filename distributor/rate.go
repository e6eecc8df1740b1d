package distributor

import (
	"fmt"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
)

// Rules about the rate, see docs/protocol.md.
const (
	troubleLossPpm  = 20_000   // a member is in trouble when its loss exceeds its baseline by this or by half the baseline,
	surePpm         = 100_000  // above its baseline by this, one round is enough
	troubleBacklog  = 32 << 20 // or when its backlog exceeds this
	calmBacklog     = 16 << 20 // the rate does not grow while a third of the members has more
	decreasePercent = 85
	drainPercent    = 92 // of what gets through, so that a queue on the way empties
	backlogPause    = 500 * time.Millisecond
	fastRound       = 40 * time.Millisecond  // a round of the fast start takes at least so long,
	slowRound       = 100 * time.Millisecond // a later one,
	longRound       = 500 * time.Millisecond // and then or after so long fewer datagrams are enough
	slowGrowth      = 10_000                 // ppm a second, near what got through when trouble was met last
	nearGrowth      = 200_000                // ppm a second, below 97 % of it
	fastGrowth      = 4_000_000
)

// rate is the sender's rate and what it is learned from.
type rate struct {
	bps  int64
	fast bool // fast start

	round roundState
	ready int // members whose sample of this round is large enough

	lastDelivered, lastAchieved int64 // of the fast start's last round
	trouble                     int64 // what got through when trouble was met last; 0: never met
	troubleAt, backlogAt        machine.Time
	achieved                    int64
	doubt                       bool // the last round saw a little loss
}

// roundState is one round of measuring: datagrams after seq count.
type roundState struct {
	seq   uint64
	at    machine.Time
	bytes int64
	idle  bool // there was not always something to send
}

// beginRound starts a round of measuring at the next datagram.
func (m *Machine) beginRound() {
	m.rate.round = roundState{seq: m.seq, at: m.now, bytes: m.stats.wire}
	m.rate.ready = 0
	for _, mb := range m.members {
		mb.loss.roundSet, mb.loss.ready = false, false
	}
}

// roundReport looks at a member's counters for the round, and ends the round when most members have told enough.
func (m *Machine) roundReport(mb *member) {
	l := &mb.loss
	if mb.demoted == 0 && mb.lackN > 0 && l.known && !l.ready {
		switch {
		case !l.roundSet && l.highest >= m.rate.round.seq:
			l.roundSet, l.roundH, l.roundR = true, l.highest, l.received
		case l.roundSet && l.highest-l.roundH >= m.sampleSize():
			l.ready = true
			m.rate.ready++
		}
	}
	span := m.now.Sub(m.rate.round.at)
	if m.rate.ready*2 > m.waiting && (span >= slowRound || m.rate.fast && span >= fastRound) {
		m.endRound()
	}
}

// sampleSize returns how many datagrams make a sample: few in the fast start, and when they come slowly.
func (m *Machine) sampleSize() uint64 {
	if m.rate.fast || m.now.Sub(m.rate.round.at) >= longRound {
		return sampleFew
	}
	return sampleMany
}

// endRound adjusts the rate by what the round showed.
func (m *Machine) endRound() {
	r := &m.rate
	span := m.now.Sub(r.round.at)
	sent := m.stats.wire - r.round.bytes
	r.achieved = mulDiv(sent*8, int64(time.Second), int64(span))
	losses, bases, inLoss, inBacklog, laden, durable := m.weigh()
	n := len(losses)
	p, base := median(losses), median(bases)
	usable := min(r.achieved, r.bps)
	if r.round.idle {
		usable = r.bps // little was sent because there was little to send
	}
	delivered := usable * (ppm - p) / ppm
	switch {
	case inBacklog*3 > n:
		m.lowerForBacklog(durable)
	case inLoss*3 > n && !r.fast && !r.doubt && p < base+surePpm:
		r.doubt = true // a little loss must last for two rounds
		m.beginRound()
		return
	case inLoss*3 > n:
		through := delivered * ppm / (ppm - min(base, 900_000)) * drainPercent / 100
		if !r.fast {
			through = max(through, min(r.bps, usable*5/4)*decreasePercent/100)
		}
		m.meetTrouble(through, fmt.Sprintf("loss %d.%d %% over a baseline of %d.%d %%", p/10000, p/1000%10, base/10000, base/1000%10))
	case r.fast && !r.round.idle && p > troubleLossPpm && m.plateau(delivered):
		m.meetTrouble(delivered*drainPercent/100, "more was sent, no more arrived")
	case laden*3 <= n && !r.round.idle:
		m.raise(span)
	}
	r.doubt = false
	r.lastDelivered, r.lastAchieved = delivered, r.achieved
	if r.round.idle {
		r.lastAchieved = 0 // nothing to compare with
	}
	m.beginRound()
}

// weigh looks at the members that have a sample.
func (m *Machine) weigh() (losses, bases []int64, inLoss, inBacklog, laden int, durable int64) {
	losses, bases = m.lossBuf[:0], m.baseBuf[:0]
	disks := m.scratch[:0]
	for _, mb := range m.members {
		l := &mb.loss
		if !l.ready || mb.demoted != 0 || mb.lackN == 0 {
			continue
		}
		p, n := l.sample()
		base, known := l.base()
		off := l.deviation(p, n)
		l.learn(m.now, p, n)
		if !known {
			base, _ = l.base()
		}
		trouble := p-2*off > base+max(troubleLossPpm, base/2)
		l.scatter(p, n, trouble)
		if trouble {
			inLoss++
		}
		if mb.backlog > troubleBacklog {
			inBacklog++
		}
		if mb.backlog > calmBacklog {
			laden++
		}
		losses, bases, disks = append(losses, p), append(bases, base), append(disks, mb.durableBps)
	}
	m.lossBuf, m.baseBuf, m.scratch = losses, bases, disks
	return losses, bases, inLoss, inBacklog, laden, median(disks)
}

// plateau says whether the fast start sent much more without more arriving.
func (m *Machine) plateau(delivered int64) bool {
	r := &m.rate
	return r.lastAchieved > 0 && r.achieved*2 >= r.lastAchieved*3 && delivered*5 < r.lastDelivered*6
}

// meetTrouble lowers the rate to bps.
func (m *Machine) meetTrouble(bps int64, why string) {
	r := &m.rate
	r.trouble, r.troubleAt, r.fast = bps*100/drainPercent, m.now, false
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
