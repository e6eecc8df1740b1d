package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// Limits of a reception.
const (
	redialEvery = time.Second
	redialFor   = 10 * time.Minute // DefaultWait
	fetchFor    = 30 * time.Second // one chunk over QUIC
	tellMax     = 1024             // stream messages waiting to be sent

	refreshEvery = 100 * time.Second // of the membership in the group
)

// DefaultWait is how long a reception waits for a distribution point that is gone before it gives up.
const DefaultWait = redialFor

// Sink takes a content's blocks as they are verified. One goroutine calls it.
type Sink interface {
	// Needs says what is still needed, ascending, and whether that is all there will ever be. It is asked at the start, and
	// again after each Commit until it has said that it is all.
	Needs() (blocks []uint32, final bool, err error)
	// Put takes a block; its bytes are the sink's.
	Put(ctx context.Context, block uint32, data []byte) error
	// Commit makes what was put durable and says which blocks became so.
	Commit() (held []uint32, err error)
}

// Urgent is a Sink that can only go on if certain blocks come first.
type Urgent interface {
	// Urgent gives the blocks that are needed most right now; none when there is no hurry.
	Urgent() []uint32
}

// ReceiveOptions says how to take part in a cast.
type ReceiveOptions struct {
	Interface string        // network interface; "" picks the one usable
	Wait      time.Duration // how long to wait for a distribution point that is gone; 0: DefaultWait
	Drop      func() bool   // loses datagrams, for tests and demonstrations
	DropQUIC  func() bool   // the same for QUIC's
	Log       *slog.Logger
	Progress  func(Progress) // told twice a second, and at the end
}

// Progress says how far a reception is.
type Progress struct {
	Done, Total int64 // bytes of blocks durable, and wanted as far as known
	Peer        peer.Status
	Connected   bool
	Why         string // what is waited for, for people; empty while all is well
}

// Reception is what a finished reception has to tell.
type Reception struct {
	Bytes       int64 // of blocks received
	Blocks      int
	Multicast   uint64 // blocks decoded from multicast
	Repaired    uint64 // of these with parity
	Quic        uint64 // blocks fetched over QUIC
	QuicBytes   int64  // in these
	Symbols     uint64
	Duplicates  uint64
	Bad         uint64
	Seconds     float64
	LastChunkAt time.Time // when the last block was verified
}

// receiver drives the receiving machine. mu guards the machine: sockets, timers and the sink's goroutine all call in, and
// carry out what comes out before they let go. Nothing done under mu waits.
type receiver struct {
	id       *Identity
	ep       *transport.Endpoint
	signed   *catalog.SignedManifest
	opt      ReceiveOptions
	sink     Sink
	clock    clock
	blocks   []peer.Block
	fetching sync.WaitGroup

	mu      sync.Mutex
	machine *peer.Machine
	timer   *time.Timer
	armed   machine.Time
	closed  bool
	run     *run // the connected run, or nil
	why     string
	wanted  int64
	done    int64
	count   int
	bytes   int64
	quic    int64 // of bytes, what came over QUIC
	last    time.Time
	failed  error

	queue    []peer.Store // verified, waiting for the sink
	wake     chan struct{}
	finished chan struct{}
	fail     chan error
}

// run is one connection to one run of a cast.
type run struct {
	conn    *transport.Conn
	info    wire.CastInfo
	group   *transport.Receiver
	tell    chan any
	reports chan wire.Report
	fresh   bool // the group has been joined, and the machine does not know it
	left    bool // the machine has left the group
	ctx     context.Context
}

// Receive takes part in the cast of a content until the sink has all it needs. first, which may be nil, is a connection that
// is open already. Receive owns it.
func Receive(ctx context.Context, ep *transport.Endpoint, id *Identity, first *transport.Conn, signed *catalog.SignedManifest, sink Sink, opt ReceiveOptions) (Reception, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Wait == 0 {
		opt.Wait = DefaultWait
	}
	layout, err := signed.Manifest.Layout()
	if err != nil {
		return Reception{}, err
	}
	r := &receiver{
		id: id, ep: ep, signed: signed, opt: opt, sink: sink, clock: newClock(),
		blocks: receiveBlocks(signed.Manifest, layout), armed: machine.Never,
		wake: make(chan struct{}, 1), finished: make(chan struct{}), fail: make(chan error, 1),
	}
	m, err := peer.New(peer.Config{Seed: seedOf(id.Key.Public()), Cast: castID(signed.Hash), Blocks: r.blocks})
	if err != nil {
		return Reception{}, err
	}
	r.machine = m
	return r.receive(ctx, first)
}

