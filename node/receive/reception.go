package receive

import (
	"context"
	"sync"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/clock"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// Limits of a reception.
const (
	joinTimeout = 10 * time.Second // for the answer to JoinCast
	tellMax     = 1024             // stream messages waiting to be sent
)

// DefaultWait is how long a reception waits for a distribution point that is gone before it gives up.
const DefaultWait = peer.DefaultLostMax

// Options says how to take part in a cast.
type Options struct {
	Interface string            // network interface; "": that over which the distribution point is reached
	Wait      time.Duration     // how long to wait for a distribution point that is gone; 0: DefaultWait
	Drop      func() bool       // loses datagrams, for tests and demonstrations
	Events    func(event.Event) // called with what happens, and must not wait; may be nil
	Progress  func(Progress)    // called twice per second, and at the end; never by two goroutines at once
}

// Progress says how far a reception is.
type Progress struct {
	Done, Total int64 // bytes of blocks durable, and wanted as far as known
	Peer        peer.Status
	Connected   bool
	Why         string // what is waited for, for people
}

// Received is what came in a reception, and how.
type Received struct {
	peer.Status           // at the end
	Bytes       int64     // of blocks received
	Blocks      int       // in these
	QuicBytes   int64     // of these, fetched over QUIC
	LastChunkAt time.Time // when the last block was verified
}

// Config is what a reception is about.
type Config struct {
	Self    catalog.PublicKey // the node's own
	Content *catalog.SignedManifest
	First   *transport.Conn // a connection that is open already, or nil; the reception owns it
	// Connect connects to the distribution point and greets it. It is called when there is no connection.
	Connect func(context.Context) (*transport.Conn, error)
}

// receiver drives the receiving machine. mu guards the machine: sockets, timers and the sink's goroutine all call in, and
// carry out what comes out before they let go. Nothing done under mu waits.
type receiver struct {
	cfg    Config
	cast   uint32
	opt    Options
	sink   Sink
	clock  clock.Clock
	blocks []peer.Block
	first  *transport.Conn // for the next Dial; nil: it connects anew
	ctx    context.Context // of the reception
	beside sync.WaitGroup  // what was begun for the machine's outputs

	mu      sync.Mutex
	machine *peer.Machine
	timer   *time.Timer
	armed   machine.Time
	closed  bool
	run     *run  // the connected run, or nil
	noConn  error // why the last connection ended, or did not come about
	fetches map[wire.Block]*fetch
	wanted  int64
	done    int64
	count   int
	bytes   int64
	quic    int64 // of bytes, what came over QUIC
	last    time.Time

	queue    []peer.Store // verified, waiting for the sink
	wake     chan struct{}
	finished chan struct{}
	fail     chan error
}

// Run takes part in the cast of a content until the sink has all it needs.
func Run(ctx context.Context, cfg Config, sink Sink, opt Options) (Received, error) {
	if opt.Events == nil {
		opt.Events = func(event.Event) {}
	}
	if opt.Wait == 0 {
		opt.Wait = DefaultWait
	}
	r := &receiver{
		cfg: cfg, cast: wire.CastID(cfg.Content.Hash), opt: opt, sink: sink, clock: clock.Start(),
		blocks: blocksOf(cfg.Content), armed: machine.Never,
		first: cfg.First, fetches: make(map[wire.Block]*fetch),
		wake: make(chan struct{}, 1), finished: make(chan struct{}), fail: make(chan error, 1),
	}
	m, err := peer.New(peer.Config{LostMax: max(opt.Wait, time.Second), Seed: seedOf(cfg.Self), Cast: r.cast, Blocks: r.blocks})
	if err != nil {
		return Received{}, err
	}
	r.machine = m
	return r.receive(ctx)
}

func seedOf(k catalog.PublicKey) uint64 {
	var seed uint64
	for _, b := range k[:8] {
		seed = seed<<8 | uint64(b)
	}
	return seed
}

func (r *receiver) receive(ctx context.Context) (Received, error) {
	start := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	r.ctx = ctx
	var wg, telling sync.WaitGroup
	defer wg.Wait()
	defer r.dropFirst()
	defer r.beside.Wait()
	defer cancel()
	r.mu.Lock()
	r.timer = time.AfterFunc(time.Hour, r.tick)
	r.mu.Unlock()
	defer r.stop()

	final, err := r.ask()
	if err != nil {
		return Received{}, err
	}
	wg.Go(func() { r.feed(ctx, final) })
	if r.opt.Progress != nil {
		telling.Go(func() { r.progress(ctx) })
	}
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case err = <-r.fail:
	case <-r.finished:
	}
	out := r.result()
	if err == nil {
		r.opt.Events(event.ReceptionDone{Bytes: out.Bytes, Blocks: out.Blocks, QuicBytes: out.QuicBytes, Took: time.Since(start)})
	}
	end := r.snapshot()
	cancel()
	telling.Wait()
	if err == nil && r.opt.Progress != nil {
		r.opt.Progress(end)
	}
	return out, err
}

func (r *receiver) result() Received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Received{Status: r.machine.Status(), Bytes: r.bytes, Blocks: r.count, QuicBytes: r.quic, LastChunkAt: r.last}
}

// dropFirst closes a connection that no Dial has used.
func (r *receiver) dropFirst() {
	if r.first != nil {
		r.first.Close("")
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
	status := r.machine.Status()
	return Progress{Done: r.done, Total: r.wanted, Peer: status, Connected: r.run != nil, Why: string(status.Waiting)}
}
