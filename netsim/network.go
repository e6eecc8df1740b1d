package netsim

import (
	"time"

	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// datagramOverhead is what a datagram has besides its payload: our header and tag, UDP, IPv4 and Ethernet.
const datagramOverhead = 82

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
	arrived := map[*segment]machine.Time{s.segment: left}
	for _, p := range s.sim.members {
		if p.sender != s || !p.alive || !p.listens() {
			continue
		}
		t, ok := arrived[p.segment]
		if !ok {
			if t, ok = p.segment.trunk.pass(left, bytes); !ok {
				t = machine.Never
			}
			arrived[p.segment] = t
		}
		if t != machine.Never {
			p.arrive(t, bytes, h, deliver)
		}
	}
	return at
}

// arrive brings a datagram through the node's own link and weather.
func (p *member) arrive(at machine.Time, bytes int64, h wire.Header, deliver func(p *member, flip bool)) {
	t, ok := p.down.pass(at, bytes)
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
	if p.segment != s.segment {
		t = p.segment.trunk.force(t, bytes*quicOverhead/100)
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
	id, life, sl := p.id, p.life, p.sender.life
	var try func()
	try = func() {
		switch {
		case p.life != life || p.sender.life != sl || !p.alive || !p.sender.alive || p.id != id || !p.linked:
		case p.down.down || p.sender.down.down:
			p.sim.plan(p.sim.now.Add(retransmit), try)
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
