package netsim

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/machine"
)

// What a cast is to cost the network, and how long it is to take, for any mix of speeds, loss and arrivals. Every run is checked:
// what is over stands in Result.Over, and what is over by far, a storm, breaks the run.
const (
	stormTimes   = 2                      // so many times the images that are allowed
	uselessMax   = 2 * time.Second        // multicast from which nobody decodes anything
	pauseMin     = 500 * time.Millisecond // without a symbol: multicast begins anew after it
	imagesMax    = 4                      // images on the wire, QUIC included, where all ask during the same pass; one more for each later one
	classesMax   = 3                      // speeds for which that holds: each further one takes a pass of its own, with 15 % for repair
	classPpm     = 650_000                // a speed is another one when it is below so much of the next faster
	afflictedPpm = 200_000                // who loses more, or is hit by a fault, may take an image of its own over QUIC
	ownTimes     = 1.5                    // a member ends within so many times what its own link needs, and the time of one pass,
	settleSlack  = 3 * time.Second        // and what it takes to gather, to find the rate and to end
	slackBytes   = 4 << 20                // the same for the wire,
	findTime     = 100 * time.Millisecond // and what the fastest member carries in so long, for each pass: so late it is seen that a rate is wrong
)

// bounds is what the checks keep of a sender.
type bounds struct {
	feeding machine.Time // first symbol since anybody decoded something; 0: none
	fed     machine.Time // last symbol
	told    bool
	recent  int64 // rate of the multicast lately, bits per second
}

// feed notes that a symbol was multicast at time at.
func (s *sender) feed(at machine.Time) {
	b := &s.bounds
	if b.feeding == 0 || at.Sub(b.fed) > pauseMin {
		b.feeding, b.told = at, false
	}
	b.fed = at
	if at.Sub(b.feeding) > uselessMax && !b.told {
		b.told = true
		s.sim.exceed("%s has multicast for %v, nobody decoded anything of it", s.name, at.Sub(b.feeding))
	}
}

// exceed notes what is over its bound.
func (s *Sim) exceed(format string, args ...any) {
	if len(s.over) < violationsMax {
		s.over = append(s.over, fmt.Sprintf(format, args...))
	}
}

// checkBounds checks at the end of a run what each cast cost and how long its members took.
func (s *Sim) checkBounds() {
	for _, d := range s.senders {
		images := s.imagesAllowed(d)
		allowed := images * float64(d.im.bytes)
		slack := slackBytes + images*float64(s.fastest(d))/8*findTime.Seconds()
		switch got := float64(d.stats.multicast + d.stats.quic); {
		case got > stormTimes*allowed+slack:
			s.violate("a storm: %s put %.2f images on the wire, %.2f are allowed", d.name, got/float64(d.im.bytes), allowed/float64(d.im.bytes))
		case got > allowed+slack:
			s.exceed("%s put %.2f images on the wire, %.2f are allowed", d.name, got/float64(d.im.bytes), allowed/float64(d.im.bytes))
		}
	}
	for _, p := range s.members {
		if limit, ok := s.timeAllowed(p); ok && p.took() > limit {
			s.exceed("%s took %v, %v are allowed", p.name, p.took().Round(time.Millisecond), limit.Round(time.Millisecond))
		}
	}
}

// fastest returns what the fastest member's way carries.
func (s *Sim) fastest(d *sender) (bps int64) {
	for _, p := range s.members {
		if p.sender == d {
			bps = max(bps, p.ownBps())
		}
	}
	return bps
}

// took returns how long a member has been at it.
func (p *member) took() time.Duration {
	if p.doneAt > 0 {
		return p.doneAt.Sub(p.joined)
	}
	return p.sim.now.Sub(p.joined)
}

// imagesAllowed returns how many images a cast may put on the wire.
func (s *Sim) imagesAllowed(d *sender) float64 {
	pass := s.passTime(d)
	var joins []machine.Time
	classes, afflicted := map[int64]bool{}, s.faults
	for _, p := range s.members {
		if p.sender == d {
			joins = append(joins, p.joins...)
			classes[p.ownBps()] = true
			if p.deaf || p.spec.liar || p.unheard > 0 || p.flip > 0 || p.loss >= afflictedPpm {
				afflicted++
			}
		}
	}
	speeds := make([]int64, 0, len(classes))
	for bps := range classes {
		speeds = append(speeds, bps)
	}
	allowed := float64(imagesMax) + 1.15*float64(max(0, countClasses(speeds)-classesMax))
	allowed += 1.1 * float64(afflicted)
	return allowed + float64(latePasses(joins, pass))
}