func seedOf(k catalog.PublicKey) uint64 {
	var seed uint64
	for _, b := range k[:8] {
		seed = seed<<8 | uint64(b)
	}
	return seed
}

func (r *receiver) receive(ctx context.Context, first *transport.Conn) (Reception, error) {
	start := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer r.fetching.Wait()
	defer cancel()
	r.mu.Lock()
	r.timer = time.AfterFunc(time.Hour, r.tick)
	r.mu.Unlock()
	defer r.stop()

	final, err := r.ask()
	if err != nil {
		return Reception{}, err
	}
	wg.Go(func() { r.feed(ctx, final) })
	wg.Go(func() { r.connect(ctx, first) })
	if r.opt.Progress != nil {
		wg.Go(func() { r.progress(ctx) })
	}
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case err = <-r.fail:
	case <-r.finished:
	}
	out := r.result()
	out.Seconds = time.Since(start).Seconds()
	if err == nil && r.opt.Progress != nil {
		r.opt.Progress(r.snapshot())
	}
	return out, err
}

func (r *receiver) result() Reception {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.machine.Status()
	return Reception{
		Bytes: r.bytes, Blocks: r.count, Multicast: s.Decoded, Repaired: s.Repaired, Quic: s.Fetched, QuicBytes: r.quic, Symbols: s.Symbols,
		Duplicates: s.Duplicate, Bad: s.Bad, LastChunkAt: r.last,
	}
}

// ask tells the machine what the sink needs.
func (r *receiver) ask() (final bool, err error) {
	blocks, final, err := r.sink.Needs()
	if err != nil {
		return false, err
	}
	var bytes int64
	for _, b := range blocks {
		bytes += int64(r.blocks[b].Size)
	}
	r.mu.Lock()
	r.wanted = max(r.wanted, r.done+bytes)
	r.mu.Unlock()
	r.handle(peer.Need{Final: final, Spans: spans(blocks)})
	return final, nil
}

// handle gives the machine one input and carries out all its outputs.
func (r *receiver) handle(in peer.In) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.machine.Handle(r.clock.now(), in)
	r.drain()
}

func (r *receiver) tick() { r.handle(peer.Tick{}) }

// drain carries out the machine's outputs and sets the timer. mu is held.
func (r *receiver) drain() {
	for {
		out, ok := r.machine.Poll()
		if !ok {
			break
		}
		r.carry(out)
	}
	if at, why := r.machine.Deadline(); at != r.armed {
		r.armed = at
		r.why = string(why)
		r.timer.Reset(r.clock.until(at))
	}
}

func (r *receiver) carry(out peer.Out) {
	switch out := out.(type) {
	case peer.Store:
		r.queue = append(r.queue, out) // bounded by the machine's BacklogMax
		r.count++
		r.bytes += int64(len(out.Data))
		if out.Quic {
			r.quic += int64(len(out.Data))
		}
		r.last = time.Now()
		signal(r.wake)
	case peer.SendReport:
		if r.run != nil {
			select {
			case r.run.reports <- out.Report:
			default: // another one follows
			}
		}
	case peer.SendStream:
		if r.run != nil {
			select {
			case r.run.tell <- out.Msg:
			default:
				r.run.conn.Close("too many messages are waiting")
			}
		}
	case peer.Fetch:
		if r.run == nil {
			r.fetching.Go(func() { r.handle(peer.Fetched{Block: out.Block}) }) // it failed; not from inside drain
			return
		}
		run := r.run
		r.fetching.Go(func() { r.fetch(run, out.Block) })
	case peer.Group:
		if r.run == nil {
			return
		}
		if out.Join && r.run.fresh { // joined when its socket was made; joining again would only confuse switches
			r.run.fresh = false
			return
		}
		run := r.run
		run.left = !out.Join
		r.fetching.Go(func() { r.setGroup(run, out.Join) }) // the system call may take a while
	case peer.Done:
		close(r.finished)
	case peer.Event:
		r.opt.Log.Debug("peer", "event", string(out.Kind), "block", out.Block, "n", out.N, "text", out.Text)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (r *receiver) fetch(run *run, b wire.Block) {
	ctx, cancel := context.WithTimeout(run.ctx, fetchFor)
	defer cancel()
	data, err := run.conn.Fetch(ctx, r.blocks[b].ID, nil)
	switch {
	case err == nil:
		r.handle(peer.Fetched{Block: b, Data: data})
	case errors.Is(err, transport.ErrBusy):
		r.handle(peer.Fetched{Block: b, Busy: true})
	default:
		r.opt.Log.Debug("fetch failed", "block", b, "error", err)
		r.handle(peer.Fetched{Block: b})
	}
}

func (r *receiver) setGroup(run *run, join bool) {
	var err error
	if join {
		err = run.group.Join()
	} else {
		err = run.group.Leave()
	}
	if err != nil && run.ctx.Err() == nil {
		r.opt.Log.Warn("change group membership", "join", join, "error", err)
	}
}

// feed takes verified blocks to the sink and tells the machine what has become durable.
func (r *receiver) feed(ctx context.Context, final bool) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		for {
			r.mu.Lock()
			batch := r.queue
			r.queue = nil
			r.mu.Unlock()
			if len(batch) == 0 {
				break
			}
			if err := r.take(ctx, batch, &final); err != nil {
				r.giveUp(err)
				return
			}
		}
	}
}

