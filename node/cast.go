package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// Limits of a cast's driver.
const (
	castInputsMax = 4096             // inputs waiting for the machine
	castBatch     = 64               // datagrams handed to the socket at a time
	castLinger    = 20 * time.Second // a cast without members ends after so long
)

// cast drives the sending machine of one content: one goroutine, which owns the machine, the socket and the key.
type cast struct {
	info     wire.CastInfo // without RateBps
	group    netip.AddrPort
	name     string // name@version
	manifest *catalog.Manifest
	layout   *catalog.Layout
	log      *slog.Logger

	inputs chan castInput
	done   chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	members map[distributor.MemberID]*session
	next    distributor.MemberID
	ended   bool
}

// castInput is an input of the machine, or a question to it.
type castInput struct {
	in  distributor.In
	ask func(*distributor.Machine, machine.Time)
}

// castConfig is what a cast needs beside its content.
type castConfig struct {
	info    wire.CastInfo
	group   netip.AddrPort
	name    string
	iface   string
	ttl     int
	rateMax int64 // bits a second; 0: none
	rateMin int64
	store   chunk.Getter
	log     *slog.Logger
	onEnd   func()
}

// startCast opens the socket and starts the goroutine. It ends with ctx, or when it has been without members for a while.
func startCast(ctx context.Context, cfg castConfig, m *catalog.Manifest) (*cast, error) {
	layout, err := m.Layout()
	if err != nil {
		return nil, err
	}
	sending, err := distributor.New(distributor.Config{
		Cast: cfg.info.Cast, Run: cfg.info.RunTag(), Blocks: sendBlocks(m, layout),
		RateCapBps: cfg.rateMax, RateFloorBps: cfg.rateMin,
	})
	if err != nil {
		return nil, err
	}
	sender, err := transport.NewSender(transport.SenderConfig{Group: cfg.group, Interface: cfg.iface, TTL: cfg.ttl})
	if err != nil {
		return nil, err
	}
	key := wire.DeriveRunKey(cfg.info.Secret, cfg.info.Epoch, cfg.info.Sender, cfg.info.Run)
	c := &cast{
		info: cfg.info, group: cfg.group, name: cfg.name, manifest: m, layout: layout, log: cfg.log,
		inputs: make(chan castInput, castInputsMax), done: make(chan struct{}),
		members: make(map[distributor.MemberID]*session),
	}
	d := &castDriver{
		cast: c, machine: sending, sender: sender, seal: wire.NewSealer(key), clock: newClock(),
		cache: newBlockCache(cfg.store, m.Chunks),
	}
	d.alloc()
	go func() {
		defer cfg.onEnd()
		defer close(c.done)
		defer sender.Close()
		d.run(ctx)
		c.end()
	}()
	return c, nil
}

// join makes s a member.
func (c *cast) join(s *session, name string) (distributor.MemberID, error) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return 0, errors.New("the cast has just ended")
	}
	c.next++
	id := c.next
	c.members[id] = s
	c.mu.Unlock()
	c.put(distributor.Join{Member: id, Name: name})
	return id, nil
}

// leave takes a member out whose connection is gone.
func (c *cast) leave(id distributor.MemberID) {
	c.mu.Lock()
	delete(c.members, id)
	c.mu.Unlock()
	c.put(distributor.Gone{Member: id})
}

// put hands the machine an input; it waits while the machine is behind.
func (c *cast) put(in distributor.In) {
	select {
	case c.inputs <- castInput{in: in}:
	case <-c.done:
	}
}

// report hands the machine a report; a report is dropped when the machine is behind, another one follows.
func (c *cast) report(id distributor.MemberID, r wire.Report) {
	select {
	case c.inputs <- castInput{in: distributor.Report{Member: id, Report: r}}:
	default:
	}
}

// ask runs fn beside the machine and waits for it. It reports false when the cast has ended.
func (c *cast) ask(fn func(*distributor.Machine, machine.Time)) bool {
	answered := make(chan struct{})
	select {
	case c.inputs <- castInput{ask: func(m *distributor.Machine, now machine.Time) { fn(m, now); close(answered) }}:
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

func (c *cast) end() {
	c.mu.Lock()
	c.ended = true
	left := c.members
	c.members = nil
	c.mu.Unlock()
	for id, s := range left {
		s.castEnded(c, id, "the cast ended")
	}
}

func (c *cast) member(id distributor.MemberID) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members[id]
}

func (c *cast) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.members) == 0
}

// castDriver is the state of the cast's goroutine.
type castDriver struct {
	*cast
	machine *distributor.Machine
	sender  *transport.Sender
	seal    *wire.Sealer
	clock   clock
	cache   *blockCache

	batch   [][]byte // datagrams to be sent, in buffers
	buffers [][]byte
	plain   []byte // an announce before it is sealed
	failing time.Time
}

