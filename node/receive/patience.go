package receive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/wimcast/wimcast/wire"
)

// Patience waits for a distribution point that does not answer yet, and says so.
type Patience struct {
	Wait   time.Duration
	Log    *slog.Logger // nil: nobody
	Points []string     // for the log
}

const (
	tryEvery  = time.Second      // from one answer that did not come to the next question
	tellEvery = 10 * time.Second // between two lines that say that the distribution point does not answer
)

// Try calls ask until it succeeds, trying again cannot help, or the time is over.
func (p Patience) Try(ctx context.Context, ask func() error) error {
	log := p.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var told time.Time
	for start := time.Now(); ; {
		err := ask()
		if err == nil || permanent(err) || ctx.Err() != nil {
			return err
		}
		if time.Since(start) > p.Wait {
			return fmt.Errorf("no distribution point for %v: %w", p.Wait, err)
		}
		if time.Since(told) > tellEvery {
			told = time.Now()
			log.Warn("the distribution point does not answer, trying again", "points", p.Points, "for", p.Wait, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(tryEvery):
		}
	}
}

// ErrNowhere says that the distribution point is at none of its addresses: trying again cannot help.
var ErrNowhere = errors.New("the distribution point is gone")

// permanent says that trying again cannot help.
func permanent(err error) bool {
	if e, ok := errors.AsType[wire.Error](err); ok {
		switch e.Code {
		case wire.CodeUnknown, wire.CodeNotMember, wire.CodeVersion, wire.CodeEnrol:
			return true
		}
		return false
	}
	_, settled := errors.AsType[settledError](err)
	return settled || errors.Is(err, errLocal) || errors.Is(err, ErrNowhere)
}

// Settled marks an error as one that was answered: trying again cannot help.
func Settled(err error) error { return settledError{err} }

type settledError struct{ error }

func (e settledError) Unwrap() error { return e.error }
