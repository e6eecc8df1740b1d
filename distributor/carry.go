package distributor

import (
	"time"

	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// Rules about what a member's link carries, see docs/protocol.md.
const (
	troubleLossPpm = 20_000 // a member is in trouble when its loss exceeds its baseline by this or by half the baseline
	baselineSecs   = 10     // seconds for which a baseline is remembered
	baseMaxPpm     = 900_000
	relearnMax     = 500_000                // a link that loses more is too slow, or of no use
	carryTime      = 100 * time.Millisecond // how much comes through is measured over so long at least,
	carryGot       = 32                     // and so many datagrams
	datagramBits   = 8 * (wire.SymbolSize + datagramOverhead)
)

// carry is what the samples of a member's loss say about its link. A link that is too slow loses more the more is sent; one
// that is bad loses the same share at every rate. Only the second is a baseline: what is lost at a rate that the link is
// known to carry, because as much has come through it before.
type carry struct {
	bps      int64 // a rate, as sent, that the link carries; 0: nothing is known
	known    bool  // it was without trouble once,
	tried    bool  // or in trouble at clearly different rates
	guess    bool  // it follows from what came through while more was sent
	measured bool  // of that: over some time, by come
	lent     bool  // it is what others carry: any sample of its own says more

	baseline    [baselineSecs]int64 // by second modulo baselineSecs: smallest upper bound of a sample, plus one; 0: none
	baselineSec int64
	lowBps      int64 // the slowest sample in trouble: once more than this comes through, its loss was no matter of rate
	low         sample

	began    machine.Time // a report since which it has been in trouble and there was always something to send; 0: none
	beganGot uint64       // datagrams received then
	lossy    int64        // loss when bps was guessed

	last    int64 // the last sample
	jitter  int64 // smoothed difference of samples: losses in runs scatter more than a binomial
	lastSet bool  // last is

	troubled int          // samples in trouble in a row
	since    machine.Time // of the first of them
}

// sample is a loss of p ppm in n datagrams.
type sample struct {
	p        int64
	n        uint64
	at       machine.Time // of the report that ended it
	received uint64       // datagrams in all
}

// take learns from a sample of a time in which bps were sent. It reports whether the member is in trouble.
func (c *carry) take(now machine.Time, bps int64, s sample) bool {
	trouble := c.judge(now, bps, s)
	c.note(now, trouble)
	if trouble && c.began == 0 {
		c.began, c.beganGot = s.at, s.received
	}
	if !trouble {
		if c.lent {
			c.bps, c.lent = 0, false
		}
		c.bps, c.known, c.guess, c.began = max(c.bps, bps), true, false, 0
		c.learn(now, s)
	}
	c.scatter(s, trouble)
	return trouble
}

// takeIdle does the same for a time in which there was not always something to send: bursts at bps, and pauses in which
// queues on the way emptied. It shows that a link is slow, never that it is not.
func (c *carry) takeIdle(now machine.Time, bps int64, s sample) bool {
	base, _ := c.base(now)
	slow := c.guess && c.bps < bps/100*fallsBehind
	c.began = 0
	if c.exceeds(s, base) {
		if !slow || s.n >= sampleMany/2 {
			c.lower(bps, s, base)
		}
		slow = true
	}
	c.note(now, slow)
	return slow
}

// note counts samples in trouble.
func (c *carry) note(now machine.Time, trouble bool) {
	switch {
	case !trouble:
		c.troubled, c.lowBps = 0, 0
	case c.troubled == 0:
		c.troubled, c.since, c.measured = 1, now, false
	default:
		c.troubled++
	}
}

// unclear says whether a member in trouble may have lost as much at any rate.
func (c *carry) unclear() bool { return !c.known && !c.tried }

// lower notes what came through to a member in trouble of bps, by the share of the sample. A queue before the link makes that too
// high: come says better, but later.
func (c *carry) lower(bps int64, s sample, base int64) {
	got := s.n * uint64(ppm-s.p) / ppm
	if c.guess && !c.lent && (got < carryGot || c.measured) {
		return
	}
	if got < carryGot {
		got += 2*isqrt(got) + 1 // too few to tell: at most so much
	}
	c.bps, c.guess, c.lossy = min(mulDiv(bps, int64(got)*ppm/(ppm-min(base, baseMaxPpm)), int64(s.n)), bps), true, s.p
	c.lent = false
}

// come measures what comes through to a member in trouble: a slow link that is always full brings the same however much is sent.
func (c *carry) come(now, at machine.Time, received uint64) {
	span, got := at.Sub(c.began), int64(received-c.beganGot)
	if c.troubled == 0 || c.began == 0 || span < carryTime || got < carryGot {
		return
	}
	base, _ := c.base(now)
	through := mulDiv(got*datagramBits, int64(time.Second), int64(span))
	c.bps, c.guess, c.measured, c.lent = mulDiv(through, ppm, ppm-min(base, baseMaxPpm)), true, true, false
}

func (c *carry) judge(now machine.Time, bps int64, s sample) bool {
	base, _ := c.base(now)
	if !c.exceeds(s, base) {
		return false
	}
	switch {
	case c.guess && bps <= c.bps && s.p > c.lossy/4*3 && s.p < relearnMax: // as much came through before, and no less is lost of less
		c.relearn(now, s)
		return false
	case c.lowBps > 0 && mulDiv(bps, ppm-s.p, ppm-min(base, baseMaxPpm)) >= c.lowBps/20*21:
		low := c.low
		c.lowBps = 0
		c.relearn(now, low)
		return c.judge(now, bps, s)
	case c.lowBps == 0 || bps < c.lowBps:
		c.lowBps, c.low = bps, s
	case bps > c.lowBps/2*3:
		c.tried = true
	}
	c.lower(bps, s, base)
	return true
}

// exceeds says whether a sample is clearly above a baseline.
func (c *carry) exceeds(s sample, base int64) bool {
	return s.p-2*c.deviation(s) > base+max(troubleLossPpm, base/2)
}

// base returns the member's own baseline, and false when it has none: then it is 0.
func (c *carry) base(now machine.Time) (int64, bool) {
	c.forget(now)
	least := int64(1)
	for _, v := range c.baseline {
		if v > 0 && (least == 1 || v < least) {
			least = v
		}
	}
	return least - 1, least > 1
}

// deviation returns how far a sample may be off.
func (c *carry) deviation(s sample) int64 {
	return max(int64(isqrt(uint64(s.p)*uint64(ppm-s.p)/s.n)), c.jitter)
}

// scatter learns how much samples differ, from those that are not in trouble.
func (c *carry) scatter(s sample, trouble bool) {
	if trouble || s.n < sampleMany/2 {
		c.lastSet = false
		return
	}
	if c.lastSet {
		c.jitter += (max(s.p-c.last, c.last-s.p) - c.jitter) / 8
	}
	c.last, c.lastSet = s.p, true
}

// learn puts a sample into the baseline.
func (c *carry) learn(now machine.Time, s sample) {
	c.forget(now)
	slot := &c.baseline[c.baselineSec%baselineSecs]
	if upper := s.p + 2*c.deviation(s) + 4*ppm/int64(s.n) + 1; *slot == 0 || upper < *slot {
		*slot = upper
	}
}

// relearn makes a sample the baseline, whatever it was.
func (c *carry) relearn(now machine.Time, s sample) {
	c.baseline = [baselineSecs]int64{}
	c.learn(now, s)
}

// forget drops what is older than baselineSecs.
func (c *carry) forget(now machine.Time) {
	sec := int64(now) / int64(time.Second)
	if sec-c.baselineSec > baselineSecs {
		c.baselineSec = sec - baselineSecs
	}
	for ; c.baselineSec < sec; c.baselineSec++ {
		c.baseline[(c.baselineSec+1)%baselineSecs] = 0
	}
}
