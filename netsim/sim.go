package netsim

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// violationsMax is how many broken rules a Result lists.
const violationsMax = 20

// Sim is one run.
type Sim struct {
	clock
	*trace
	rng      *rand.Rand
	opts     options
	nodes    []*node
	segments []*segment
	images   map[string]*image
	senders  []*sender
	members  []*member
	lastID   distributor.MemberID
	faults   int // that the scenario makes happen
	drivers  int
	broken   []string
	over     []string        // bounds exceeded
	kinds    map[string]bool // of events that happened
	end      machine.Time
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
	s.trace.say(s.now, fmt.Sprint(who), fmt.Sprintf(format, args...))
}

// happened traces a machine's event. What comes once per block goes into the hash only.
func (s *Sim) happened(who string, e event.Event) {
	s.kinds[e.Kind()] = true
	line := event.Line(e)
	if _, often := e.(event.BlockDecoded); often {
		s.trace.fold(s.now, who, line)
		return
	}
	s.trace.say(s.now, who, line)
}

// checkHeld checks that what a member tells as held is durable.
func (s *Sim) checkHeld(p *member, h wire.Held) {
	for _, span := range h.Spans {
		for i := span.From; i < span.To; i++ {
			if !p.has[i] {
				s.violate("%s tells block %d held, it is not durable", p.name, i)
			}
		}
	}
}

// checkMember checks a member's limits.
func (s *Sim) checkMember(p *member) {
	st := p.m.Status()
	if st.Waiting == "" {
		s.violate("%s waits without a reason", p.name)
	}
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

// watchEvery is the time between two looks at a sender's status.
const watchEvery = 250 * time.Millisecond

// checkSender checks what a sender's machine says of itself: a rate from floor to cap, and a reason for its waiting.
func (s *Sim) checkSender(d *sender) {
	st := d.m.Status()
	cfg := d.cfg
	if cfg.RateCapBps == 0 {
		cfg.RateCapBps = distributor.DefaultRateCapBps
	}
	if cfg.RateFloorBps == 0 {
		cfg.RateFloorBps = min(distributor.DefaultRateFloorBps, cfg.RateCapBps)
	}
	if rate := int64(st.RateBps); rate < cfg.RateFloorBps || rate > cfg.RateCapBps {
		s.violate("%s has a rate of %d bit/s, not from %d to %d", d.name, rate, cfg.RateFloorBps, cfg.RateCapBps)
	}
	if st.Waiting == "" {
		s.violate("%s waits without a reason", d.name)
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
		images: map[string]*image{}, kinds: map[string]bool{}, end: machine.Time(60 * time.Second),
	}
}
