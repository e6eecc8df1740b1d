package receive

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/wire"
)

func TestPatience(t *testing.T) {
	silence := errors.New("no answer")
	for _, c := range []struct {
		name  string
		asks  func(n int) error // what the nth try says
		want  string            // of the error
		tries int
		took  time.Duration
		told  int // so many times
	}{
		{"at once", func(int) error { return nil }, "", 1, 0, 0},
		{"it comes up", func(n int) error {
			if n < 13 {
				return silence
			}
			return nil
		}, "", 13, 12 * time.Second, 2},
		{"it never does", func(int) error { return silence }, "no distribution point for 20s: no answer", 22, 21 * time.Second, 2},
		{"refused", func(int) error { return wire.NewError(wire.CodeEnrol, "the token is used up") }, "the token is used up (code 4)", 1, 0, 0},
		{"busy", func(n int) error {
			if n < 3 {
				return wire.NewError(wire.CodeBusy, "later")
			}
			return nil
		}, "", 3, 2 * time.Second, 1},
		{"answered", func(int) error { return Settled(silence) }, "no answer", 1, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []event.Event
				start, tries := time.Now(), 0
				tell := func(e event.Event) { told = append(told, e) }
				err := Patience{Wait: 20 * time.Second, Events: tell, Points: []string{"dp:4790", "b:1"}}.Try(t.Context(), func() error {
					tries++
					return c.asks(tries)
				})
				if got := errorText(err); got != c.want {
					t.Errorf("error %q, want %q", got, c.want)
				}
				if took := time.Since(start); tries != c.tries || took != c.took {
					t.Errorf("%d tries in %v, want %d in %v", tries, took, c.tries, c.took)
				}
				if len(told) != c.told {
					t.Errorf("told %d times, want %d: %v", len(told), c.told, told)
				}
				for _, e := range told {
					if w, _ := e.(event.Waiting); w.Points != "dp:4790,b:1" || w.Limit != 20*time.Second || w.Why == "" {
						t.Errorf("told %#v", e)
					}
				}
			})
		})
	}
}

func TestPatienceIsInterruptible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		silence, start := errors.New("no answer"), time.Now()
		if err := (Patience{Wait: time.Hour}).Try(ctx, func() error { return silence }); !errors.Is(err, silence) {
			t.Error(err)
		}
		if took := time.Since(start); took != 2500*time.Millisecond {
			t.Errorf("it ended after %v", took)
		}
	})
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
