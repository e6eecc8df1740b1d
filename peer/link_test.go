package peer

import (
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// A member dials by itself, again a second after each failure and each loss, and never while an attempt is under way.
func TestDialsAgain(t *testing.T) {
	w := newWorld(t, Config{}, 5000)
	m, err := New(Config{Blocks: w.cfg.Blocks})
	if err != nil {
		t.Fatal(err)
	}
	w.Machine = m
	if n := len(only[Dial](w.do(Need{Final: true, Spans: []wire.Span{{To: 1}}}))); n != 1 {
		t.Fatalf("dials %d times at first, want once", n)
	}
	if n := len(only[Dial](w.later(5 * time.Second))); n != 0 {
		t.Errorf("dials %d times while an attempt is under way", n)
	}
	for _, in := range []In{DialFailed{Why: "no answer"}, DialFailed{Why: "busy"}, Link{Up: true, Run: 1}, Link{Why: "silence"}} {
		outs := w.do(in)
		if l, ok := in.(Link); ok && l.Up {
			if n := len(only[Dial](append(outs, w.later(3*time.Second)...))); n != 0 {
				t.Errorf("dials %d times while connected", n)
			}
			continue
		}
		if n := len(only[Dial](append(outs, w.later(redialEvery-1)...))); n != 0 {
			t.Errorf("dials %d times within a second after %+v", n, in)
		}
		if n := len(only[Dial](w.later(1))); n != 1 {
			t.Errorf("dials %d times a second after %+v, want once", n, in)
		}
	}
}

// What gives up, and what it says.
func TestGivesUp(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(w *world) []Out
		cause FailCause
		why   string // in Failed.Why; "": it does not give up
	}{
		{"a sender that stays away", func(w *world) []Out {
			w.do(Link{})
			w.later(redialEvery)
			w.do(DialFailed{Why: "no route"})
			return w.later(10 * time.Second)
		}, FailedLost, "away for 3s: no route"},
		{"a sender that comes back in time", func(w *world) []Out {
			w.do(Link{})
			return append(w.later(2*time.Second), append(w.do(Link{Up: true, Run: 1}), w.later(10*time.Second)...)...)
		}, 0, ""},
		{"a sender that has no place for long", func(w *world) []Out {
			w.do(Link{})
			return append(w.busyFor(time.Hour), w.later(2*time.Second)...)
		}, 0, ""},
		{"a sender that has no place and then stays away", func(w *world) []Out {
			w.do(Link{})
			w.busyFor(time.Minute)
			return w.later(4 * time.Second)
		}, FailedLost, "away for 3s: full"},
		{"a connection ended for good", func(w *world) []Out { return w.do(Link{Why: "you were revoked", Permanent: true}) }, FailedRefused, "revoked; 0 of 2 blocks"},
		{"an attempt refused for good", func(w *world) []Out {
			w.do(Link{})
			w.later(redialEvery)
			return w.do(DialFailed{Why: "unknown content", Permanent: true})
		}, FailedRefused, "unknown content"},
		{"nothing but refusals", func(w *world) []Out { return w.answerAll(lackFor+time.Second, Fetched{Why: FetchLacks}) }, FailedLacks, "cannot read"},
		{"nothing but wrong bytes", func(w *world) []Out { return w.answerAll(lackFor+2*time.Second, Fetched{Data: []byte{1}}) }, FailedWrong, "wrong bytes"},
		{"refusals, not long enough", func(w *world) []Out { return w.answerAll(lackFor-time.Second, Fetched{Why: FetchLacks}) }, 0, ""},
		{"a busy sender", func(w *world) []Out { return w.answerAll(lackFor+time.Minute, Fetched{Why: FetchBusy}) }, 0, ""},
		{"refusals while other blocks come", func(w *world) []Out {
			outs := w.answerAll(lackFor-time.Second, Fetched{Why: FetchLacks})
			for i := range wire.Symbol(4) {
				outs = append(outs, w.do(w.datagram(1, i))...)
			}
			return append(outs, w.answerAll(lackFor-time.Second, Fetched{Why: FetchLacks})...)
		}, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{LostMax: 3 * time.Second}, 5000, 5000)
			failed := only[Failed](c.do(w))
			if c.why == "" {
				if len(failed) > 0 {
					t.Errorf("gives up: %+v", failed)
				}
				return
			}
			if len(failed) != 1 || failed[0].Cause != c.cause || !strings.Contains(failed[0].Why, c.why) {
				t.Errorf("%+v, want one of cause %d that says %q", failed, c.cause, c.why)
			}
			if at, _ := w.Deadline(); at != machine.Never {
				t.Error("it still waits for something")
			}
			if outs := append(w.do(Link{Up: true, Run: 1}), w.later(time.Minute)...); len(outs) > 0 {
				t.Errorf("it goes on: %+v", outs)
			}
		})
	}
}

// answerAll has block 0 fetched and answers each attempt in the same way for a while.
func (w *world) answerAll(d time.Duration, with Fetched) (all []Out) {
	outs := w.do(Need{Urgent: true, Spans: []wire.Span{{To: 1}}})
	for end := w.now.Add(d); w.now < end; {
		all = append(all, outs...)
		outs = w.later(10 * time.Millisecond)
		for _, f := range only[Fetch](append(all, outs...)) {
			with.Block = f.Block
			outs = append(outs, w.do(with)...)
		}
	}
	return append(all, outs...)
}

