package netsim

import (
	"slices"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// sender drives one distributor.Machine.
type sender struct {
	driver
	sim       *Sim
	cfg       distributor.Config
	im        *image
	m         *distributor.Machine
	run       uint32
	ended     bool // the machine is over: whoever asks next begins another run
	buf       int64
	busy      machine.Time                     // a blocking call returns then
	members   map[distributor.MemberID]*member // connected
	inbox     []distributor.In                 // came while busy
	nextSeq   wire.Seq
	sent      map[wire.Block]uint32 // symbols of each block in this run
	stats     senderStats
	bounds    bounds
	rateAt    machine.Time
	rateBytes int64

	memory     memory
	unreadable map[wire.Block]bool // its disk does not give these
	refuses    bool                // answers nobody who dials
	full       bool                // says to all who dial that it has no place
	serves     serving
}

type senderStats struct {
	multicast, quic, feedback int64
	first, last               machine.Time
	demoted, dropped          map[string]bool
	unreadable                int // bursts that were not sent
}

// start begins a life of a sender.
func (s *sender) start() {
	s.alive = true
	s.begin()
}

// begin starts a run.
func (s *sender) begin() {
	s.run++
	cfg := s.cfg
	cfg.Run, cfg.Blocks = s.run, s.im.sender
	m, err := distributor.New(cfg)
	if err != nil {
		panic("netsim: " + err.Error())
	}
	s.m, s.ended, s.nextSeq = m, false, 1
	s.members, s.sent = map[distributor.MemberID]*member{}, map[wire.Block]uint32{}
	s.memory.there = map[wire.Block]bool{}
	s.inbox, s.busy, s.wakeAt = nil, s.sim.now, machine.Never
	s.rateAt, s.rateBytes = s.sim.now, s.stats.multicast
	s.sim.say(s.name, "starts run %d", s.run)
	when, _ := m.Deadline()
	s.wake(max(when, s.sim.now))
	s.watch(s.run)
}

// watch looks at the machine's status now and then.
func (s *sender) watch(run uint32) {
	s.sim.plan(s.sim.now.Add(watchEvery), func() {
		if s.is(run) {
			s.sim.checkSender(s)
			s.watch(run)
		}
	})
}

// end ends a run, as the machine said. Who is a member still is told.
func (s *sender) end(why string) {
	s.sim.say(s.name, "run over: %s", why)
	s.ended = true
	for _, p := range s.sim.members {
		if p.linked && s.members[p.id] == p {
			s.dismiss(p, s.sim.now, why)
		}
	}
}

// give hands an input to the machine, at once or when a blocking call has returned.
func (s *sender) give(in distributor.In) {
	if !s.alive || s.ended {
		return
	}
	if s.busy <= s.sim.now && len(s.inbox) == 0 {
		s.handle(in)
		return
	}
	s.inbox = append(s.inbox, in) // in order: what waits comes before the next Tick
	if len(s.inbox) == 1 {
		run := s.run
		s.sim.plan(s.busy, func() { s.catchUp(run) })
	}
}

// catchUp hands over what came while busy.
func (s *sender) catchUp(run uint32) {
	for s.is(run) && len(s.inbox) > 0 {
		if s.busy > s.sim.now {
			s.sim.plan(s.busy, func() { s.catchUp(run) })
			return
		}
		in := s.inbox[0]
		s.inbox = s.inbox[1:]
		s.handle(in)
	}
}

// is says whether a run goes on.
func (s *sender) is(run uint32) bool { return s.alive && !s.ended && s.run == run }

func (s *sender) handle(in distributor.In) {
	s.m.Handle(s.sim.now, in)
	at := s.sim.now // the driver's own time: a blocking send moves it
	run := s.run
	var lost []wire.Block // could not be read
	for out, ok := s.m.Poll(); ok; out, ok = s.m.Poll() {
		if s.sim.burnt(&s.driver) {
			return
		}
		if sym, ok := out.(distributor.SendSymbols); ok && !s.mayRead(sym.Block) {
			lost = s.lose(lost, sym)
			continue
		}
		at = s.carryOut(at, out)
		if !s.is(run) {
			return
		}
	}
	s.busy = at
	s.sim.checkRate(s)
	when, _ := s.m.Deadline()
	s.wake(max(when, at))
	for _, i := range lost {
		s.give(distributor.Unreadable{Block: i})
	}
}

// lose notes symbols that cannot be sent: their sequence numbers are lost.
func (s *sender) lose(lost []wire.Block, out distributor.SendSymbols) []wire.Block {
	s.sim.note('u', uint64(s.index), uint64(out.Seq), uint64(out.Block))
	s.stats.unreadable++
	s.nextSeq += wire.Seq(out.Count)
	if !slices.Contains(lost, out.Block) {
		lost = append(lost, out.Block)
	}
	return lost
}

// wake plans a Tick.
func (s *sender) wake(when machine.Time) {
	run := s.run
	s.sim.wake(&s.driver, when, func() bool { return s.is(run) }, func() { s.give(distributor.Tick{}) })
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
			s.dismiss(p, at, out.Why)
		}
	case distributor.Load:
		s.load(out.Block)
	case distributor.Unload:
		s.unload(out.Block)
	case distributor.Over:
		s.end(out.Why)
	case distributor.End:
		s.end(out.Why)
	case distributor.Event:
		s.sim.happened(s.name, out.Event)
	}
	return at
}

// dismiss tells a member that it is none any more.
func (s *sender) dismiss(p *member, at machine.Time, why string) {
	delete(s.members, p.id)
	s.stream(p, at, 64, func() { p.unlink(why, false) })
}

// forget takes a member out whose connection ended.
func (s *sender) forget(id distributor.MemberID) {
	delete(s.members, id)
	s.give(distributor.Gone{Member: id})
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
