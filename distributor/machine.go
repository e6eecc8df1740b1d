package distributor

import (
	"fmt"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// Machine is the sender of one cast in one run. It is not safe for concurrent use.
type Machine struct {
	cfg Config
	now machine.Time
	out machine.Queue[Out]

	table
	members []*member // by id
	waiting int       // members that wait for multicast of something
	needing int       // members that lack something or may ask for more

	started bool
	start   machine.Time // first symbol at the earliest
	sending bool         // the first symbol was sent
	silent  bool
	over    bool
	lingering

	seq    uint64
	window []wire.Block              // open blocks
	slot   int                       // next of window to be sent from
	owed   machine.Queue[wire.Block] // closed blocks with symbols owed

	mainAsked machine.Time // when a block outside the prologue could first have been sent
	mainGoes  bool

	freshQ    machine.Queue[wire.Block]
	toldQ     machine.Queue[at]
	firstQ    machine.Queue[at] // blocks closed for the first time, to be looked at for proactive parity
	announced uint64            // symbols sent at the last announce

	repairs map[wire.Block]int32 // block -> slot
	slots   []repair
	free    []int32
	repairQ machine.Queue[int32] // slots in order of time
	parity  int64                // proactive parity, ppm of k

	rate       rate
	pass       int          // 0: the first; counted up by beginPass
	pauses     uint64       // times that there was nothing to send
	paused     bool         // there is nothing to send
	feeding    machine.Time // first symbol since anybody gained something by multicast; 0: none
	fed        machine.Time // last symbol
	wasteFrom  machine.Time // since when it is looked how much comes through; 0: it is not
	memory     memory
	clear      machine.Time // when the bucket allows the next burst
	interval   time.Duration
	reportSize int64
	reportBits int64 // mean report size times 256

	meter   int64 // bytes demoted members may be offered
	metered machine.Time
	turn    int

	announceAt, checkAt, progressAt machine.Time
	lastHeard                       machine.Time
	progressed                      uint64

	stats            stats
	scratch, lossBuf []int64
	left             []*member // scratch of sortLeft
}

type stats struct {
	source, parity, repair, unicast uint64
	wire                            int64
}

// New makes a machine. It refuses a Config that cannot work.
func New(cfg Config) (*Machine, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	m := &Machine{
		cfg:        cfg,
		table:      newTable(cfg.Blocks),
		repairs:    make(map[wire.Block]int32),
		mainAsked:  machine.Never,
		reportSize: 200,
		reportBits: 200 * 256,
		rate:       rate{bps: cfg.RateStartBps, fast: true},
		memory:     memory{max: cfg.MemoryBlocks, state: make(map[wire.Block]loadState)},
		announceAt: machine.Never, checkAt: machine.Never, progressAt: machine.Never,
	}
	m.cfg.Blocks = nil // the table has what is needed
	m.setInterval()
	return m, nil
}

// Handle processes one input at time now, which must not be before that of an earlier call. Only a Tick makes the machine
// multicast, or end: other inputs cost no sending time, so a driver whose send blocks takes all inputs that wait before each Tick
// and does not fall behind.
func (m *Machine) Handle(now machine.Time, in In) {
	if now < m.now {
		panic(fmt.Sprintf("distributor: time runs backwards from %v to %v", m.now, now))
	}
	m.now = now
	switch in := in.(type) {
	case Join:
		m.join(in)
	case Message:
		m.message(in)
		m.lookAhead()
	case Report:
		m.report(in)
	case Gone:
		if mb := m.member(in.Member); mb != nil {
			m.remove(mb)
		}
	case Fetched:
		m.fetched(in)
	case Loaded:
		m.loaded(in.Block)
		m.lookAhead()
	case Unreadable:
		m.unreadable(in.Block)
		m.lookAhead()
	case Yield:
		m.yields = true
	case Tick:
		m.run()
		m.endLingering()
		m.lookAhead()
	default:
		panic(fmt.Sprintf("distributor: unknown input %T", in))
	}
	m.linger()
}

// run does what is due.
func (m *Machine) run() {
	if !m.started || m.over {
		return
	}
	if m.now >= m.checkAt && len(m.members) > 0 {
		m.check()
		m.serve()
	}
	if m.now >= m.progressAt {
		m.sayProgress()
	}
	m.decide()
	m.settle()
	m.multicastDue()
}

// multicastDue sends what the bucket allows.
func (m *Machine) multicastDue() {
	for m.clear <= m.now {
		if m.seq+burstMax >= DatagramsMax {
			m.endRun()
			return
		}
		if m.announceDue() {
			m.announce()
			continue
		}
		if m.now < m.start || m.silent {
			m.pause()
			return
		}
		if !m.burst() {
			m.pause()
			return
		}
		if !m.sending {
			m.sending = true
			m.event(event.FirstSent{After: m.now.Sub(m.start.Add(-m.cfg.StartDelay))})
			m.beginRound()
		}
	}
}

// endRun stops for good: the nonces are used up.
func (m *Machine) endRun() {
	m.over = true
	m.event(event.RunOver{Datagrams: m.seq})
	m.out.Push(Over{Why: fmt.Sprintf("%d datagrams were sent with one key, a new run is needed", m.seq)})
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
	if m.over {
		return machine.Never, "nothing: the run is over"
	}
	if len(m.members) == 0 {
		return m.lingerDeadline()
	}
	when, why := m.checkAt, machine.Reason("reports of the members")
	sooner := func(t machine.Time, r machine.Reason) {
		if t < when {
			when, why = t, r
		}
	}
	sooner(m.progressAt, "the time to tell progress")
	if m.needing > 0 {
		sooner(max(m.announceAt, m.clear), "the time to announce")
	}
	if m.repairQ.Len() > 0 {
		sooner(m.slots[*m.repairQ.Front()].due, "the members' needs")
	}
	if m.firstQ.Len() > 0 {
		sooner(m.firstQ.Front().time, "the members' needs")
	}
	if !m.silent && m.hasWork() {
		sooner(max(m.clear, m.start), "the pace")
	}
	return max(when, m.now), why
}