func (d *castDriver) alloc() {
	backing := make([]byte, castBatch*wire.MaxDatagram)
	for i := range castBatch {
		d.buffers = append(d.buffers, backing[i*wire.MaxDatagram:i*wire.MaxDatagram:(i+1)*wire.MaxDatagram])
	}
	d.batch = make([][]byte, 0, castBatch)
}

// run is the goroutine: one input, all outputs, next deadline.
func (d *castDriver) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	emptySince := time.Now()
	for {
		at, _ := d.machine.Deadline()
		timer.Reset(d.clock.until(at))
		select {
		case <-ctx.Done():
			return
		case in := <-d.inputs:
			d.take(in)
		case <-timer.C:
			d.takeWaiting() // first: a tick may send, and sending may take a while
			d.machine.Handle(d.clock.now(), distributor.Tick{})
		}
		if !d.drain() {
			return
		}
		if !d.idle() {
			emptySince = time.Now()
		} else if time.Since(emptySince) > castLinger {
			return
		}
	}
}

func (d *castDriver) take(in castInput) {
	if in.ask != nil {
		in.ask(d.machine, d.clock.now())
		return
	}
	d.machine.Handle(d.clock.now(), in.in)
}

// takeWaiting takes the inputs that are there, up to so many that sending is not held up.
func (d *castDriver) takeWaiting() {
	const most = 256
	for range most {
		select {
		case in := <-d.inputs:
			d.take(in)
			d.drain() // sends no symbols: only a tick does
		default:
			return
		}
	}
}

// drain carries out all outputs. It reports false when the run is over.
func (d *castDriver) drain() bool {
	for {
		out, ok := d.machine.Poll()
		if !ok {
			d.flush()
			return true
		}
		switch out := out.(type) {
		case distributor.SendSymbols:
			d.symbols(out)
		case distributor.SendAnnounce:
			h := wire.Header{Type: wire.TypeAnnounce, Cast: d.info.Cast, Run: d.info.RunTag(), Seq: out.Seq}
			d.plain = out.Announce.Append(d.plain[:0])
			d.datagram(h, d.plain)
		case distributor.SendStream:
			if s := d.member(out.Member); s != nil {
				s.tell(out.Msg)
			}
		case distributor.Drop:
			d.drop(out)
		case distributor.Over:
			d.log.Warn("cast run is over, members will start another", "cast", d.name, "why", out.Why)
			return false
		case distributor.Event:
			d.log.Debug("cast", "event", string(out.Kind), "member", out.Member, "block", out.Block, "n", out.N, "text", out.Text)
		}
	}
}

func (d *castDriver) drop(out distributor.Drop) {
	d.mu.Lock()
	s := d.members[out.Member]
	delete(d.members, out.Member)
	d.mu.Unlock()
	if s != nil {
		s.castEnded(d.cast, out.Member, out.Why)
	}
}

func (d *castDriver) symbols(out distributor.SendSymbols) {
	for i := range out.Count {
		sym := out.First + wire.Symbol(i)
		data, err := d.cache.symbol(out.Block, sym)
		if err != nil { // the sequence numbers are lost, which looks like loss
			if d.complain("read block", err) {
				d.sendAway(out.Block)
			}
			return
		}
		d.datagram(wire.Header{
			Type: wire.TypeSymbol, Symbol: sym, Cast: d.info.Cast, Run: d.info.RunTag(),
			Seq: out.Seq + wire.Seq(i), Block: out.Block,
		}, data)
	}
}

// datagram seals one datagram into the batch.
func (d *castDriver) datagram(h wire.Header, payload []byte) {
	if len(d.batch) == castBatch {
		d.flush()
	}
	sealed, err := d.seal.Seal(d.buffers[len(d.batch)][:0], h, payload)
	if err != nil {
		d.complain("seal", err)
		return
	}
	d.batch = append(d.batch, sealed)
}

// flush sends the batch. What the network refuses is lost, as on any network; the user is told, not too often.
func (d *castDriver) flush() {
	for rest := d.batch; len(rest) > 0; {
		n, err := d.sender.Send(rest)
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				d.complain("send", err)
			}
			break
		}
		rest = rest[n:]
	}
	d.batch = d.batch[:0]
}

// complain logs an error that may come thousands of times a second, at most once a second. It reports whether it did.
func (d *castDriver) complain(what string, err error) bool {
	now := time.Now()
	if now.Sub(d.failing) <= time.Second {
		return false
	}
	d.failing = now
	d.log.Warn(what, "cast", d.name, "error", err)
	return true
}

// sendAway tells the members to ask for a block over QUIC: there they get it when it can be read again, and until then they
// learn that it cannot.
func (d *castDriver) sendAway(b wire.Block) {
	d.mu.Lock()
	members := slices.Collect(maps.Values(d.members))
	d.mu.Unlock()
	for _, s := range members {
		s.tell(wire.Unicast{Cast: d.info.Cast, Spans: []wire.Span{{From: b, To: b + 1}}})
	}
}

// castName names a content for people.
func castName(m *catalog.Manifest) string { return fmt.Sprintf("%s@%s", m.Name, m.Version) }
