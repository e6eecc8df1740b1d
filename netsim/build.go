package netsim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// peerSpec is what a scenario says of a member besides its node.
type peerSpec struct {
	wantFrom, wantTo int64         // shares of the image, ppm
	plan             time.Duration // from the prologue to asking for the rest; 0: asks for all at once
	liar             bool
	urgent           bool
	partial, backlog int64
	at               time.Duration
	wait             time.Duration // for a lost sender; 0: the machine's default
}

// builder makes a world from commands.
type builder struct {
	sim     *Sim
	bytes   int64
	expects []command
	err     error
}

func (b *builder) command(c command) {
	switch c.verb {
	case "seed":
	case "image":
		b.image(c)
	case "segment":
		b.segmentCommand(c)
	case "node":
		b.nodeCommand(c)
	case "sender":
		b.sender(c)
	case "peer":
		b.peers(c)
	case "at":
		b.at(c)
	case "crash":
		b.fuse(c)
	case "run":
		b.sim.end = machine.Time(b.duration(c, c.name))
	case "expect":
		b.expects = append(b.expects, c)
	}
}

func (b *builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// number, share and duration read the value of a key, or take its default.
func (b *builder) number(c command, key string, unit, def int64) int64 {
	v, ok := c.keys[key]
	if !ok {
		return def
	}
	n, err := parseSize(v, unit)
	if err != nil {
		b.fail(fmt.Errorf("%s: %w", key, err))
	}
	return n
}

func (b *builder) share(c command, key string) int64 {
	v, ok := c.keys[key]
	if !ok {
		return 0
	}
	n, err := parsePpm(v)
	if err != nil || n > 990_000 {
		b.fail(fmt.Errorf("%s: %q is no share below 99 %%", key, v))
	}
	return n
}

func (b *builder) duration(c command, value string) time.Duration {
	d, err := parseDuration(value)
	if err != nil {
		b.fail(fmt.Errorf("%s: %w", c.verb, err))
	}
	return d
}

func (b *builder) durationKey(c command, key string) time.Duration {
	v, ok := c.keys[key]
	if !ok {
		return 0
	}
	return b.duration(c, v)
}

func (b *builder) image(c command) {
	blocks := b.number(c, "blocks", 1000, 16)
	avg := b.number(c, "avg", 1024, 128<<10)
	prologue := b.number(c, "prologue", 1000, 0)
	b.bytes += blocks * avg
	if b.err != nil || blocks < 1 || blocks > 1<<20 || avg < 1 || avg > 192<<10 || b.bytes > imageMax || b.sim.images[c.name] != nil {
		b.fail(errors.New("an image needs 1 to 1m blocks of 1 to 192k bytes, at most 1 GiB in all, and a name of its own"))
		return
	}
	b.sim.images[c.name] = newImage(b.sim.rng, int(blocks), int(avg), int(prologue))
}

// segment returns the segment of a name, which it makes when it is new.
func (b *builder) segment(name string) *segment {
	for _, s := range b.sim.segments {
		if s.name == name {
			return s
		}
	}
	s := &segment{name: name, trunk: link{queue: 256 << 10}}
	b.sim.segments = append(b.sim.segments, s)
	return s
}

func (b *builder) segmentCommand(c command) {
	b.segment(c.name).trunk = link{
		bps: b.number(c, "rate", 1000, 0), queue: b.number(c, "queue", 1024, 256<<10), lag: b.durationKey(c, "lag"),
	}
}

func (b *builder) sender(c command) {
	im := b.sim.images[c.keys["image"]]
	if im == nil || b.sim.senderOf(c.name) != nil {
		b.fail(errors.New("a sender needs an image that was named before, and a name of its own"))
		return
	}
	n := uint32(len(b.sim.senders) + 1)
	s := &sender{
		driver: b.driver(c), sim: b.sim, im: im, buf: b.number(c, "buf", 1024, 208<<10), run: n << 16,
		cfg: distributor.Config{
			Cast: n, RateStartBps: b.number(c, "start", 1000, 0), RateCapBps: b.number(c, "cap", 1000, 0),
			RateFloorBps: b.number(c, "floor", 1000, 0), StartDelay: b.durationKey(c, "delay"),
			MemoryBlocks: int(b.number(c, "memory", 1000, 0)),
		},
		stats: senderStats{demoted: map[string]bool{}, dropped: map[string]bool{}}, unreadable: map[wire.Block]bool{},
		memory: memory{takes: b.durationKey(c, "read")},
	}
	check := s.cfg
	check.Blocks = im.sender
	if _, err := distributor.New(check); err != nil {
		b.fail(err)
	}
	s.up.queue = max(s.up.queue, 2*s.buf)
	s.node.senders = append(s.node.senders, s)
	b.sim.senders = append(b.sim.senders, s)
}

// driver makes what senders and members have in common. The node is one that was named before, or one of its own.
func (b *builder) driver(c command) driver {
	b.sim.drivers++
	d := driver{name: c.name, index: b.sim.drivers, wakeAt: machine.Never}
	name, named := c.keys["node"]
	if !named {
		d.node = b.node(c)
		return d
	}
	for key := range c.keys {
		if strings.Contains(" "+nodeKeys+" ", " "+key+" ") {
			b.fail(fmt.Errorf("%s is said where node %s is named", key, name))
		}
	}
	if d.node = b.sim.nodeOf(name); d.node == nil || d.node.name != name {
		b.fail(fmt.Errorf("no node is called %q", name))
		d.node = &node{}
	}
	return d
}

// nodeCommand makes a node for machines that are named after it.
func (b *builder) nodeCommand(c command) {
	if b.sim.nodeOf(c.name) != nil {
		b.fail(errors.New("a node needs a name of its own"))
		return
	}
	b.node(c)
}

func (b *builder) node(c command) *node {
	name := c.keys["segment"]
	if name == "" {
		name = "main"
	}
	lag := b.durationKey(c, "lag")
	if lag == 0 {
		lag = 50 * time.Microsecond
	}
	queue := b.number(c, "queue", 1024, 512<<10)
	n := &node{
		name: c.name, segment: b.segment(name),
		up:   link{bps: b.number(c, "up", 1000, 1_000_000_000), queue: queue, lag: lag},
		down: link{bps: b.number(c, "down", 1000, 1_000_000_000), queue: queue, lag: lag},
		disk: disk{bps: b.number(c, "disk", 1000, 0), sync: b.durationKey(c, "sync")},
	}
	for _, f := range faults {
		if f.weather != nil {
			f.weather(b, c, n)
		}
	}
	b.sim.nodes = append(b.sim.nodes, n)
	return n
}

func (b *builder) peers(c command) {
	s := b.sim.senderOf(c.keys["sender"])
	if s == nil {
		b.fail(errors.New("a peer needs a sender that was named before"))
		return
	}
	names, err := names(c.name)
	if err != nil || len(b.sim.members)+len(names) > membersMax {
		b.fail(fmt.Errorf("name one peer, or a range like p1..p9, at most %d in all", membersMax))
		return
	}
	for _, name := range names {
		one := c
		one.name = name
		b.sim.members = append(b.sim.members, b.peer(one, s))
	}
}

func (b *builder) peer(c command, s *sender) *member {
	p := &member{
		driver: b.driver(c), sim: b.sim, sender: s, has: map[wire.Block]bool{},
		spec: peerSpec{
			wantTo: 1_000_000, plan: b.durationKey(c, "plan"), at: b.durationKey(c, "at"), wait: b.durationKey(c, "wait"),
			partial: b.number(c, "partial", 1024, 0), backlog: b.number(c, "backlog", 1024, 0),
		},
		unheard: int(b.number(c, "unheard", 1000, 0)),
	}
	if p.node == s.node || slices.ContainsFunc(p.node.members, func(q *member) bool { return q.sender == s }) {
		b.fail(errors.New("a node takes part in a cast once"))
	}
	p.node.members = append(p.node.members, p)
	_, p.deaf = c.keys["deaf"]
	_, p.spec.liar = c.keys["liar"]
	_, p.spec.urgent = c.keys["urgent"]
	if from, to, ok := strings.Cut(c.keys["want"], "-"); ok {
		var err1, err2 error
		p.spec.wantFrom, err1 = parsePpm(from)
		p.spec.wantTo, err2 = parsePpm(to)
		if err1 != nil || err2 != nil || p.spec.wantTo > 1_000_000 {
			b.fail(errors.New("want: give two shares like 0%-50%"))
		}
	}
	return p
}

// names expands p1..p4.
func names(s string) ([]string, error) {
	from, to, ok := strings.Cut(s, "..")
	if !ok {
		return []string{s}, nil
	}
	stem := strings.TrimRight(from, "0123456789")
	a, err1 := strconv.Atoi(from[len(stem):])
	z, err2 := strconv.Atoi(strings.TrimPrefix(to, stem))
	if err1 != nil || err2 != nil || a > z || z-a >= membersMax {
		return nil, fmt.Errorf("%q is no range of names", s)
	}
	var list []string
	for i := a; i <= z; i++ {
		list = append(list, stem+strconv.Itoa(i))
	}
	return list, nil
}

// at plans a change.
func (b *builder) at(c command) {
	when := b.duration(c, c.name)
	if len(c.rest) < 2 {
		b.fail(errors.New("at needs a time, what happens, and to whom"))
		return
	}
	what, who := c.rest[0], c.rest[1]
	var do func()
	if f := findFault(what); f != nil && f.change != nil {
		do = f.change(b, who, c.rest[2:])
	}
	if do == nil {
		b.fail(fmt.Errorf("cannot do %q to %q", what, who))
		return
	}
	b.sim.plan(machine.Time(when), func() {
		b.sim.say(who, "%s", what)
		do()
	})
}

// fuse makes a node die at an output of one of its machines.
func (b *builder) fuse(c command) {
	n, back := int(b.number(c, "output", 1000, 1)), b.durationKey(c, "back")
	for _, d := range b.sim.senders {
		if d.name == c.name {
			d.fuse, d.fuseBack = n, back
			return
		}
	}
	for _, p := range b.sim.members {
		if p.name == c.name {
			p.fuse, p.fuseBack = n, back
			return
		}
	}
	b.fail(fmt.Errorf("no sender or peer is called %q", c.name))
}

// start plans the first life of all nodes.
func (b *builder) start() {
	for _, d := range b.sim.senders {
		d.start()
	}
	for _, p := range b.sim.members {
		b.sim.plan(machine.Time(p.spec.at), p.begin)
	}
}
