package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/node/bus"
)

// eventJSON is what programs that read /events count on.
const eventJSON = `{
 "id": 7,
 "at": "2026-01-02T03:04:05Z",
 "kind": "rate-changed",
 "level": "debug",
 "text": "rate changed",
 "content": "n@1",
 "data": {
  "rate_mbps": 94.1,
  "why": "no loss"
 }
}`

func TestAnEventInJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600))
	e := fromRecord(bus.Record{ID: 7, At: at, Content: "n@1", Event: event.RateChanged{Rate: 94_100_000, Why: "no loss"}})
	b, err := json.MarshalIndent(e, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != eventJSON {
		t.Errorf("got %s", b)
	}
	wantFull(t, e)
}

// eventful is a node that tells what is on its bus.
type eventful struct {
	talking
	bus *bus.Bus
}

func (n eventful) Events() *bus.Bus { return n.bus }

func TestEventsAreFollowedOverTheSocket(t *testing.T) {
	ctx := context.Background()
	b := bus.New()
	c := serveNode(t, eventful{talking{t}, b})
	b.Put("n@1", event.CastStarted{Group: "239.0.0.1:4791"})
	b.Put("", event.ClientConnected{Name: "p", Address: "a:1"})
	first, err := c.Events(ctx, 0)
	if err != nil || len(first.Events) != 2 || first.Missed {
		t.Fatalf("%+v, %v", first, err)
	}
	if e := first.Events[0]; e.Kind != "cast-started" || e.Content != "n@1" || e.Data["group"] != "239.0.0.1:4791" || e.ID+1 != first.Next {
		t.Errorf("first event %+v, next %d", e, first.Next)
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		b.Put("n@1", event.CastEnded{})
	}()
	more, err := c.Events(ctx, first.Next)
	if err != nil || len(more.Events) != 1 || more.Events[0].Kind != "cast-ended" || more.Missed {
		t.Errorf("%+v, %v", more, err)
	}
	if lost, err := c.Events(ctx, 1); err != nil || len(lost.Events) != 3 || !lost.Missed {
		t.Errorf("with the ID of an earlier run: %+v, %v", lost, err)
	}
	if err := c.call(ctx, "GET", "/events?since=-1", nil, &more); err == nil || err.Error() != `events since "-1": want the number of an event` {
		t.Errorf("since -1: %v", err)
	}
	b.Close()
	if _, err := c.Events(ctx, more.Next); err == nil || err.Error() != bus.ErrClosed.Error() {
		t.Errorf("of a node that has ended: %v", err)
	}
}

// An answer holds so many events at most, and the next one goes on after them.
func TestAnAnswerIsBounded(t *testing.T) {
	for _, c := range []struct{ put, first, second int }{
		{eventsMax, eventsMax, 0}, {eventsMax + 1, eventsMax, 1},
	} {
		b := bus.New()
		for range c.put {
			b.Put("", event.Hears{})
		}
		first, err := follow(t.Context(), b, "")
		if err != nil || len(first.Events) != c.first {
			t.Errorf("%d put: %d in the first answer, %v", c.put, len(first.Events), err)
		}
		b.Close()
		second, err := follow(t.Context(), b, fmt.Sprint(first.Next))
		if len(second.Events) != c.second || (err == nil) != (c.second > 0) {
			t.Errorf("%d put: %d in the second answer, %v", c.put, len(second.Events), err)
		}
	}
}

// Without an event the answer is empty after a while; who goes away is waited for no longer.
func TestAnAnswerDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		start := time.Now()
		out, err := follow(t.Context(), b, "0")
		if err != nil || len(out.Events) != 0 || out.Missed || time.Since(start) != pollFor {
			t.Errorf("%+v, %v after %v", out, err, time.Since(start))
		}
		text, _ := json.Marshal(out)
		if want := fmt.Sprintf(`{"events":[],"next":%d}`, out.Next); string(text) != want {
			t.Errorf("got %s, want %s", text, want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := follow(ctx, b, fmt.Sprint(out.Next)); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
