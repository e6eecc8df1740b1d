package netsim

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// fault is one thing that goes wrong. Weather stands on the line of a node or member and lasts; anything else is made to happen
// by "at T KEY NAME".
type fault struct {
	key  string
	args string // after the name, or the value of a weather's key; for people
	doc  string

	// draw returns what a swarm's scenario says: of weather a key for a member's line, or nothing; of anything else whole
	// lines about member p, which end the fault again. nil: swarms do without, or draw it with another one.
	draw func(rng *rand.Rand, p string) string

	weather func(b *builder, c command, n *node)               // sets it on a node
	change  func(b *builder, who string, args []string) func() // returns what makes it happen; nil: not to who
}

// faults are all there are.
var faults = []fault{
	{
		key: "loss", args: "P", doc: "a share of the datagrams is lost", draw: drawLoss,
		weather: func(b *builder, c command, n *node) { n.loss = b.share(c, "loss") },
	},
	{
		key: "burst", args: "N", doc: "losses come in runs of N at the mean", draw: odds(4, " burst=%d", 2, 12),
		weather: func(b *builder, c command, n *node) { n.burst = b.number(c, "burst", 1000, 1) },
	},
	{
		key: "reorder", args: "P", doc: "a share of the datagrams comes up to 5 ms late", draw: odds(3, " reorder=%d%%", 1, 5),
		weather: func(b *builder, c command, n *node) { n.reorder = b.share(c, "reorder") },
	},
	{
		key: "dup", args: "P", doc: "a share of the datagrams comes twice", draw: odds(5, " dup=%d%%", 1, 5),
		weather: func(b *builder, c command, n *node) { n.dup = b.share(c, "dup") },
	},
	{
		key: "flip", args: "P", doc: "a share of the symbols has a wrong bit, as from a forger", draw: odds(12, " flip=0.%d%%", 1, 4),
		weather: func(b *builder, c command, n *node) { n.flip = b.share(c, "flip") },
	},
	{
		key: "crash", doc: "the node dies, for good unless it is restarted",
		draw: spell("crash", "restart"), change: onNode((*Sim).crash),
	},
	{key: "restart", doc: "and lives again, with what its disk holds", change: onNode((*Sim).restart)},
	{
		key: "down", doc: "the node's links carry nothing", draw: spell("down", "up"),
		change: onNode(func(s *Sim, n *node) { s.cut(n, true) }),
	},
	{key: "up", doc: "and carry again", change: onNode(func(s *Sim, n *node) { s.cut(n, false) })},
	{key: "rate", args: "RATE", doc: "a segment's trunk gets another rate", change: changeRate},
	{
		key: "deaf", doc: "multicast reaches the member no more, whatever it does", draw: spell("deaf", "hears"),
		change: onMembers(func(p *member) { p.deaf = true }),
	},
	{key: "hears", doc: "and reaches it again", change: onMembers(func(p *member) { p.deaf = false })},
	{
		key: "mute", doc: "the member's reports do not arrive", draw: spell("mute", "speak"),
		change: onMembers(func(p *member) { p.mute = true }),
	},
	{key: "speak", doc: "and arrive again", change: onMembers(func(p *member) { p.mute = false })},
	{
		key: "forget", doc: "the switch forgets the member's port until it joins again", draw: drawForget,
		change: onMembers(func(p *member) { p.port = false }),
	},
	{
		key: "hang-up", doc: "the member's connection to its sender ends", draw: drawHangUp,
		change: onMembers(func(p *member) { p.hangUp("the connection was lost", false) }),
	},
	{key: "banish", doc: "the sender takes the member no more, for good", change: onMembers(func(p *member) {
		p.banished = true
		p.hangUp("the sender takes this node no more", true)
	})},
	{
		key: "refuse", doc: "the sender refuses whoever connects", draw: drawRefuse,
		change: onSender(func(s *sender) { s.refuses = true }),
	},
	{key: "busy", doc: "it has no place for whoever connects", change: onSender(func(s *sender) { s.full = true })},
	{key: "accept", doc: "and takes them again", change: onSender(func(s *sender) { s.refuses, s.full = false, false })},
	{key: "fetch-busy", doc: "fetches by the member, or from the sender, are put off", draw: spell("fetch-busy", "fetch-ok"), change: fetches(serveBusy)},
	{key: "fetch-fail", doc: "they break off", draw: spell("fetch-fail", "fetch-ok"), change: fetches(serveBroken)},
	{key: "fetch-stall", doc: "they are not answered", draw: spell("fetch-stall", "fetch-ok"), change: fetches(serveNothing)},
	{key: "fetch-wrong", doc: "they bring wrong bytes", draw: spell("fetch-wrong", "fetch-ok"), change: fetches(serveWrong)},
	{key: "fetch-ok", doc: "and they succeed again", change: fetches(serveRight)},
	{
		key: "unreadable", args: "BLOCK[-BLOCK]", doc: "the sender's disk does not give these blocks", draw: drawUnreadable,
		change: changeUnreadable(true),
	},
	{key: "readable", args: "BLOCK[-BLOCK]", doc: "and gives them again", change: changeUnreadable(false)},
}

// findFault returns the fault of a key, or nil.
func findFault(key string) *fault {
	for i := range faults {
		if faults[i].key == key {
			return &faults[i]
		}
	}
	return nil
}

