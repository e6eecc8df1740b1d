package receive

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
		lines int // in the log
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
				var log strings.Builder
				start, tries := time.Now(), 0
				err := Patience{Wait: 20 * time.Second, Log: slog.New(slog.NewTextHandler(&log, nil)), Points: []string{"dp:4790"}}.Try(t.Context(), func() error {
					tries++
					return c.asks(tries)
				})
				if got := errorText(err); got != c.want {
					t.Errorf("error %q, want %q", got, c.want)
				}
				if took := time.Since(start); tries != c.tries || took != c.took {
					t.Errorf("%d tries in %v, want %d in %v", tries, took, c.tries, c.took)
				}
				if n := strings.Count(log.String(), "dp:4790"); n != c.lines {
					t.Errorf("%d lines in the log, want %d:\n%s", n, c.lines, log.String())
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
