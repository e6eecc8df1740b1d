package netsim

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// violationsMax is how many broken rules a Result lists.
const violationsMax = 20

// Sim is one run.
type Sim struct {
	clock
	*trace
	rng     *rand.Rand
	opts    options
	sites   []*site
	images  map[string]*image
	senders []*sender
	members []*member
	lastID  distributor.MemberID
	hosts   int
	broken  []string
	end     machine.Time
}

// options are what tests change to see that the checks check.
type options struct {
	earlyStored bool // the driver says Stored before it is so
	corruptDisk bool // the disk driver flips a bit of block 1
}

// violate notes a broken rule.
func (s *Sim) violate(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	s.say("netsim", "RULE BROKEN: %s", line)
	if len(s.broken) < violationsMax {
		s.broken = append(s.broken, fmt.Sprintf("%v: %s", s.now, line))
	}
}

func (s *Sim) note(kind byte, n ...uint64) { s.trace.note(s.now, kind, n...) }

func (s *Sim) say(who any, format string, args ...any) {
	s.trace.say(s.now, fmt.Sprint(who), format, args...)
}

// checkHeld checks that what a member tells as held is durable.
func (s *Sim) checkHeld(p *member, h wire.Held) {
	for _, span := range h.Spans {
		for i := span.From; i < span.To; i++ {
			if !p.disk.has[i] {
				s.violate("%s tells block %d held, it is not durable", p.name, i)
			}
		}
	}
}

// checkMember checks a member's limits.
func (s *Sim) checkMember(p *member) {
	st := p.m.Status()
	partial, backlog := p.spec.partial, p.spec.backlog
	if partial == 0 {
		partial, backlog = 64<<20, 64<<20
	}
	if st.Partial > partial {
		s.violate("%s keeps %d bytes of partial blocks, at most %d are allowed", p.name, st.Partial, partial)
	}
	if st.Backlog > partial+backlog+1<<20 {
		s.violate("%s has a backlog of %d bytes", p.name, st.Backlog)
	}
}

// checkRate checks that a sender keeps to its cap: what it sent in the last 100 ms or more.
func (s *Sim) checkRate(d *sender) {
	const window = 100 * time.Millisecond
	span := s.now.Sub(d.rateAt)
	if span < window {
		return
	}
	limit := d.cfg.RateCapBps
	if limit == 0 {
		limit = distributor.DefaultRateCapBps
	}
	slack := int64(64 << 10)
	if sent := d.stats.multicast - d.rateBytes; float64(sent-slack)*8 > float64(limit)*(span+2*time.Millisecond).Seconds() {
		s.violate("%s sent %d bytes in %v, over its cap of %d bit/s", d.name, sent, span, limit)
	}
	d.bounds.recent = int64(float64(d.stats.multicast-d.rateBytes) * 8 / span.Seconds())
	d.rateAt, d.rateBytes = s.now, d.stats.multicast
}

// burn crashes a node at one of its outputs.
func (s *Sim) burn(name string, h *host) {
	s.say(name, "dies at output %d", h.outputs)
	s.crash(name)
	if h.fuseBack > 0 {
		s.plan(s.now.Add(h.fuseBack), func() { s.restart(name) })
	}
}

// noticeAfter is how long it takes until a lost connection is noticed.
const noticeAfter = time.Second

// crash ends a node's life.
func (s *Sim) crash(name string) {
	for _, d := range s.senders {
		if d.name == name && d.alive {
			d.alive, d.faulted = false, true
			d.life++
			s.say(name, "crashed")
			s.lose(d)
		}
	}
	for _, p := range s.members {
		if p.name == name && p.alive {
			p.alive, p.inGroup, p.faulted = false, false, true
			p.life++
			s.say(name, "crashed")
			s.leave(p)
		}
	}
}

// lose lets the members of a dead sender notice.
func (s *Sim) lose(d *sender) {
	for _, p := range s.members {
		if p.sender == d && p.linked {
			life := p.life
			s.plan(s.now.Add(noticeAfter), func() {
				if p.life == life && p.linked && p.alive {
					p.unlink()
					if d.alive {
						p.dial()
					}
				}
			})
		}
	}
}

// leave lets the sender notice that a member is gone.
func (s *Sim) leave(p *member) {
	if !p.linked {
		return
	}
	d, id, sl := p.sender, p.id, p.sender.life
	p.linked = false
	s.plan(s.now.Add(noticeAfter), func() {
		if d.life == sl && d.members[id] == p {
			delete(d.members, id)
			d.give(distributor.Gone{Member: id})
		}
	})
}

// restart begins a crashed node's next life.
func (s *Sim) restart(name string) {
	for _, d := range s.senders {
		if d.name == name && !d.alive {
			d.life++
			d.start()
		}
	}
	for _, p := range s.members {
		if p.name == name && !p.alive && p.lives > 0 && p.doneAt == 0 {
			p.life++
			p.begin()
		}
	}
}

// settled says whether every member is done or has given up.
func (s *Sim) settled() bool {
	for _, p := range s.members {
		if p.doneAt == 0 && p.failed == "" && !p.spec.liar {
			return false
		}
	}
	return true
}

// run lets things happen until all members are done, or until the end.
func (s *Sim) run() {
	for s.step(s.end) {
		if s.settled() {
			return
		}
	}
}

// newSim returns an empty world.
func newSim(seed uint64, w io.Writer) *Sim {
	return &Sim{
		trace: newTrace(w, false), rng: rand.New(rand.NewPCG(seed, 0x6e657473696d)),
		images: map[string]*image{}, end: machine.Time(60 * time.Second),
	}
}
