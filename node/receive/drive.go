package receive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// handle gives the machine one input and carries out all its outputs.
func (r *receiver) handle(in peer.In) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handleLocked(in)
}

func (r *receiver) handleLocked(in peer.In) {
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
	if at, _ := r.machine.Deadline(); at != r.armed {
		r.armed = at
		r.timer.Reset(r.clock.Until(at))
	}
}

func (r *receiver) carry(out peer.Out) {
	switch out := out.(type) {
	case peer.Dial:
		r.beside.Go(r.dial)
	case peer.Store:
		r.queue = append(r.queue, out) // bounded by the machine's BacklogMax
		r.count++
		r.bytes += int64(len(out.Data))
		if out.Quic {
			r.quic += int64(len(out.Data))
		}
		r.last = time.Now()
		signal(r.wake)
	case peer.SendReport, peer.SendStream:
		r.send(out)
	case peer.Fetch:
		r.startFetch(out.Block)
	case peer.Cancel:
		if f := r.fetches[out.Block]; f != nil {
			f.cancel()
			delete(r.fetches, out.Block)
		}
	case peer.Group:
		r.changeGroup(out.Join)
	case peer.Done:
		close(r.finished)
	case peer.Failed:
		r.giveUp(r.failure(out))
	case peer.Event:
		r.log(out)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// send queues what the machine has to say to the sender.
func (r *receiver) send(out peer.Out) {
	if r.run == nil {
		return
	}
	switch out := out.(type) {
	case peer.SendReport:
		select {
		case r.run.reports <- out.Report:
		default: // another one follows
		}
	case peer.SendStream:
		select {
		case r.run.tell <- out.Msg:
		default:
			r.run.conn.Close("too many messages are waiting")
		}
	}
}

// changeGroup joins or leaves the group, beside: the system call may take a while.
func (r *receiver) changeGroup(join bool) {
	run := r.run
	if run == nil {
		return
	}
	if join && run.fresh { // joined when its socket was made; joining again at once would only confuse switches
		run.fresh = false
		return
	}
	r.beside.Go(func() {
		change := run.group.Leave
		if join {
			change = run.group.Join
		}
		if err := change(); err != nil && run.ctx.Err() == nil {
			r.opt.Log.Warn("change group membership", "join", join, "error", err)
		}
	})
}

// fetch is one fetch that is under way.
type fetch struct {
	block  wire.Block
	cancel context.CancelFunc
}

// startFetch fetches a block over the connection; without one it fails.
func (r *receiver) startFetch(b wire.Block) {
	run, ctx := r.run, r.ctx
	if run != nil {
		ctx = run.ctx
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &fetch{block: b, cancel: cancel}
	r.fetches[b] = f
	r.beside.Go(func() {
		defer cancel()
		in := peer.Fetched{Block: b, Why: peer.FetchBroken}
		if run != nil {
			data, err := run.conn.Fetch(ctx, r.blocks[b].ID, nil)
			in.Data, in.Why = data, fetchWhy(err)
			if err != nil {
				r.opt.Log.Debug("fetch failed", "block", b, "error", err)
			}
		}
		r.answer(f, in)
	})
}

// answer gives the machine the answer to a fetch, unless it has cancelled it.
func (r *receiver) answer(f *fetch, in peer.Fetched) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fetches[f.block] != f {
		return
	}
	delete(r.fetches, f.block)
	r.handleLocked(in)
}

// fetchWhy puts what became of a fetch into the machine's words.
func fetchWhy(err error) peer.FetchWhy {
	switch {
	case err == nil:
		return peer.FetchGot
	case errors.Is(err, transport.ErrBusy):
		return peer.FetchBusy
	case errors.Is(err, transport.ErrNotHeld):
		return peer.FetchLacks
	}
	return peer.FetchBroken
}

// What a reception can end with.
var (
	// ErrLacks says that the distribution point itself cannot read a part of what it offers.
	ErrLacks = errors.New("the distribution point has lost a part of this content; all else is received and kept")

	// ErrWrong says that the distribution point gives wrong bytes, which are never kept.
	ErrWrong = errors.New("the distribution point sends wrong bytes for a part of this content; all else is received and kept")
)

// failure puts into words for the user why the machine has given up.
func (r *receiver) failure(out peer.Failed) error {
	switch out.Cause {
	case peer.FailedLacks:
		return ErrLacks
	case peer.FailedWrong:
		return ErrWrong
	case peer.FailedRefused:
		return r.noConn
	}
	err := r.noConn
	if err == nil {
		err = errors.New("it does not answer")
	}
	return fmt.Errorf("no distribution point for %v: %w; what was received is kept, run the same command again", r.opt.Wait, err)
}

// log writes what the machine tells: a line for what a user should know, once.
func (r *receiver) log(e peer.Event) {
	log := r.opt.Log
	log.Debug("peer", "event", string(e.Kind), "block", e.Block, "n", e.N, "text", e.Text)
	switch {
	case e.Kind == peer.EventNoLink:
		log.Warn("distribution point lost, trying again", "error", e.Text, "for", r.opt.Wait)
	case e.Kind == peer.EventLacks && !r.lacks:
		r.lacks = true
		log.Warn("the distribution point cannot give a part of this content; 'wimcast catalog verify' there says which", "why", e.Text)
	}
}