// take puts a batch into the sink and commits it.
func (r *receiver) take(ctx context.Context, batch []peer.Store, final *bool) error {
	for _, b := range batch {
		if err := r.sink.Put(ctx, uint32(b.Block), b.Data); err != nil {
			return err
		}
	}
	held, err := r.sink.Commit()
	if err != nil {
		return err
	}
	if u, ok := r.sink.(Urgent); ok {
		r.hurry(u.Urgent())
	}
	if !*final { // before the machine hears that what it knew of is durable, so that it does not take that for all
		if *final, err = r.ask(); err != nil {
			return err
		}
	}
	for _, b := range held {
		r.mu.Lock()
		r.done += int64(r.blocks[b].Size)
		r.mu.Unlock()
		r.handle(peer.Stored{Block: wire.Block(b)})
	}
	return nil
}

// hurry has blocks fetched at once without which the sink cannot go on: as if the sender had said Unicast.
func (r *receiver) hurry(blocks []uint32) {
	if len(blocks) > 0 {
		r.handle(peer.Message{Msg: wire.Unicast{Cast: castID(r.signed.Hash), Spans: spans(blocks)}})
	}
}

func (r *receiver) giveUp(err error) {
	select {
	case r.fail <- err:
	default:
	}
}

func (r *receiver) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.timer.Stop()
}

// connect keeps a connection and a membership up until ctx ends.
func (r *receiver) connect(ctx context.Context, conn *transport.Conn) {
	lost := time.Now()
	for ctx.Err() == nil {
		var err error
		if conn == nil {
			if conn, _, err = Connect(ctx, r.ep, r.id); err != nil {
				conn = nil
			}
		}
		if conn != nil {
			if err = r.member(ctx, conn); err == nil || errors.Is(err, errJoined) {
				lost = time.Now()
			}
			conn.Close("")
			conn = nil
		}
		if ctx.Err() != nil {
			return
		}
		if permanent(err) {
			r.giveUp(err)
			return
		}
		if waited := time.Since(lost); waited > r.opt.Wait {
			r.giveUp(fmt.Errorf("no distribution point for %v: %w; what was received is kept, run the same command again", r.opt.Wait, err))
			return
		}
		r.setWhy(fmt.Sprintf("the distribution point does not answer; waiting up to %v for it", r.opt.Wait))
		r.opt.Log.Warn("distribution point lost, trying again", "error", err, "for", r.opt.Wait)
		select {
		case <-ctx.Done():
		case <-time.After(redialEvery):
		}
	}
}

func (r *receiver) setWhy(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.why = s
}

// permanent says that trying again cannot help.
func permanent(err error) bool {
	var e wire.Error
	if errors.As(err, &e) {
		return e.Code == wire.CodeUnknown || e.Code == wire.CodeNotMember || e.Code == wire.CodeVersion
	}
	return errors.Is(err, errLocal)
}

var (
	errJoined = errors.New("connection lost")
	errLocal  = errors.New("cannot receive here")
)

