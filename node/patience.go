package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/wimcast/wimcast/wire"
)

// patience waits for a distribution point that does not answer yet, and says so.
type patience struct {
	wait   time.Duration
	log    *slog.Logger // nil: nobody
	points []string     // for the log
}

// tellEvery is the time between two lines that say that the distribution point does not answer.
const tellEvery = 10 * time.Second

// try calls ask until it succeeds, trying again cannot help, or the time is over.
func (p patience) try(ctx context.Context, ask func() error) error {
	log := p.log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var told time.Time
	for start := time.Now(); ; {
		err := ask()
		if err == nil || permanent(err) || ctx.Err() != nil {
			return err
		}
		if time.Since(start) > p.wait {
			return fmt.Errorf("no distribution point for %v: %w", p.wait, err)
		}
		if time.Since(told) > tellEvery {
			told = time.Now()
			log.Warn("the distribution point does not answer, trying again", "points", p.points, "for", p.wait, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(redialEvery):
		}
	}
}

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
	return settled || errors.Is(err, errLocal) || errors.Is(err, errNowhere)
}

// settledError is one that was answered.
type settledError struct{ error }

func (e settledError) Unwrap() error { return e.error }
