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

// peerSpec is what a scenario says of a member besides its links.
type peerSpec struct {
	wantFrom, wantTo int64         // shares of the image, ppm
	plan             time.Duration // from the prologue to asking for the rest; 0: asks for all at once
	liar             bool
	partial, backlog int64
	at               time.Duration
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
	case "site":
		b.siteCommand(c)
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

// site returns the site of a name, which it makes when it is new.
func (b *builder) site(name string) *site {
	for _, s := range b.sim.sites {
		if s.name == name {
			return s
		}
	}
	s := &site{name: name, trunk: link{queue: 256 << 10}}
	b.sim.sites = append(b.sim.sites, s)
	return s
}

func (b *builder) siteCommand(c command) {
	b.site(c.name).trunk = link{
		bps: b.number(c, "rate", 1000, 0), queue: b.number(c, "queue", 1024, 256<<10), lag: b.durationKey(c, "lag"),
	}
}

func (b *builder) sender(c command) {
	im := b.sim.images[c.keys["image"]]
	if im == nil || slices.ContainsFunc(b.sim.senders, func(s *sender) bool { return s.name == c.name }) {
		b.fail(errors.New("a sender needs an image that was named before, and a name of its own"))
		return
	}
	n := uint32(len(b.sim.senders) + 1)
	s := &sender{
		host: b.host(c), sim: b.sim, im: im, buf: b.number(c, "buf", 1024, 208<<10), run: n << 16,
		cfg: distributor.Config{
			Cast: n, RateStartBps: b.number(c, "start", 1000, 0), RateCapBps: b.number(c, "cap", 1000, 0),
			RateFloorBps: b.number(c, "floor", 1000, 0), StartDelay: b.durationKey(c, "delay"),
		},
		stats: senderStats{demoted: map[string]bool{}, dropped: map[string]bool{}},
	}
	check := s.cfg
	check.Blocks = im.sender
	if _, err := distributor.New(check); err != nil {
		b.fail(err)
	}
	s.up.queue = max(s.up.queue, 2*s.buf)
	b.sim.senders = append(b.sim.senders, s)
}

// host makes what senders and members have in common.
func (b *builder) host(c command) host {
	name := c.keys["site"]
	if name == "" {
		name = "main"
	}
	b.sim.hosts++
	lag := b.durationKey(c, "lag")
	if lag == 0 {
		lag = 50 * time.Microsecond
	}
	queue := b.number(c, "queue", 1024, 512<<10)
	return host{
		name: c.name, index: b.sim.hosts, site: b.site(name), wakeAt: machine.Never,
		up:   link{bps: b.number(c, "up", 1000, 1_000_000_000), queue: queue, lag: lag},
		down: link{bps: b.number(c, "down", 1000, 1_000_000_000), queue: queue, lag: lag},
	}
}

func (b *builder) peers(c command) {
	i := slices.IndexFunc(b.sim.senders, func(s *sender) bool { return s.name == c.keys["sender"] })
	if i < 0 {
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
		b.sim.members = append(b.sim.members, b.peer(one, b.sim.senders[i]))
	}
}

func (b *builder) peer(c command, s *sender) *member {
	p := &member{
		host: b.host(c), sim: b.sim, sender: s,
		weather: weather{
			loss: b.share(c, "loss"), burst: b.number(c, "burst", 1000, 1),
			reorder: b.share(c, "reorder"), dup: b.share(c, "dup"), flip: b.share(c, "flip"),
		},
		air:  link{bps: b.number(c, "mcast", 1000, 0), queue: b.number(c, "queue", 1024, 512<<10)},
		disk: disk{bps: b.number(c, "disk", 1000, 0), sync: b.durationKey(c, "sync"), has: map[wire.Block]bool{}},
		spec: peerSpec{
			wantTo: 1_000_000, plan: b.durationKey(c, "plan"), at: b.durationKey(c, "at"),
			partial: b.number(c, "partial", 1024, 0), backlog: b.number(c, "backlog", 1024, 0),
		},
	}
	_, p.deaf = c.keys["deaf"]
	_, p.spec.liar = c.keys["liar"]
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
	do := b.change(what, who, c.rest)
	if do == nil {
		b.fail(fmt.Errorf("cannot do %q to %q", what, who))
		return
	}
	b.sim.plan(machine.Time(when), func() {
		b.sim.say(who, "%s", what)
		do()
	})
}

// change returns what does what to who, or nil when there is no such thing.
func (b *builder) change(what, who string, words []string) func() {
	if what == "rate" {
		bps, err := parseSize(words[len(words)-1], 1000)
		if err != nil || len(words) != 3 {
			return nil
		}
		return func() {
			b.site(who).trunk.bps = bps
			for _, p := range b.sim.members {
				p.faulted = p.faulted || p.site == b.site(who)
			}
		}
	}
	if !b.known(who) {
		return nil
	}
	switch what {
	case "crash":
		return func() { b.sim.crash(who) }
	case "restart":
		return func() { b.sim.restart(who) }
	case "down", "up":
		return func() { b.sim.cut(who, what == "down") }
	case "deaf", "hears":
		return func() {
			for _, p := range b.sim.members {
				if p.name == who {
					p.deaf, p.faulted = what == "deaf", true
				}
			}
		}
	}
	return nil
}

func (b *builder) known(name string) bool {
	return slices.ContainsFunc(b.sim.members, func(p *member) bool { return p.name == name }) ||
		slices.ContainsFunc(b.sim.senders, func(s *sender) bool { return s.name == name })
}

// cut takes a node's links down, or up again.
func (s *Sim) cut(name string, down bool) {
	for _, d := range s.senders {
		if d.name == name {
			d.up.down, d.down.down, d.faulted = down, down, true
		}
	}
	for _, p := range s.members {
		if p.name == name {
			p.up.down, p.down.down, p.faulted = down, down, true
		}
	}
}

// fuse makes a node die at one of its outputs.
func (b *builder) fuse(c command) {
	n := int(b.number(c, "output", 1000, 1))
	back := b.durationKey(c, "back")
	for _, d := range b.sim.senders {
		if d.name == c.name {
			d.fuse, d.fuseBack = n, back
			return
		}
	}
	for _, p := range b.sim.members {
		if p.name == c.name {
			p.host.fuse, p.fuseBack = n, back
			return
		}
	}
	b.fail(fmt.Errorf("no node is called %q", c.name))
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