// member joins the cast over conn and stays in it until the connection ends.
func (r *receiver) member(ctx context.Context, conn *transport.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jctx, jcancel := context.WithTimeout(ctx, answerTimeout)
	defer jcancel()
	if err := conn.Send(jctx, wire.JoinCast{Manifest: r.signed.Hash}); err != nil {
		return err
	}
	info, err := receive[wire.CastInfo](jctx, conn)
	if err != nil {
		return err
	}
	if info.Cast != castID(r.signed.Hash) || info.Manifest != r.signed.Hash {
		return errors.New("join cast: the answer is about another content")
	}
	group, err := netip.ParseAddrPort(info.Group)
	if err != nil {
		return fmt.Errorf("join cast: group %q: %w", info.Group, err)
	}
	rx, err := transport.NewReceiver(transport.ReceiverConfig{Group: group, Interface: r.opt.Interface, Drop: r.opt.Drop})
	if err != nil {
		return fmt.Errorf("%w: %w", errLocal, err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer rx.Close()
	defer conn.Close("")
	defer cancel()
	cur := &run{conn: conn, info: info, group: rx, tell: make(chan any, tellMax), reports: make(chan wire.Report, 4), fresh: true, ctx: ctx}
	wg.Go(func() { r.listen(cur) })
	wg.Go(func() { r.speak(cur) })
	wg.Go(func() { r.refresh(cur) })

	r.mu.Lock()
	r.run = cur
	r.mu.Unlock()
	r.handle(peer.Link{Up: true, Run: info.RunTag()})
	defer func() {
		r.mu.Lock()
		r.run = nil
		r.mu.Unlock()
		r.handle(peer.Link{Up: false})
	}()
	r.opt.Log.Info("joined cast", "group", info.Group, "buffer", rx.Buffer())
	for {
		msg, err := conn.Receive(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", errJoined, err)
		}
		if e, ok := msg.(wire.Error); ok {
			return fmt.Errorf("%w: %w", errJoined, e)
		}
		r.handle(peer.Message{Msg: msg})
	}
}

// listen takes the group's datagrams to the machine.
func (r *receiver) listen(cur *run) {
	key := wire.DeriveRunKey(cur.info.Secret, cur.info.Epoch, cur.info.Sender, cur.info.Run)
	opener := wire.NewOpener(key, cur.info.Cast, cur.info.RunTag())
	for {
		datagrams, err := cur.group.Receive()
		if err != nil {
			return
		}
		r.mu.Lock()
		for _, d := range datagrams {
			h, payload, err := opener.Open(d)
			if err != nil || r.closed {
				continue // forged, replayed, of another run: nothing to do
			}
			switch h.Type {
			case wire.TypeSymbol:
				r.machine.Handle(r.clock.now(), peer.Symbol{Header: h, Payload: payload})
			case wire.TypeAnnounce:
				a, err := wire.ParseAnnounce(payload)
				if err != nil {
					continue
				}
				r.machine.Handle(r.clock.now(), peer.Announce{Header: h, Announce: a})
			}
			r.drain()
		}
		r.mu.Unlock()
	}
}

// refresh joins the group again now and then. Where no router asks (IGMP querier), a switch forgets a port after 260 s; and the
// first word of a host may never reach the switch, because in IGMPv2 a host that hears another's report keeps its own
// back. So the first time comes soon, and each time at a moment of the host's own.
func (r *receiver) refresh(cur *run) {
	wait := 100*time.Millisecond + rand.N(700*time.Millisecond)
	for {
		select {
		case <-cur.ctx.Done():
			return
		case <-time.After(wait):
		}
		r.mu.Lock()
		away := cur.left
		r.mu.Unlock()
		if !away {
			r.setGroup(cur, true)
		}
		wait = refreshEvery + rand.N(refreshEvery/4)
	}
}

// speak sends what the machine has to say.
func (r *receiver) speak(cur *run) {
	for {
		var err error
		select {
		case <-cur.ctx.Done():
			return
		case msg := <-cur.tell:
			err = cur.conn.Send(cur.ctx, msg)
		case report := <-cur.reports:
			err = cur.conn.SendReport(report)
		}
		if err != nil && cur.ctx.Err() == nil {
			cur.conn.Close("")
			return
		}
	}
}

func (r *receiver) progress(ctx context.Context) {
	t := time.NewTicker(500 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			r.opt.Progress(r.snapshot())
		}
	}
}

func (r *receiver) snapshot() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Progress{Done: r.done, Total: r.wanted, Peer: r.machine.Status(), Connected: r.run != nil, Why: r.why}
}
