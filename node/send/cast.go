package send

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// Limits of a cast.
const (
	inputsMax = 4096 // inputs waiting for the machine
	batchMax  = 64   // datagrams handed to the socket at a time
)

// Config is what a cast needs beside its content.
type Config struct {
	Info      wire.CastInfo // without RateBps
	Group     netip.AddrPort
	Name      string // of the content, for people
	Interface string // network interface; "" picks the one usable
	TTL       int
	RateMax   int64 // bits per second; 0: none
	RateMin   int64
	Store     chunk.Getter
	Events    func(event.Event) // must not wait
	OnEnd     func()            // called once, when all else has ended
}

// ErrEnded says that a cast ended just before somebody was to become a member: another one is to be started.
var ErrEnded = errors.New("the cast has just ended")

// Member is a connection that takes part in a cast. Its methods must not wait.
type Member interface {
	// Tell queues a stream message to the member.
	Tell(msg any)
	// CastEnded says that the connection is member id no more.
	CastEnded(c *Cast, id distributor.MemberID, why string)
}

// Cast is the running cast of one content. It is safe for concurrent use.
type Cast struct {
	cfg    Config
	layout *catalog.Layout

	inputs chan input
	done   chan struct{} // closed when the machine takes no more inputs
	gone   chan struct{} // closed when OnEnd has been called

	mu      sync.Mutex
	members map[distributor.MemberID]Member
	next    distributor.MemberID
	idle    time.Time // since when it has had no member; zero: it has some
	ended   bool
}

// input is an input of the machine, or a question to it.
type input struct {
	in  distributor.In
	ask func(*distributor.Machine, machine.Time)
}

// Start opens the socket and starts the goroutine. The cast ends with ctx, or when its machine says so.
func Start(ctx context.Context, cfg Config, content *catalog.SignedManifest) (*Cast, error) {
	sending, err := distributor.New(distributor.Config{
		Cast: cfg.Info.Cast, Run: cfg.Info.RunTag(), Blocks: blocksOf(content),
		RateCapBps: cfg.RateMax, RateFloorBps: cfg.RateMin, MemoryBlocks: memoryBlocks,
	})
	if err != nil {
		return nil, err
	}
	sender, err := transport.NewSender(transport.SenderConfig{Group: cfg.Group, Interface: cfg.Interface, TTL: cfg.TTL})
	if err != nil {
		return nil, err
	}
	c := &Cast{
		cfg: cfg, layout: content.Layout, inputs: make(chan input, inputsMax), done: make(chan struct{}), gone: make(chan struct{}),
		members: make(map[distributor.MemberID]Member), idle: time.Now(),
	}
	d := newDriver(c, sending, sender.Send, newMemory(cfg.Store, content.Manifest.Chunks))
	go func() {
		defer close(c.gone)
		defer cfg.OnEnd()
		defer close(c.done)
		defer sender.Close()
		d.run(ctx)
		c.end()
	}()
	return c, nil
}

// Info is what a member is told of the cast.
func (c *Cast) Info() wire.CastInfo { return c.cfg.Info }

// Group is where the cast is sent to.
func (c *Cast) Group() netip.AddrPort { return c.cfg.Group }

// Name is the content's, for people.
func (c *Cast) Name() string { return c.cfg.Name }

// Find returns the block that is the chunk.
func (c *Cast) Find(id chunk.ID) (wire.Block, bool) {
	b, ok := c.layout.Find(id)
	return wire.Block(b), ok
}

// Join makes m a member. Of who, the number is the cast's to give.
func (c *Cast) Join(m Member, who distributor.Join) (distributor.MemberID, error) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return 0, ErrEnded
	}
	c.next++
	id := c.next
	c.members[id] = m
	c.idle = time.Time{}
	c.mu.Unlock()
	who.Member = id
	c.put(who)
	return id, nil
}

// Leave removes a member whose connection is gone.
func (c *Cast) Leave(id distributor.MemberID) {
	c.mu.Lock()
	c.removeLocked(id)
	c.mu.Unlock()
	c.put(distributor.Gone{Member: id})
}

// removeLocked takes a member out and returns it, if it is one. mu is held.
func (c *Cast) removeLocked(id distributor.MemberID) Member {
	m := c.members[id]
	delete(c.members, id)
	if m != nil && len(c.members) == 0 {
		c.idle = time.Now()
	}
	return m
}

// Idle says since when the cast has had no member; false: it has some.
func (c *Cast) Idle() (since time.Time, idle bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.idle, !c.idle.IsZero()
}

// Wait waits until the cast has ended and OnEnd has been called. The error is ctx's.
func (c *Cast) Wait(ctx context.Context) error {
	select {
	case <-c.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Yield ends the cast soon unless it has a member by then: another waits for its place.
func (c *Cast) Yield() { c.put(distributor.Yield{}) }

// Message hands over a member's stream message; it waits while the machine is behind.
func (c *Cast) Message(id distributor.MemberID, msg any) {
	c.put(distributor.Message{Member: id, Msg: msg})
}

// Fetched says that a member was given a block over QUIC.
func (c *Cast) Fetched(id distributor.MemberID, b wire.Block) {
	c.put(distributor.Fetched{Member: id, Block: b})
}

// Report hands over a member's report, which is dropped when the machine is behind: another one follows.
func (c *Cast) Report(id distributor.MemberID, r wire.Report) {
	select {
	case c.inputs <- input{in: distributor.Report{Member: id, Report: r}}:
	default:
	}
}

// Status returns a snapshot. It reports false when the cast has ended.
func (c *Cast) Status() (out distributor.Status, ok bool) {
	ok = c.ask(func(m *distributor.Machine, now machine.Time) {
		out = m.Status()
		if at, _ := m.Deadline(); at != machine.Never {
			out.Wait = event.Seconds(max(at.Sub(now), 0))
		}
	})
	return out, ok
}

// put hands the machine an input; it waits while the machine is behind.
func (c *Cast) put(in distributor.In) {
	select {
	case c.inputs <- input{in: in}:
	case <-c.done:
	}
}

// ask runs fn beside the machine and waits for it. It reports false when the cast has ended.
func (c *Cast) ask(fn func(*distributor.Machine, machine.Time)) bool {
	answered := make(chan struct{})
	select {
	case c.inputs <- input{ask: func(m *distributor.Machine, now machine.Time) { fn(m, now); close(answered) }}:
	case <-c.done:
		return false
	}
	select {
	case <-answered:
		return true
	case <-c.done:
		return false
	}
}

func (c *Cast) end() {
	c.mu.Lock()
	c.ended = true
	left := c.members
	c.members = nil
	c.mu.Unlock()
	for id, m := range left {
		m.CastEnded(c, id, "the cast ended")
	}
}

func (c *Cast) member(id distributor.MemberID) Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members[id]
}