// latePasses counts the passes that members need who did not come with the first: who comes in the same pass shares one.
func latePasses(joins []machine.Time, pass time.Duration) (n int) {
	slices.Sort(joins)
	for i, last := 0, machine.Time(0); i < len(joins); i++ {
		if i == 0 {
			last = joins[0]
		} else if joins[i].Sub(last) > max(pass, time.Second) {
			n, last = n+1, joins[i]
		}
	}
	return n
}

// countClasses counts the speeds that are clearly apart.
func countClasses(speeds []int64) (n int) {
	slices.SortFunc(speeds, func(a, b int64) int { return cmp.Compare(b, a) })
	top := int64(0)
	for _, bps := range speeds {
		if n == 0 || bps < top*classPpm/1_000_000 {
			n, top = n+1, bps
		}
	}
	return n
}

// feedbackTime returns how long all members take to report twice, when a hundredth of the first rate is for reports.
func (s *Sim) feedbackTime(d *sender) time.Duration {
	n := 0
	for _, p := range s.members {
		if p.sender == d {
			n++
		}
	}
	return min(10*time.Second, time.Duration(n)*2*200*8*100*time.Second/distributor.DefaultRateStartBps)
}

// passTime returns how long the first member to end took from the first symbol on.
func (s *Sim) passTime(d *sender) time.Duration {
	first := machine.Never
	for _, p := range s.members {
		if p.sender == d && p.doneAt > 0 {
			first = min(first, p.doneAt)
		}
	}
	if first == machine.Never {
		return 0
	}
	return first.Sub(d.stats.first)
}

// ownBps returns what a member's own way carries of multicast.
func (p *member) ownBps() int64 {
	bps := p.down.bps
	for _, other := range []int64{p.air.bps, p.disk.bps, p.sender.up.bps, p.sender.cfg.RateCapBps} {
		if other > 0 && (bps == 0 || other < bps) {
			bps = other
		}
	}
	if p.segment != p.sender.segment && p.segment.trunk.bps > 0 {
		bps = min(bps, p.segment.trunk.bps)
	}
	return bps
}

// timeAllowed returns how long a member may take; false where faults beside speed and loss make that unclear.
func (s *Sim) timeAllowed(p *member) (time.Duration, bool) {
	if s.faults > 0 || p.spec.liar || p.deaf || p.unheard > 0 || p.failed != "" || p.joined == 0 && p.lives == 0 || p.flip > 0 || p.sender.stats.first == 0 {
		return 0, false
	}
	need := int64(0)
	for _, i := range p.wanted() {
		need += int64(len(p.sender.im.chunks[i]))
	}
	bits := float64(need) * 8 * 1.06 / (1 - float64(p.loss)/1e6)
	own := time.Duration(bits / float64(p.ownBps()) * float64(time.Second))
	passes := time.Duration(1 + latePasses(s.joinsWithin(p), s.passTime(p.sender)))
	return time.Duration(ownTimes*float64(own)) + passes*max(s.passTime(p.sender), p.passAt) + settleSlack + s.feedbackTime(p.sender) + p.disk.sync + p.spec.plan, true
}

// joinsWithin returns when members came while a member was at it, its own arrival first: faster ones have a pass before its own.
func (s *Sim) joinsWithin(p *member) []machine.Time {
	joins := []machine.Time{p.joined}
	for _, other := range s.members {
		for _, at := range other.joins {
			if other != p && other.sender == p.sender && at > p.joined && at < p.joined.Add(p.took()) {
				joins = append(joins, at)
			}
		}
	}
	return joins
}

// noteJoin notes that a member comes into the cast, and how long a pass takes then.
func (p *member) noteJoin() {
	p.joins = append(p.joins, p.sim.now)
	if d := p.sender; d.bounds.recent > 0 && p.passAt == 0 {
		p.passAt = time.Duration(float64(d.im.bytes) * 8 * 1.06 / float64(d.bounds.recent) * float64(time.Second))
	}
}
