package receive

import (
	"context"
	"errors"
	"time"

	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// handle gives the machine one input and carries out all its outputs.
func (r *receiver) handle(in peer.In) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.machine.Handle(r.clock.Now(), in)
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
		r.timer.Reset(r.clock.Until(at))
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
			r.fetching.Go(func() { r.handle(peer.Fetched{Block: out.Block, Why: peer.FetchBroken}) }) // it failed; not from inside drain
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
	case peer.Failed:
		r.giveUp(errors.New(out.Why))
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
		r.handle(peer.Fetched{Block: b, Why: peer.FetchBusy})
	default:
		r.opt.Log.Debug("fetch failed", "block", b, "error", err)
		if errors.Is(err, transport.ErrNotHeld) {
			r.lacking()
		}
		r.handle(peer.Fetched{Block: b, Why: peer.FetchBroken})
	}
}

// ErrLacks says that the distribution point itself cannot read a part of what it offers.
var ErrLacks = errors.New("the distribution point has lost a part of this content; all else is received and kept")

// lackFor is how long nothing but refusals may come before the reception ends: what can be had, is had first, and the
// administrator may mend it meanwhile.
const lackFor = 5 * time.Second

// lacking takes note that the distribution point refused a block.
func (r *receiver) lacking() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.lacks.IsZero() {
		r.lacks = now
		r.opt.Log.Warn("the distribution point cannot read a part of this content; 'wimcast catalog verify' there says which")
	}
	if now.Sub(r.lacks) > lackFor && now.Sub(r.last) > lackFor {
		r.giveUp(ErrLacks)
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
