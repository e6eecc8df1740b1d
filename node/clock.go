package node

import (
	"time"

	"github.com/wimcast/wimcast/internal/machine"
)

// clock gives machines their time: monotonic, whatever happens to the wall clock.
type clock struct{ start time.Time }

func newClock() clock { return clock{start: time.Now()} }

func (c clock) now() machine.Time { return machine.Time(time.Since(c.start)) }

// until is the time left before at, at least 0, and at most a minute so that a machine is looked at now and then.
func (c clock) until(at machine.Time) time.Duration {
	const most = time.Minute
	if at == machine.Never {
		return most
	}
	return min(max(at.Sub(c.now()), 0), most)
}
