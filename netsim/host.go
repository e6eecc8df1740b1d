package netsim

import (
	"slices"
	"time"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// host is what senders and members have in common: a place in the network, and a life.
type host struct {
	name     string
	index    int
	site     *site
	up, down link
	life     int // grows with each crash: what was under way for an earlier life is lost
	alive    bool
	outputs  int // carried out in all lives
	fuse     int // dies at this output; 0: never
	fuseBack time.Duration
	busy     machine.Time // a blocking call returns then
	wakeAt   machine.Time
}

// site is a switch; its trunk is the link from all other sites.
type site struct {
	name  string
	trunk link
}

// quicOverhead is what a stream's bytes take on the wire, in per cent.
const quicOverhead = 106

// sender drives one distributor.Machine.
type sender struct {
	host
	sim       *Sim
	cfg       distributor.Config
	im        *image
	m         *distributor.Machine
	run       uint32
	buf       int64
	members   map[distributor.MemberID]*member // connected
	inbox     []distributor.In                 // came while busy
	nextSeq   wire.Seq
	sent      map[wire.Block]uint32 // symbols of each block in this run
	stats     senderStats
	bounds    bounds
	faulted   bool // something beside speed and loss happens to it
	rateAt    machine.Time
	rateBytes int64
}

type senderStats struct {
	multicast, quic, feedback int64
	first, last               machine.Time
	demoted, dropped          map[string]bool
}

// member drives one peer.Machine.
type member struct {
	host
	sim     *Sim
	spec    peerSpec
	sender  *sender
	id      distributor.MemberID
	m       *peer.Machine
	linked  bool // connected to the sender's present run
	inGroup bool
	deaf    bool
	weather
	air     link // what multicast has to pass beside down: Wi-Fi sends it at its lowest rate; no limit unless bps is set
	faulted bool // something beside speed and loss happens to it
	joins   []machine.Time
	passAt  time.Duration // what a pass would have taken at the rate at which it joined
	disk    disk
	seen    []uint64 // datagrams of the run, the driver's replay window
	streamT [2]machine.Time
	joined  machine.Time // first life
	doneAt  machine.Time
	failed  string
	asked   []wire.Block // fetches not answered
	lives   int
}

// disk is a virtual disk: what is on it survives a crash, what is under way does not.
type disk struct {
	bps  int64
	sync time.Duration
	free machine.Time
	has  map[wire.Block]bool
}

// start begins a life of a sender.
func (s *sender) start() {
	s.run++
	cfg := s.cfg
	cfg.Run, cfg.Blocks = s.run, s.im.sender
	m, err := distributor.New(cfg)
	if err != nil {
		panic("netsim: " + err.Error())
	}
	s.m, s.alive, s.nextSeq = m, true, 1
	s.members, s.sent = map[distributor.MemberID]*member{}, map[wire.Block]uint32{}
	s.inbox, s.busy, s.wakeAt = nil, s.sim.now, machine.Never
	s.sim.say(s.name, "starts run %d", s.run)
	for _, p := range s.sim.members {
		if p.sender == s && p.alive {
			p.dial()
		}
	}
}

// give hands an input to the machine, at once or when a blocking call has returned.
func (s *sender) give(in distributor.In) {
	if !s.alive {
		return
	}
	if s.busy <= s.sim.now && len(s.inbox) == 0 {
		s.handle(in)
		return
	}
	s.inbox = append(s.inbox, in) // in order: what waits comes before the next Tick
	if len(s.inbox) == 1 {
		life := s.life
		s.sim.plan(s.busy, func() { s.catchUp(life) })
	}
}

// catchUp hands over what came while busy.
func (s *sender) catchUp(life int) {
	if life != s.life {
		return
	}
	for len(s.inbox) > 0 {
		if s.busy > s.sim.now {
			s.sim.plan(s.busy, func() { s.catchUp(life) })
			return
		}
		in := s.inbox[0]
		s.inbox = s.inbox[1:]
		s.handle(in)
		if life != s.life {
			return
		}
	}
}

func (s *sender) handle(in distributor.In) {
	now := s.sim.now
	s.m.Handle(now, in)
	at := now // the driver's own time: a blocking send moves it
	life := s.life
	for out, ok := s.m.Poll(); ok; out, ok = s.m.Poll() {
		s.outputs++
		if s.fuse > 0 && s.outputs == s.fuse {
			s.sim.burn(s.name, &s.host)
			return
		}
		at = s.carryOut(at, out)
		if life != s.life {
			return
		}
	}
	s.busy = at
	s.sim.checkRate(s)
	when, _ := s.m.Deadline()
	s.wake(max(when, at))
}

// wake plans a Tick.
func (s *sender) wake(when machine.Time) {
	if when == machine.Never || s.wakeAt <= when && s.wakeAt > s.sim.now {
		return
	}
	s.wakeAt = when
	life := s.life
	s.sim.plan(when, func() {
		if s.life == life && s.alive && s.wakeAt == when {
			s.wakeAt = machine.Never
			s.give(distributor.Tick{})
		}
	})
}

// carryOut does what the machine says at the driver's time at, and returns when that is done.
func (s *sender) carryOut(at machine.Time, out distributor.Out) machine.Time {
	switch out := out.(type) {
	case distributor.SendSymbols:
		return s.sendSymbols(at, out)
	case distributor.SendAnnounce:
		a := out.Announce
		s.sim.note('a', uint64(s.index), uint64(out.Seq), uint64(len(a.Closed)))
		h := wire.Header{Type: wire.TypeAnnounce, Cast: s.cfg.Cast, Run: s.run, Seq: out.Seq}
		return s.multicast(at, h, int64(a.Length()), func(p *member, _ bool) { p.give(peer.Announce{Header: h, Announce: a}) })
	case distributor.SendStream:
		s.sim.note('m', uint64(s.index), uint64(out.Member))
		if d, ok := out.Msg.(wire.Demote); ok {
			s.noteDemoted(out.Member, d)
		}
		if p := s.members[out.Member]; p != nil {
			s.stream(p, at, 64, func() { p.give(peer.Message{Msg: out.Msg}) })
		}
	case distributor.Drop:
		if p := s.members[out.Member]; p != nil {
			s.stats.dropped[p.name] = true
			delete(s.members, out.Member)
			s.stream(p, at, 64, func() { p.refused() })
		}
	case distributor.Over:
		s.sim.say(s.name, "run over: %s", out.Why)
	case distributor.Event:
		s.sim.say(s.name, "%v", out)
	}
	return at
}

func (s *sender) noteDemoted(id distributor.MemberID, d wire.Demote) {
	if p := s.members[id]; p != nil {
		s.stats.demoted[p.name] = true
		s.sim.note('d', uint64(d.Reason))
	}
}

func (s *sender) sendSymbols(at machine.Time, out distributor.SendSymbols) machine.Time {
	s.sim.note('s', uint64(s.index), uint64(out.Seq), uint64(out.Block), uint64(out.First), uint64(out.Count))
	if s.stats.first == 0 {
		s.stats.first = at
	}
	s.stats.last = at
	s.feed(at)
	s.sent[out.Block] += uint32(out.Count)
	for n := range out.Count {
		i := out.First + wire.Symbol(n)
		data := s.im.symbol(out.Block, i)
		h := wire.Header{Type: wire.TypeSymbol, Symbol: i, Cast: s.cfg.Cast, Run: s.run, Seq: out.Seq + wire.Seq(n), Block: out.Block}
		at = s.multicast(at, h, int64(len(data)), func(p *member, flip bool) {
			payload := data
			if flip {
				payload = slices.Clone(data)
				payload[len(payload)/2] ^= 1
			}
			p.give(peer.Symbol{Header: h, Payload: payload})
		})
	}
	return at
}

// multicast sends one datagram to the group. It blocks while the socket buffer is full.
func (s *sender) multicast(at machine.Time, h wire.Header, payload int64, deliver func(p *member, flip bool)) machine.Time {
	if h.Seq != s.nextSeq {
		s.sim.violate("%s sends datagram %d of run %d, expected %d", s.name, h.Seq, s.run, s.nextSeq)
	}
	s.nextSeq++
	bytes := payload + datagramOverhead
	s.stats.multicast += bytes
	at = s.up.room(at, s.buf)
	left, ok := s.up.pass(at, bytes)
	if !ok {
		return at
	}
	arrived := map[*site]machine.Time{s.site: left}
	for _, p := range s.sim.members {
		if p.sender != s || !p.alive || !p.inGroup || p.deaf {
			continue
		}
		t, ok := arrived[p.site]
		if !ok {
			if t, ok = p.site.trunk.pass(left, bytes); !ok {
				t = machine.Never
			}
			arrived[p.site] = t
		}
		if t != machine.Never {
			p.arrive(t, bytes, h, deliver)
		}
	}
	return at
}

// arrive brings a datagram through the member's own link and weather.
func (p *member) arrive(at machine.Time, bytes int64, h wire.Header, deliver func(p *member, flip bool)) {
	t, ok := p.down.pass(at, bytes)
	if ok && p.air.bps > 0 {
		t, ok = p.air.pass(t, bytes)
	}
	rng := p.sim.rng
	if !ok || p.weather.lost(rng) {
		return
	}
	copies := 1
	if chance(rng, p.dup) {
		copies = 2
	}
	for range copies {
		when := t
		if chance(rng, p.reorder) {
			when = when.Add(time.Duration(rng.Int64N(int64(5 * time.Millisecond))))
		}
		life, flip := p.life, chance(rng, p.flip)
		p.sim.plan(when, func() {
			if p.life == life && p.alive && p.inGroup && p.sender.run == h.Run && p.fresh(h.Seq) {
				deliver(p, flip)
			}
		})
	}
}

// fresh says whether the datagram was not heard before, as the driver's replay window does.
func (p *member) fresh(seq wire.Seq) bool {
	w := int(seq / 64)
	for len(p.seen) <= w {
		p.seen = append(p.seen, 0)
	}
	if p.seen[w]>>(seq%64)&1 == 1 {
		return false
	}
	p.seen[w] |= 1 << (seq % 64)
	return true
}

// stream carries a message of bytes to p reliably and in order; do happens if both still live then and are connected.
func (s *sender) stream(p *member, at machine.Time, bytes int64, do func()) {
	s.stats.quic += bytes * quicOverhead / 100
	t := s.up.force(at, bytes*quicOverhead/100)
	if p.site != s.site {
		t = p.site.trunk.force(t, bytes*quicOverhead/100)
	}
	t = p.down.force(t, bytes*quicOverhead/100)
	p.streamed(0, t, do)
}

// streamed plans the arrival of a reliable message, in order in its direction.
func (p *member) streamed(direction int, at machine.Time, do func()) {
	if chance(p.sim.rng, min(p.loss, 500_000)) {
		at = at.Add(5 * time.Millisecond) // a retransmission
	}
	at = max(at, p.streamT[direction])
	p.streamT[direction] = at
	life, sl := p.life, p.sender.life
	var try func()
	try = func() {
		switch {
		case p.life != life || p.sender.life != sl || !p.alive || !p.sender.alive:
		case p.down.down:
			p.sim.plan(p.sim.now.Add(200*time.Millisecond), try)
		default:
			do()
		}
	}
	p.sim.plan(at, try)
}

// back carries a message to the sender.
func (p *member) back(bytes int64, do func()) {
	t := p.up.force(p.sim.now, bytes*quicOverhead/100)
	t = p.sender.down.force(t, bytes*quicOverhead/100)
	p.streamed(1, t, do)
}
