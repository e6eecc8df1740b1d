package netsim

import (
	"bytes"
	"slices"
	"time"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// reportOverhead is what QUIC, UDP, IP and Ethernet add to a report.
const reportOverhead = 75

// member drives one peer.Machine.
type member struct {
	driver
	sim     *Sim
	spec    peerSpec
	sender  *sender
	id      distributor.MemberID // of the connection
	m       *peer.Machine
	linked  bool // connected to the sender's present run
	inGroup bool
	has     map[wire.Block]bool // durable: survives a crash, what is under way does not
	seen    []uint64            // datagrams of the run, the driver's replay window
	streamT [2]machine.Time
	joined  machine.Time // first life
	doneAt  machine.Time
	failed  string
	cause   peer.FailCause // with failed
	asked   []asked        // fetches not answered
	askedN  uint64
	lives   int
	joins   []machine.Time
	passAt  time.Duration // what a pass would have taken at the rate at which it joined

	deaf     bool // multicast does not reach it, whatever it does
	port     bool // its switch knows that it is in the group
	unheard  int  // so many joinings do not reach the switch
	mute     bool // its reports do not arrive
	banished bool // the sender takes it no more
	serves   serving
}

// begin begins a life of a member: it knows what its disk holds.
func (p *member) begin() {
	if p.lives == 0 {
		p.joined = p.sim.now
	}
	p.lives++
	m, err := peer.New(peer.Config{
		Seed: p.sim.rng.Uint64(), Cast: p.sender.cfg.Cast, Blocks: p.sender.im.peer,
		PartialMax: p.spec.partial, BacklogMax: p.spec.backlog, LostMax: p.spec.wait,
	})
	if err != nil {
		panic("netsim: " + err.Error())
	}
	p.m, p.alive, p.linked, p.inGroup = m, true, false, false
	p.seen, p.asked, p.wakeAt, p.failed = nil, nil, machine.Never, ""
	p.sim.say(p.name, "starts, holds %d blocks", len(p.has))
	p.give(p.need(p.spec.plan == 0))
	if p.spec.plan > 0 {
		p.planWhenPrologue(p.life)
	}
	if p.spec.urgent {
		p.hurry(p.life)
	}
}

// need returns what the member lacks: everything, or the prologue.
func (p *member) need(all bool) peer.Need {
	n := peer.Need{Final: all}
	for _, i := range p.wanted() {
		if !p.has[i] && (all || p.sender.im.sender[i].Prologue) {
			n.Spans = append(n.Spans, wire.Span{From: i, To: i + 1})
		}
	}
	return n
}

// wanted returns the blocks the member is to have in the end.
func (p *member) wanted() []wire.Block {
	var list []wire.Block
	n := int64(len(p.sender.im.chunks))
	from, to := n*p.spec.wantFrom/1_000_000, n*p.spec.wantTo/1_000_000
	for i := range n {
		if i >= from && i < to || p.sender.im.sender[i].Prologue {
			list = append(list, wire.Block(i))
		}
	}
	return list
}

// planWhenPrologue asks for the rest some time after the prologue is there, as a client that plans does.
func (p *member) planWhenPrologue(life int) {
	p.sim.plan(p.sim.now.Add(5*time.Millisecond), func() {
		if p.life != life {
			return
		}
		for i, b := range p.sender.im.sender {
			if b.Prologue && !p.has[wire.Block(i)] {
				p.planWhenPrologue(life)
				return
			}
		}
		p.sim.plan(p.sim.now.Add(p.spec.plan), func() {
			if p.life == life {
				p.give(p.need(true))
			}
		})
	})
}

func (p *member) give(in peer.In) {
	if !p.alive {
		return
	}
	p.m.Handle(p.sim.now, in)
	life := p.life
	for out, ok := p.m.Poll(); ok; out, ok = p.m.Poll() {
		if p.sim.burnt(&p.driver) {
			return
		}
		p.carryOut(out)
		if p.life != life {
			return
		}
	}
	p.sim.checkMember(p)
	when, _ := p.m.Deadline()
	p.sim.wake(&p.driver, when, func() bool { return p.life == life && p.alive }, func() { p.give(peer.Tick{}) })
}

func (p *member) carryOut(out peer.Out) {
	switch out := out.(type) {
	case peer.Store:
		p.store(out)
	case peer.SendReport:
		p.sendReport(out.Report)
	case peer.SendStream:
		p.sendStream(out.Msg)
	case peer.Dial:
		p.dial()
	case peer.Fetch:
		p.fetch(out.Block)
	case peer.Cancel:
		p.cancel(out.Block)
	case peer.Group:
		p.group(out.Join)
	case peer.Done:
		p.doneAt = p.sim.now
		p.sim.say(p.name, "done")
	case peer.Failed:
		p.failed, p.cause = out.Why, out.Cause
		p.sim.say(p.name, "failed: %s", out.Why)
	case peer.Event:
		if _, ok := out.Event.(event.BlockDecoded); ok {
			p.sender.bounds.feeding = 0
		}
		p.sim.happened(p.name, out.Event)
	}
}

// store writes a block to the virtual disk.
func (p *member) store(out peer.Store) {
	p.sim.note('S', uint64(p.index), uint64(out.Block))
	if p.sim.opts.corruptDisk && out.Block == 1 {
		out.Data = slices.Clone(out.Data)
		out.Data[0] ^= 1
	}
	if !bytes.Equal(out.Data, p.sender.im.chunks[out.Block]) {
		p.sim.violate("%s is given block %d with wrong bytes", p.name, out.Block)
	}
	took := time.Duration(0)
	if p.disk.bps > 0 {
		took = time.Duration(int64(len(out.Data)) * 8 * int64(time.Second) / p.disk.bps)
	}
	p.disk.free = max(p.disk.free, p.sim.now).Add(took)
	at := p.disk.free
	if p.disk.sync > 0 { // a commit at every multiple of sync
		at = machine.Time((int64(at)/int64(p.disk.sync) + 1) * int64(p.disk.sync))
	}
	life := p.life
	durable := func() {
		if p.life == life {
			p.has[out.Block] = true
			if !p.sim.opts.earlyStored {
				p.give(peer.Stored{Block: out.Block})
			}
		}
	}
	p.sim.plan(at, durable)
	if p.sim.opts.earlyStored {
		p.sim.plan(p.sim.now, func() {
			if p.life == life {
				p.give(peer.Stored{Block: out.Block})
			}
		})
	}
}

// group joins or leaves the multicast group.
func (p *member) group(join bool) {
	p.inGroup = join
	p.sim.note('g', uint64(p.index))
	switch {
	case !join:
		p.port = false
	case p.unheard > 0:
		p.unheard--
	default:
		p.port = true
	}
}

// listens says whether multicast is sent to the member.
func (p *member) listens() bool { return p.inGroup && p.port && !p.deaf }

// hurry asks now and then for the next block that it lacks as one that cannot wait, as a plan that cannot go on does.
func (p *member) hurry(life int) {
	p.sim.plan(p.sim.now.Add(200*time.Millisecond), func() {
		if p.life != life || p.doneAt > 0 || p.failed != "" {
			return
		}
		if i, ok := p.firstMissing(); ok {
			p.give(peer.Need{Urgent: true, Spans: []wire.Span{{From: i, To: i + 1}}})
		}
		p.hurry(life)
	})
}

// sendReport sends a report as a lossy datagram.
func (p *member) sendReport(r wire.Report) {
	p.sim.note('R', uint64(p.index), uint64(r.Highest), r.Received, uint64(len(r.Deficits)))
	if p.spec.liar || p.mute {
		return
	}
	p.unreliable(r)
}

func (p *member) unreliable(r wire.Report) {
	s := p.sender
	size := int64(r.Length()) + reportOverhead
	t, ok := p.up.pass(p.sim.now, size)
	if !ok || p.down.down || !p.linked || chance(p.sim.rng, p.loss) {
		return
	}
	s.stats.feedback += size
	if t, ok = s.down.pass(t, size); !ok {
		return
	}
	life, sl, id := p.life, s.life, p.id
	p.sim.plan(t, func() {
		if p.life == life && s.life == sl && s.members[id] == p {
			s.give(distributor.Report{Member: id, Report: r})
		}
	})
}

// lie reports huge needs of every block, all the time, whatever the machine says.
func (p *member) lie(life int, id distributor.MemberID, serial uint32) {
	p.sim.plan(p.sim.now.Add(20*time.Millisecond), func() {
		if p.life != life || p.id != id || !p.linked {
			return
		}
		s := p.sender
		r := wire.Report{Cast: s.cfg.Cast, Run: s.run, Serial: serial, Highest: s.nextSeq - 1, First: 1, Received: uint64(s.nextSeq-1) / 2}
		n := wire.Block(len(s.im.chunks))
		for j := range min(n, wire.MaxDeficits) {
			i := (wire.Block(serial)*wire.MaxDeficits + j) % n
			r.Deficits = append(r.Deficits, wire.Deficit{Block: i, Sent: s.sent[i], Need: 65535})
		}
		p.unreliable(r)
		p.lie(life, id, serial+1)
	})
}

func (p *member) sendStream(msg any) {
	s, id := p.sender, p.id
	if h, ok := msg.(wire.Held); ok {
		p.sim.checkHeld(p, h)
	}
	if !p.linked {
		return
	}
	if _, ok := msg.(wire.Held); ok && p.spec.liar {
		return
	}
	p.back(64, func() {
		if s.members[id] != p {
			return
		}
		s.give(distributor.Message{Member: id, Msg: msg})
		if _, ok := msg.(wire.Leave); ok {
			delete(s.members, id)
		}
	})
}
