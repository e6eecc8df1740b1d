// Package clock gives machines their time: that since the clock was made, monotonic, whatever happens to the wall clock.
// [Start] makes one; a driver has one for each machine.
package clock

import (
	"time"

	"github.com/wimcast/wimcast/internal/machine"
)

// Clock is a machine's clock.
type Clock struct{ start time.Time }

// Start begins at 0.
func Start() Clock { return Clock{start: time.Now()} }

// Now is the time since Start.
func (c Clock) Now() machine.Time { return machine.Time(time.Since(c.start)) }

// Until is the time left before at, at least 0, and at most a minute so that a machine is looked at now and then.
func (c Clock) Until(at machine.Time) time.Duration {
	const most = time.Minute
	if at == machine.Never {
		return most
	}
	return min(max(at.Sub(c.Now()), 0), most)
}
