package send

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/clock"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/wire"
)

// driver is the state of the cast's goroutine.
type driver struct {
	*Cast
	machine *distributor.Machine
	send    func([][]byte) (int, error) // hands datagrams to the network and says how many it took
	seal    *wire.Sealer
	clock   clock.Clock
	memory  *memory

	batch   [][]byte // datagrams to be sent, in buffers
	buffers [][]byte
	plain   []byte // an announce before it is sealed
	failing time.Time
}

func newDriver(c *Cast, m *distributor.Machine, send func([][]byte) (int, error), mem *memory) *driver {
	info := c.cfg.Info
	key := wire.DeriveRunKey(info.Secret, info.Epoch, info.Sender, info.Run)
	d := &driver{Cast: c, machine: m, send: send, seal: wire.NewSealer(key), clock: clock.Start(), memory: mem}
	backing := make([]byte, batchMax*wire.MaxDatagram)
	for i := range batchMax {
		d.buffers = append(d.buffers, backing[i*wire.MaxDatagram:i*wire.MaxDatagram:(i+1)*wire.MaxDatagram])
	}
	d.batch = make([][]byte, 0, batchMax)
	return d
}

// run is the goroutine: one input, all outputs, next deadline.
func (d *driver) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer d.memory.wg.Wait()
	defer cancel()
	d.memory.start(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		at, _ := d.machine.Deadline()
		timer.Reset(d.clock.Until(at))
		select {
		case <-ctx.Done():
			return
		case in := <-d.inputs:
			d.take(in)
		case l := <-d.memory.read:
			d.takeBlock(l)
		case <-timer.C:
			d.takeWaiting() // first: a tick may send, and sending may take a while
			d.machine.Handle(d.clock.Now(), distributor.Tick{})
		}
		if !d.drain() {
			return
		}
	}
}

func (d *driver) take(in input) {
	if in.ask != nil {
		in.ask(d.machine, d.clock.Now())
		return
	}
	d.machine.Handle(d.clock.Now(), in.in)
}

// takeBlock takes a block, or word that it cannot be read, from its reader.
func (d *driver) takeBlock(l *loaded) {
	var in distributor.In = distributor.Loaded{Block: l.block}
	if l.err != nil {
		d.complain("read block", l.err)
		in = distributor.Unreadable{Block: l.block}
	}
	d.memory.put(l)
	d.machine.Handle(d.clock.Now(), in)
}

// takeWaiting takes the inputs that are there, up to so many that sending is not held up.
func (d *driver) takeWaiting() {
	const most = 256
	for range most {
		select {
		case in := <-d.inputs:
			d.take(in)
			d.drain() // sends no symbols: only a tick does
		case l := <-d.memory.read:
			d.takeBlock(l)
			d.drain()
		default:
			return
		}
	}
}

// drain carries out all outputs. It reports false when the run is over.
func (d *driver) drain() bool {
	for {
		out, ok := d.machine.Poll()
		if !ok {
			d.flush()
			return true
		}
		switch out := out.(type) {
		case distributor.SendSymbols:
			d.symbols(out)
		case distributor.Load:
			d.memory.load(out.Block)
		case distributor.Unload:
			d.memory.unload(out.Block)
		case distributor.SendAnnounce:
			h := wire.Header{Type: wire.TypeAnnounce, Cast: d.cfg.Info.Cast, Run: d.cfg.Info.RunTag(), Seq: out.Seq}
			d.plain = out.Announce.Append(d.plain[:0])
			d.datagram(h, d.plain)
		case distributor.SendStream:
			if s := d.member(out.Member); s != nil {
				s.Tell(out.Msg)
			}
		case distributor.Drop:
			d.drop(out)
		case distributor.Over:
			return false
		case distributor.End:
			return false
		case distributor.Event:
			d.cfg.Events(out.Event)
		}
	}
}

func (d *driver) drop(out distributor.Drop) {
	d.mu.Lock()
	s := d.removeLocked(out.Member)
	d.mu.Unlock()
	if s != nil {
		s.CastEnded(d.Cast, out.Member, out.Why)
	}
}

func (d *driver) symbols(out distributor.SendSymbols) {
	for i := range out.Count {
		sym := out.First + wire.Symbol(i)
		data, err := d.memory.symbol(out.Block, sym)
		if err != nil { // the sequence numbers are lost, which looks like loss
			d.complain("make symbol", err)
			return
		}
		d.datagram(wire.Header{
			Type: wire.TypeSymbol, Symbol: sym, Cast: d.cfg.Info.Cast, Run: d.cfg.Info.RunTag(),
			Seq: out.Seq + wire.Seq(i), Block: out.Block,
		}, data)
	}
}

// datagram seals one datagram into the batch.
func (d *driver) datagram(h wire.Header, payload []byte) {
	if len(d.batch) == batchMax {
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
func (d *driver) flush() {
	for rest := d.batch; len(rest) > 0; {
		n, err := d.send(rest)
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

// complain tells of an error that may come thousands of times per second, at most once per second.
func (d *driver) complain(what string, err error) {
	now := time.Now()
	if now.Sub(d.failing) <= time.Second {
		return
	}
	d.failing = now
	d.cfg.Events(event.SendFailed{What: what, Why: err.Error()})
}
