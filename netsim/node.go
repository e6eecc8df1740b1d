package netsim

import (
	"slices"
	"time"

	"github.com/wimcast/wimcast/internal/machine"
)

// node is one host: a place in the network, a disk, and a life, which all machines that run on it share.
type node struct {
	name    string
	segment *segment
	weather
	up, down link
	air      link // what multicast has to pass beside down: Wi-Fi sends it at its lowest rate; no limit unless bps is set
	disk     disk
	downAt   machine.Time // since when its links are down
	life     int          // grows with each crash: what was under way for an earlier life is lost
	senders  []*sender
	members  []*member
}

// segment is a switch and who is attached to it; its trunk is the link from all other segments.
type segment struct {
	name  string
	trunk link
}

// disk is how fast a node's virtual disk is.
type disk struct {
	bps  int64
	sync time.Duration // what was written is durable at the next multiple of it
	free machine.Time
}

// driver is what the drivers of both machines have in common.
type driver struct {
	*node
	name     string
	index    int
	alive    bool
	outputs  int // carried out in all lives
	fuse     int // the node dies at this output; 0: never
	fuseBack time.Duration
	wakeAt   machine.Time
}

// Rules about connections.
const (
	noticeAfter  = time.Second            // until a lost connection is noticed
	silentFor    = 6 * time.Second        // until one that is silent is dead
	dialFor      = 5 * time.Second        // until an attempt to connect is given up
	dialEvery    = 200 * time.Millisecond // between the packets of one
	dialTakes    = 2 * time.Millisecond   // besides twice the way
	retransmit   = 200 * time.Millisecond // of a stream while the link is down
	quicOverhead = 106                    // what a stream's bytes take on the wire, in per cent
)

// burnt counts an output, and crashes the node if its fuse ends at it.
func (s *Sim) burnt(d *driver) bool {
	d.outputs++
	if d.fuse == 0 || d.outputs != d.fuse {
		return false
	}
	s.say(d.name, "dies at output %d", d.outputs)
	s.crash(d.node)
	if d.fuseBack > 0 {
		s.plan(s.now.Add(d.fuseBack), func() { s.restart(d.node) })
	}
	return true
}

// wake plans that the machine is called at its deadline, if it is still the same machine then.
func (s *Sim) wake(d *driver, when machine.Time, same func() bool, tick func()) {
	if when == machine.Never || d.wakeAt <= when && d.wakeAt > s.now {
		return
	}
	d.wakeAt = when
	s.plan(when, func() {
		if same() && d.wakeAt == when {
			d.wakeAt = machine.Never
			tick()
		}
	})
}

// crash ends a node's life.
func (s *Sim) crash(n *node) {
	n.life++
	for _, d := range n.senders {
		if d.alive {
			d.alive = false
			s.say(d.name, "crashed")
			s.lose(d)
		}
	}
	for _, p := range n.members {
		if p.alive {
			p.alive, p.inGroup = false, false
			s.say(p.name, "crashed")
			s.leave(p)
		}
	}
}

// restart begins a crashed node's next life.
func (s *Sim) restart(n *node) {
	n.life++
	for _, d := range n.senders {
		if !d.alive {
			d.start()
		}
	}
	for _, p := range n.members {
		if !p.alive && p.lives > 0 && p.doneAt == 0 {
			p.begin()
		}
	}
}

// cut takes a node's links down, or up again. Connections that are silent for too long end.
func (s *Sim) cut(n *node, down bool) {
	n.up.down, n.down.down = down, down
	if !down {
		return
	}
	n.downAt = s.now
	at, life := s.now, n.life
	s.plan(s.now.Add(silentFor), func() {
		if n.life != life || !n.down.down || n.downAt != at {
			return
		}
		for _, p := range s.members {
			if p.linked && (p.node == n || p.sender.node == n) {
				if d := p.sender; d.members[p.id] == p {
					d.forget(p.id)
				}
				p.unlink("the connection was silent", false)
			}
		}
	})
}

// lose lets the members of a dead sender notice.
func (s *Sim) lose(d *sender) {
	for _, p := range s.members {
		if p.sender == d && p.linked {
			id := p.id
			s.plan(s.now.Add(noticeAfter), func() {
				if p.linked && p.id == id && p.alive {
					p.unlink("the connection was lost", false)
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
	p.linked = false
	s.gone(p)
}

// gone lets the sender notice that a connection ended.
func (s *Sim) gone(p *member) {
	d, id, run := p.sender, p.id, p.sender.run
	s.plan(s.now.Add(noticeAfter), func() {
		if d.run == run && d.members[id] == p {
			d.forget(id)
		}
	})
}

// nodeOf returns the node of a name, which is a node's or one of its machines', or nil.
func (s *Sim) nodeOf(name string) *node {
	i := slices.IndexFunc(s.nodes, func(n *node) bool {
		return n.name == name || slices.ContainsFunc(n.senders, func(d *sender) bool { return d.name == name }) ||
			slices.ContainsFunc(n.members, func(p *member) bool { return p.name == name })
	})
	if i < 0 {
		return nil
	}
	return s.nodes[i]
}

// membersOf returns the member of a name, or all members of a node of that name.
func (s *Sim) membersOf(name string) (list []*member) {
	for _, p := range s.members {
		if p.name == name || p.node.name == name {
			list = append(list, p)
		}
	}
	return list
}

// senderOf returns the sender of a name, or nil.
func (s *Sim) senderOf(name string) *sender {
	i := slices.IndexFunc(s.senders, func(d *sender) bool { return d.name == name })
	if i < 0 {
		return nil
	}
	return s.senders[i]
}