// A fetch without an answer is cancelled when its time is over and made again; an answer that comes after all is no harm.
func TestStalledFetch(t *testing.T) {
	w := newWorld(t, Config{}, 5000)
	if n := len(only[Fetch](w.do(Need{Urgent: true, Spans: []wire.Span{{To: 1}}}))); n != 1 {
		t.Fatalf("%d fetches, want 1", n)
	}
	if outs := w.later(fetchFor - 1); len(only[Cancel](outs)) != 0 {
		t.Fatal("cancelled before its time is over")
	}
	if outs := w.later(1); len(only[Cancel](outs)) != 1 || len(only[Fetch](outs)) != 0 {
		t.Fatalf("at the end of its time: %+v", outs)
	}
	if outs := w.do(Fetched{Block: 0, Why: FetchBroken}); len(outs) != 0 {
		t.Errorf("the answer to a cancelled fetch: %+v", outs)
	}
	if n := len(only[Fetch](w.later(backOffMin))); n != 1 {
		t.Errorf("%d fetches after a pause, want 1", n)
	}
	if n := len(only[Store](w.do(Fetched{Block: 0, Data: w.data[0]}))); n != 1 {
		t.Error("the second answer is not stored")
	}
}

// Blocks that are urgent are fetched, whether they were asked for before or not; the sender is told of those that were not.
func TestUrgent(t *testing.T) {
	w := newWorld(t, Config{}, 100, 100, 100)
	if outs := w.do(Need{Urgent: true, Spans: []wire.Span{{From: 1, To: 2}}}); len(only[Fetch](outs)) != 1 || len(streams[wire.Want](outs)) != 0 {
		t.Errorf("asked for before: %+v", outs)
	}
	m, err := New(Config{Blocks: w.cfg.Blocks})
	if err != nil {
		t.Fatal(err)
	}
	w.Machine = m
	w.do(Link{Up: true, Run: 1})
	if outs := w.do(Need{Urgent: true, Spans: []wire.Span{{From: 1, To: 9}}}); len(only[Fetch](outs)) != 2 || len(streams[wire.Want](outs)) != 1 {
		t.Errorf("not asked for before: %+v", outs)
	}
}

// A member joins the group again soon after it first did, at a moment of its own, and then about every two minutes; not while it
// is demoted, and soon again when it is promoted.
func TestJoinsAgain(t *testing.T) {
	moments := map[machine.Time]bool{}
	for seed := range uint64(8) {
		w := newWorld(t, Config{Seed: seed}, 5000)
		join := func(within time.Duration) (times []machine.Time) {
			for end := w.now.Add(within); w.now < end; {
				at, _ := w.Deadline()
				w.Handle(min(at, end), Tick{})
				for _, g := range only[Group](w.poll()) {
					if g.Join {
						times = append(times, w.now)
					}
				}
			}
			return times
		}
		first := join(50 * time.Second)
		if len(first) != 1 || first[0] < machine.Time(joinAgainMin) || first[0] > machine.Time(joinAgainMin+joinAgainSpread) {
			t.Fatalf("joins again at %v, want once within 0.1 to 0.8 s", first)
		}
		moments[first[0]] = true
		if n := len(join(76 * time.Second)); n != 1 {
			t.Errorf("joins %d times around 100 s, want once", n)
		}
		w.do(Message{Msg: wire.Demote{Reason: wire.DemoteLoss}})
		if n := len(join(5 * time.Minute)); n != 0 {
			t.Errorf("joins %d times while demoted", n)
		}
		if outs := only[Group](w.do(Message{Msg: wire.Promote{}})); len(outs) != 1 || len(join(time.Second)) != 1 {
			t.Error("does not join twice when promoted")
		}
	}
	if len(moments) < 7 {
		t.Errorf("8 members join again at %d moments", len(moments))
	}
}

// busyFor answers every attempt with the word that there is no place.
func (w *world) busyFor(d time.Duration) (all []Out) {
	for end := w.now.Add(d); w.now < end; {
		all = append(all, w.later(redialEvery)...)
		all = append(all, w.do(DialFailed{Why: "full", Busy: true})...)
	}
	return all
}

// Waiting for a place is told as that, once, and over when there is one or when the sender is gone.
func TestWaitingForAPlaceIsToldAsThat(t *testing.T) {
	w := newWorld(t, Config{LostMax: time.Minute}, 5000)
	w.do(Link{})
	told := 0
	for _, e := range only[Event](w.busyFor(10 * time.Second)) {
		if _, ok := e.Event.(event.Queued); ok {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times, want once", told)
	}
	if _, why := w.Deadline(); why != "a place at the sender: full" {
		t.Errorf("waits for %q", why)
	}
	w.later(redialEvery)
	w.do(DialFailed{Why: "no answer"})
	if _, why := w.Deadline(); !strings.Contains(string(why), "does not answer") {
		t.Errorf("waits for %q when nobody answers any more", why)
	}
	w.later(redialEvery)
	if outs := only[Event](w.do(DialFailed{Why: "full", Busy: true})); len(outs) != 1 {
		t.Errorf("%d events when there is no place again, want one", len(outs))
	}
	w.later(redialEvery)
	w.do(Link{Up: true, Run: 1})
	if _, why := w.Deadline(); strings.Contains(string(why), "place") {
		t.Errorf("waits for %q with a place", why)
	}
}