// Faults lists what can go wrong in a scenario, a line each: what to write, and what it does.
func Faults() []string {
	var list []string
	for _, f := range faults {
		what := "at T " + f.key + " NAME"
		switch {
		case f.weather != nil:
			what = f.key + "=" + f.args
		case f.args != "":
			what += " " + f.args
		}
		list = append(list, fmt.Sprintf("%-36s %s", what, f.doc))
	}
	return list
}

// weatherKeys are the keys of faults that stand on the line of a node or member.
func weatherKeys() string {
	var keys []string
	for _, f := range faults {
		if f.weather != nil {
			keys = append(keys, f.key)
		}
	}
	return strings.Join(keys, " ")
}

// odds draws weather: with a chance of one in n a number from least on, of as many as there are, put into format.
func odds(n int, format string, least, many int) func(*rand.Rand, string) string {
	return func(rng *rand.Rand, _ string) string {
		if rng.IntN(n) > 0 {
			return ""
		}
		return fmt.Sprintf(format, least+rng.IntN(many))
	}
}

func drawLoss(rng *rand.Rand, _ string) string {
	switch rng.IntN(20) {
	case 0, 1:
		return fmt.Sprintf(" loss=%d%%", 10+rng.IntN(30))
	case 2, 3, 4, 5, 6, 7, 8, 9, 10:
		return fmt.Sprintf(" loss=%d.%d%%", rng.IntN(6), rng.IntN(10))
	}
	return ""
}

// spell draws a fault of some seconds.
func spell(begin, end string) func(*rand.Rand, string) string {
	return func(rng *rand.Rand, p string) string {
		at := rng.IntN(4000)
		return fmt.Sprintf("at %dms %s %s\nat %dms %s %s\n", at, begin, p, at+1+rng.IntN(4000), end, p)
	}
}

func drawForget(rng *rand.Rand, p string) string {
	return fmt.Sprintf("at %dms forget %s\n", rng.IntN(6000), p)
}

func drawHangUp(rng *rand.Rand, p string) string {
	return fmt.Sprintf("at %dms hang-up %s\n", rng.IntN(6000), p)
}

// drawRefuse also ends a connection: else nobody might dial.
func drawRefuse(rng *rand.Rand, p string) string {
	at := rng.IntN(4000)
	return fmt.Sprintf("at %dms refuse S\nat %dms hang-up %s\nat %dms accept S\n", at, at+1, p, at+2+rng.IntN(4000))
}

// drawUnreadable ends before a member gives up.
func drawUnreadable(rng *rand.Rand, _ string) string {
	at, from := rng.IntN(4000), rng.IntN(24)
	blocks := fmt.Sprintf("%d-%d", from, from+rng.IntN(24-from))
	return fmt.Sprintf("at %dms unreadable S %s\nat %dms readable S %s\n", at, blocks, at+1+rng.IntN(4000), blocks)
}

// onNode is a change of a node, which may be named by what runs on it.
func onNode(do func(*Sim, *node)) func(*builder, string, []string) func() {
	return func(b *builder, who string, args []string) func() {
		n := b.sim.nodeOf(who)
		if n == nil || len(args) > 0 {
			return nil
		}
		return func() { do(b.sim, n) }
	}
}

// onMembers is a change of a member, or of all on a node.
func onMembers(do func(*member)) func(*builder, string, []string) func() {
	return func(b *builder, who string, args []string) func() {
		list := b.sim.membersOf(who)
		if len(list) == 0 || len(args) > 0 {
			return nil
		}
		return func() {
			for _, p := range list {
				do(p)
			}
		}
	}
}

// onSender is a change of a sender.
func onSender(do func(*sender)) func(*builder, string, []string) func() {
	return func(b *builder, who string, args []string) func() {
		s := b.sim.senderOf(who)
		if s == nil || len(args) > 0 {
			return nil
		}
		return func() { do(s) }
	}
}

// fetches is a change of what becomes of a member's fetches, or of all from a sender.
func fetches(how serving) func(*builder, string, []string) func() {
	return func(b *builder, who string, args []string) func() {
		if do := onSender(func(s *sender) { s.serves = how })(b, who, args); do != nil {
			return do
		}
		return onMembers(func(p *member) { p.serves = how })(b, who, args)
	}
}

func changeRate(b *builder, who string, args []string) func() {
	if len(args) != 1 {
		return nil
	}
	bps, err := parseSize(args[0], 1000)
	if err != nil {
		return nil
	}
	return func() { b.segment(who).trunk.bps = bps }
}

func changeUnreadable(is bool) func(*builder, string, []string) func() {
	return func(b *builder, who string, args []string) func() {
		s := b.sim.senderOf(who)
		if s == nil || len(args) != 1 {
			return nil
		}
		first, last, ranged := strings.Cut(args[0], "-")
		if !ranged {
			last = first
		}
		from, err1 := strconv.ParseUint(first, 10, 32)
		to, err2 := strconv.ParseUint(last, 10, 32)
		if err1 != nil || err2 != nil || from > to || to >= uint64(len(s.im.chunks)) {
			return nil
		}
		return func() {
			for i := from; i <= to; i++ {
				if is {
					s.unreadable[wire.Block(i)] = true
				} else {
					delete(s.unreadable, wire.Block(i))
				}
			}
		}
	}
}

// failCauses are the words of "expect failed NAME CAUSE".
var failCauses = map[string]peer.FailCause{"lost": peer.FailedLost, "refused": peer.FailedRefused, "lacks": peer.FailedLacks, "wrong": peer.FailedWrong}
