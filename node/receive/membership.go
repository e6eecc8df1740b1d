package receive

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// run is one connection to one run of a cast.
type run struct {
	conn    *transport.Conn
	info    wire.CastInfo
	group   *transport.Receiver
	over    transport.Choice // interface on which it is joined
	tell    chan any
	reports chan wire.Report
	fresh   bool // the group has been joined, and the machine has not said so yet
	ctx     context.Context
	cancel  context.CancelFunc
}

var (
	errJoined = errors.New("connection lost")
	errLocal  = errors.New("cannot receive here")
)

// dial carries out a Dial: it connects, joins the cast, and stays a member until the connection ends. The machine is told of each end
// whether trying again can help.
func (r *receiver) dial() {
	run, err := r.join()
	if err != nil {
		r.lost(err, func(why string, permanent bool) peer.In {
			return peer.DialFailed{Why: why, Permanent: permanent, Busy: busy(err)}
		})
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer run.close()
	wg.Go(func() { r.listen(run) })
	wg.Go(func() { r.speak(run) })
	r.mu.Lock()
	r.run = run
	r.handleLocked(peer.Link{Up: true, Run: run.info.RunTag()})
	r.mu.Unlock()
	r.opt.Events(event.CastJoined{Group: run.info.Group, Interface: run.over.Name, Why: run.over.Why, BufferBytes: int64(run.group.Buffer())})
	if run.over.OtherThan != "" && !run.conn.RemoteAddr().Addr().IsLoopback() {
		r.opt.Events(event.LoopbackTaken{Interface: run.over.Name, Beside: run.over.OtherThan})
	}
	err = r.hear(run)
	r.lost(err, func(why string, permanent bool) peer.In { return peer.Link{Why: why, Permanent: permanent} })
}

// lost reports to the machine that there is no connection, and why.
func (r *receiver) lost(err error, in func(why string, permanent bool) peer.In) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run, r.noConn = nil, err
	r.handleLocked(in(err.Error(), permanent(err)))
}

// join connects, over the connection that the reception was given, or that had no place yet, if there is one, and joins the cast.
func (r *receiver) join() (*run, error) {
	conn := r.first
	r.first = nil
	if conn == nil {
		var err error
		if conn, err = r.cfg.Connect(r.ctx); err != nil {
			return nil, err
		}
	}
	run, err := r.joinOver(conn)
	switch {
	case busy(err):
		r.first = conn // it is asked again over this one
	case err != nil:
		conn.Close("")
	}
	return run, err
}

// busy says that the distribution point has no place now.
func busy(err error) bool {
	e, ok := errors.AsType[wire.Error](err)
	return ok && e.Code == wire.CodeBusy
}

// joinOver joins the cast over conn.
func (r *receiver) joinOver(conn *transport.Conn) (*run, error) {
	ctx, cancel := context.WithTimeout(r.ctx, joinTimeout)
	defer cancel()
	if err := conn.Send(ctx, wire.JoinCast{Manifest: r.cfg.Content.Hash}); err != nil {
		return nil, err
	}
	info, err := transport.Await[wire.CastInfo](ctx, conn)
	if err != nil {
		return nil, err
	}
	if info.Cast != r.cast || info.Manifest != r.cfg.Content.Hash {
		return nil, errors.New("join cast: the answer is about another content")
	}
	group, err := netip.ParseAddrPort(info.Group)
	if err != nil {
		return nil, fmt.Errorf("join cast: group %q: %w", info.Group, err)
	}
	over, err := r.chooseInterface(conn, group.Addr())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLocal, err)
	}
	rx, err := transport.NewReceiver(transport.ReceiverConfig{Group: group, Interface: over.Name, Drop: r.opt.Drop})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLocal, err)
	}
	out := &run{conn: conn, info: info, group: rx, over: over, tell: make(chan any, tellMax), reports: make(chan wire.Report, 4), fresh: true}
	out.ctx, out.cancel = context.WithCancel(r.ctx)
	return out, nil
}

// chooseInterface chooses where to join a group: the configured interface, or that over which the distribution point is reached.
func (r *receiver) chooseInterface(conn *transport.Conn, group netip.Addr) (transport.Choice, error) {
	want := transport.Want{Name: r.opt.Interface}
	if local, err := transport.LocalAddr(conn.RemoteAddr()); err == nil {
		want.Local = local
	}
	return want.Choose(group)
}

// close ends the connection and what goes on beside it.
func (cur *run) close() {
	cur.cancel()
	cur.conn.Close("")
	cur.group.Close()
}

// hear passes the sender's messages to the machine until the connection ends.
func (r *receiver) hear(cur *run) error {
	for {
		msg, err := cur.conn.Receive(cur.ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", errJoined, err)
		}
		if e, ok := msg.(wire.Error); ok {
			return fmt.Errorf("%w: %w", errJoined, e)
		}
		r.handle(peer.Message{Msg: msg})
	}
}

// listen passes the group's datagrams to the machine.
func (r *receiver) listen(cur *run) {
	var sym peer.Symbol // one for all: nothing is allocated a datagram
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
				sym.Header, sym.Payload = h, payload
				r.machine.Handle(r.clock.Now(), &sym)
			case wire.TypeAnnounce:
				a, err := wire.ParseAnnounce(payload)
				if err != nil {
					continue
				}
				r.machine.Handle(r.clock.Now(), peer.Announce{Header: h, Announce: a})
			}
			r.drain()
		}
		r.mu.Unlock()
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
