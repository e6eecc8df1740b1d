package peer

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/wimcast/wimcast/internal/bitset"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// Machine is one member of a cast. It is not safe for concurrent use.
type Machine struct {
	cfg Config
	now machine.Time
	out machine.Queue[Out]
	rng *rand.Rand

	joinRng *rand.Rand // of the moments at which the group is joined again

	blocks   []block
	lackN    int // blocks in state wanted
	storingN int
	heldN    int
	askedN   int
	final    bool
	done     bool
	failed   bool

	pool    pool
	backlog int64
	full    bool // no new block is begun

	claims     []claim
	freeClaims []int32
	claimQ     machine.Queue[int32] // claims, and places of ended ones

	news     []wire.Block // durable, not reported
	interval time.Duration
	reportAt machine.Time
	serial   uint32

	fetchSet bitset.Set
	fetches

	calling
	known bool // run is
	run   uint32
	hearing
	inGroup bool
	deaf    bool
	joinAt  machine.Time // the group is joined again then
	demoted wire.DemoteReason
	lease   time.Duration
	heardAt machine.Time
	lapsed  bool // nothing was received for the lease

	stats Status
}

// New makes a machine. It refuses a Config that cannot work. Its first word is Dial.
func New(cfg Config) (*Machine, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	n := len(cfg.Blocks)
	return &Machine{
		cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0x77696d63617374)), joinRng: rand.New(rand.NewPCG(cfg.Seed, 0x6a6f696e)),
		blocks: make([]block, n), interval: intervalStart,
		fetchSet: bitset.New(n), fetches: fetches{window: cfg.FetchMax},
	}, nil
}

// Handle processes one input at time now, which must not be before that of an earlier call. Symbol may be given as *Symbol,
// which is not kept, so that a driver needs no allocation per datagram.
func (m *Machine) Handle(now machine.Time, in In) {
	if now < m.now {
		panic(fmt.Sprintf("peer: time runs backwards from %v to %v", m.now, now))
	}
	m.now = now
	if !m.begun {
		m.begun, m.lostAt, m.dialAt = true, now, now
	}
	switch in := in.(type) {
	case *Symbol:
		m.symbol(in)
	case Symbol:
		m.symbol(&in)
	case Announce:
		m.announce(in)
	case Message:
		m.message(in.Msg)
	case Need:
		m.need(in)
	case Stored:
		m.stored(in.Block)
	case Fetched:
		m.fetched(in)
	case Link:
		m.link(in)
	case DialFailed:
		m.dialFailed(in)
	case Tick:
	default:
		panic(fmt.Sprintf("peer: unknown input %T", in))
	}
	m.act()
}

// act does what is due.
func (m *Machine) act() {
	if m.done || m.failed {
		return
	}
	if m.final && m.lackN == 0 && m.storingN == 0 {
		m.finish()
		return
	}
	if !m.linkUp {
		m.waitForLink()
		return
	}
	if m.now >= m.reportAt {
		m.report()
	}
	m.joinAgain()
	if m.lease > 0 && !m.lapsed && !m.demotedAway() && m.now.Sub(m.heardAt) >= m.lease {
		m.lapsed = true
		m.event(event.SenderSilent{For: m.lease})
	}
	m.cancelStalled()
	m.fetchMore()
}

// finish says that everything is held, and leaves.
func (m *Machine) finish() {
	m.done = true
	m.event(event.AllReceived{Blocks: m.heldN})
	if m.linkUp {
		m.tellHeld()
		m.out.Push(SendStream{Msg: wire.Leave{Cast: m.cfg.Cast}})
	}
	if m.inGroup && !m.demotedAway() {
		m.out.Push(Group{Join: false})
	}
	m.out.Push(Done{})
}

// Poll returns the next output, if there is one. The driver drains it after every Handle.
func (m *Machine) Poll() (Out, bool) {
	if m.out.Len() == 0 {
		return nil, false
	}
	return m.out.Pop(), true
}

// Deadline says when to call Handle with a Tick at the latest, and what is waited for.
func (m *Machine) Deadline() (machine.Time, machine.Reason) {
	switch {
	case m.done:
		return machine.Never, "nothing: all is held"
	case m.failed:
		return machine.Never, "nothing: given up"
	case !m.linkUp:
		return m.linkDeadline()
	}
	when := m.reportAt
	if !m.demotedAway() {
		when = min(when, m.joinAt)
	}
	if len(m.flight) > 0 {
		when = min(when, m.flight[0].asked.Add(fetchFor))
	}
	if m.lease > 0 && !m.lapsed && !m.demotedAway() {
		when = min(when, m.heardAt.Add(m.lease))
	}
	if m.fetchN > 0 && !m.full && len(m.flight) < m.window && m.now < m.pause {
		when = min(when, m.pause)
	}
	return max(when, m.now), m.waiting()
}

// waiting says in words what the member waits for.
func (m *Machine) waiting() machine.Reason {
	switch {
	case m.full:
		return "the disk: too much is received and not yet durable"
	case m.lackN == 0 && m.storingN > 0:
		return "the disk to make the last blocks durable"
	case m.lackN == 0:
		return "the plan: what else is needed"
	case m.refused:
		return "the sender, which cannot give a part of what it offers"
	case m.deaf:
		return "blocks over QUIC: multicast does not reach this machine"
	case m.demoted != 0:
		return "blocks over QUIC: this machine was asked to leave the group"
	case m.lapsed:
		return "the sender, which is silent"
	}
	return "blocks by multicast"
}

// Status returns a snapshot for people.
func (m *Machine) Status() Status {
	s := m.stats
	s.WaitUntil, s.Waiting = m.Deadline()
	s.Wanted, s.Held, s.Final, s.LinkUp, s.Deaf, s.Demoted = m.askedN, m.heldN, m.final, m.linkUp, m.deaf, m.demoted
	s.Backlog, s.Partial, s.Fetching = m.backlog, m.pool.bytes, m.fetchN
	if sent := uint64(m.highest - m.first + 1); m.received > 0 && sent > m.received {
		s.LossPpm = int64((sent - m.received) * 1_000_000 / sent)
	}
	return s
}
