package netsim

import (
	"math/rand/v2"
	"time"

	"github.com/wimcast/wimcast/internal/machine"
)

// link is one direction of a wire with a queue before it.
type link struct {
	bps   int64         // 0: no limit
	queue int64         // bytes that may wait; more are dropped
	lag   time.Duration // travelling time
	free  machine.Time  // when what was queued has left
	down  bool
	drops uint64
}

// takes returns how long bytes occupy the link.
func (l *link) takes(bytes int64) time.Duration {
	if l.bps == 0 {
		return 0
	}
	return time.Duration(bytes * 8 * int64(time.Second) / l.bps)
}

// pass sends bytes at time at; it returns when they arrive, or false when they are dropped.
func (l *link) pass(at machine.Time, bytes int64) (machine.Time, bool) {
	if l.down {
		l.drops++
		return 0, false
	}
	if wait := l.free.Sub(at); wait > 0 && wait > l.takes(l.queue) {
		l.drops++
		return 0, false
	}
	return l.force(at, bytes), true
}

// force sends bytes at time at whatever waits: the reliable channel's share.
func (l *link) force(at machine.Time, bytes int64) machine.Time {
	l.free = max(l.free, at).Add(l.takes(bytes))
	return l.free.Add(l.lag)
}

// room returns when at most buf bytes wait for the link: when a blocking send returns.
func (l *link) room(at machine.Time, buf int64) machine.Time {
	return max(at, l.free.Add(-l.takes(buf)))
}

// weather is what else happens to datagrams on their way to a node. Shares are in millionths.
type weather struct {
	loss, burst        int64 // burst: mean length of a run of losses (Gilbert-Elliott); up to 1: independent losses
	reorder, dup, flip int64
	bad                bool // within a run of losses
}

func chance(rng *rand.Rand, ppm int64) bool { return ppm > 0 && rng.Int64N(1_000_000) < ppm }

// lost draws whether the next datagram is lost.
func (w *weather) lost(rng *rand.Rand) bool {
	if w.burst <= 1 {
		return chance(rng, w.loss)
	}
	if w.bad {
		w.bad = !chance(rng, 1_000_000/w.burst)
	} else {
		// in the long run the share of bad time is loss
		w.bad = chance(rng, w.loss*1_000_000/(1_000_000-w.loss)/w.burst)
	}
	return w.bad
}
