package netsim

import (
	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/peer"
)

// dial tries to connect to the sender, as QUIC does: it asks again and again for a while.
func (p *member) dial() {
	life, until := p.life, p.sim.now.Add(dialFor)
	var try func()
	try = func() {
		s := p.sender
		switch {
		case p.life != life || p.failed != "" || p.doneAt > 0:
		case (!s.alive || p.down.down || s.down.down) && p.sim.now < until:
			p.sim.plan(p.sim.now.Add(dialEvery), try)
		case !s.alive || p.down.down || s.down.down:
			p.give(peer.DialFailed{Why: "no answer"})
		case p.banished:
			p.give(peer.DialFailed{Why: "the sender takes this node no more", Permanent: true})
		case s.full:
			p.give(peer.DialFailed{Why: "it has no place", Busy: true})
		case s.refuses:
			p.give(peer.DialFailed{Why: "the sender takes nobody now"})
		default:
			p.connect()
		}
	}
	p.sim.plan(p.sim.now.Add(dialTakes+2*p.down.lag), try)
}

// connect makes the member one of the sender's present run.
func (p *member) connect() {
	s := p.sender
	if s.ended {
		s.begin()
	}
	p.linked = true
	p.sim.lastID++
	p.id = p.sim.lastID
	p.seen = nil
	s.members[p.id] = p
	p.noteJoin()
	s.give(distributor.Join{Member: p.id, Name: p.name})
	if p.spec.liar {
		p.lie(p.life, p.id, 1)
	}
	p.give(peer.Link{Up: true, Run: s.run})
}

// unlink tells the machine that the connection is lost.
func (p *member) unlink(why string, permanent bool) {
	p.linked, p.inGroup, p.port = false, false, false
	if !p.alive {
		return
	}
	p.give(peer.Link{Why: why, Permanent: permanent})
	for len(p.asked) > 0 && p.alive {
		p.answer(p.asked[0], peer.Fetched{Why: peer.FetchBroken})
	}
}

// hangUp ends the member's connection on both sides at once.
func (p *member) hangUp(why string, permanent bool) {
	if !p.linked {
		return
	}
	if s := p.sender; s.members[p.id] == p {
		s.forget(p.id)
	}
	p.unlink(why, permanent)
}
