package receive

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

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

// connect keeps a connection and a membership up until ctx ends.
func (r *receiver) connect(ctx context.Context, conn *transport.Conn) {
	lost := time.Now()
	for ctx.Err() == nil {
		var err error
		if conn == nil {
			if conn, err = r.cfg.Connect(ctx); err != nil {
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

var (
	errJoined = errors.New("connection lost")
	errLocal  = errors.New("cannot receive here")
)

// member joins the cast over conn and stays in it until the connection ends.
func (r *receiver) member(ctx context.Context, conn *transport.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jctx, jcancel := context.WithTimeout(ctx, joinTimeout)
	defer jcancel()
	if err := conn.Send(jctx, wire.JoinCast{Manifest: r.cfg.Content.Hash}); err != nil {
		return err
	}
	info, err := transport.Await[wire.CastInfo](jctx, conn)
	if err != nil {
		return err
	}
	if info.Cast != r.cast || info.Manifest != r.cfg.Content.Hash {
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

// refresh joins the group again now and then. Where no router asks (IGMP querier), a switch forgets a port after 260 s; and the
// first word of a host may never reach the switch, because in IGMPv2 a host that hears another's report keeps its own
// back. So the first time comes soon, and each time at a moment of the host's own.
func (r *receiver) refresh(cur *run) {
	jitter := rand.New(rand.NewPCG(seedOf(r.cfg.Self), uint64(cur.info.RunTag()))) // other nodes draw others
	wait := 100*time.Millisecond + time.Duration(jitter.Int64N(int64(700*time.Millisecond)))
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
		wait = refreshEvery + time.Duration(jitter.Int64N(int64(refreshEvery/4)))
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
