package netsim

import (
	"slices"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// serving is what becomes of fetches.
type serving uint8

// What can become of fetches. The zero value is the good one.
const (
	serveRight serving = iota
	serveBusy
	serveBroken
	serveNothing
	serveWrong
)

// asked is a fetch that is not answered.
type asked struct {
	block  wire.Block
	number uint64
}

// fetch gets a block over QUIC from the sender.
func (p *member) fetch(i wire.Block) {
	p.askedN++
	ask := asked{block: i, number: p.askedN}
	p.asked = append(p.asked, ask)
	if !p.linked {
		life := p.life
		p.sim.plan(p.sim.now, func() {
			if p.life == life {
				p.answer(ask, peer.Fetched{Why: peer.FetchBroken})
			}
		})
		return
	}
	p.back(64, func() { p.serve(ask) })
}

// serve is the sender's answer to a fetch, which the faults of the day may spoil.
func (p *member) serve(ask asked) {
	s := p.sender
	how := max(s.serves, p.serves)
	says := func(f peer.Fetched) { s.stream(p, p.sim.now, 64, func() { p.answer(ask, f) }) }
	switch {
	case how == serveNothing:
	case how == serveBusy:
		says(peer.Fetched{Why: peer.FetchBusy})
	case how == serveBroken:
		says(peer.Fetched{Why: peer.FetchBroken})
	case s.unreadable[ask.block]:
		says(peer.Fetched{Why: peer.FetchLacks})
	default:
		data := slices.Clone(s.im.chunks[ask.block])
		if how == serveWrong {
			data[len(data)/2] ^= 1
		}
		id := p.id
		s.stream(p, p.sim.now, int64(len(data)), func() {
			p.answer(ask, peer.Fetched{Data: data})
			if s.members[id] == p {
				s.give(distributor.Fetched{Member: id, Block: ask.block})
			}
		})
	}
}

// answer gives the answer to a fetch, once.
func (p *member) answer(ask asked, f peer.Fetched) {
	if j := slices.Index(p.asked, ask); j >= 0 {
		p.asked = slices.Delete(p.asked, j, j+1)
		f.Block = ask.block
		p.give(f)
	}
}

// cancel forgets a fetch.
func (p *member) cancel(i wire.Block) {
	p.sim.note('c', uint64(p.index), uint64(i))
	p.asked = slices.DeleteFunc(p.asked, func(a asked) bool { return a.block == i })
}
