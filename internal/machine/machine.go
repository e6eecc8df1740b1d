// Package machine is the contract between wimcast's protocol code and whatever drives it.
//
// A machine holds a protocol's state and rules and nothing else: no goroutine, lock, socket, file, environment,
// wall clock, timer, global random number or log call. A driver (node with real sockets and disks, netsim with
// virtual ones) runs one in three steps, always in this order:
//
//	m.Handle(now, in)          one thing happened
//	for m.Poll() → out         carry out every output, in order
//	m.Deadline() → at, reason  call Handle(at, tick) no later than this, whatever else happens
//
// Time never runs backwards between calls. The same inputs at the same times give the same outputs, on every
// platform: no result may depend on the order of a map.
package machine

import (
	"fmt"
	"time"
)

// Time is a count of nanoseconds since an arbitrary start; only differences mean anything.
type Time int64

// Never is a deadline that does not come.
const Never Time = 1<<63 - 1

// Add returns t moved by d, saturating at Never.
func (t Time) Add(d time.Duration) Time {
	if d > 0 && t > Never-Time(d) {
		return Never
	}
	return t + Time(d)
}

// Sub returns t - u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// String prints t in seconds with microseconds, as traces do.
func (t Time) String() string {
	if t == Never {
		return "never"
	}
	return fmt.Sprintf("%.6f", float64(t)/1e9)
}

// Reason says what a machine is waiting for, in words that `wimcast status` can show a user.
type Reason string

// Machine is the contract, for drivers that run machines of several kinds.
type Machine[In, Out any] interface {
	Handle(now Time, in In)
	Poll() (Out, bool)
	Deadline() (Time, Reason)
}
