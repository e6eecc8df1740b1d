package distributor

import (
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/machine"
)

// link is what a test pretends a member's link to be: it carries bps and loses a share of the rest.
type link struct{ bps, lossPpm int64 }

// sample returns what a member behind the link loses of n datagrams sent at bps.
func (l link) sample(bps int64, n uint64) sample {
	through := min(bps, l.bps)
	got := through * (ppm - l.lossPpm) / ppm
	return sample{p: (bps - got) * ppm / bps, n: n}
}

// A slow link has no baseline, a bad one has, and which of them a member has follows from how its loss changes with the rate.
func TestBaselineIsLossAtACarriedRate(t *testing.T) {
	const mbit = 1_000_000
	for _, c := range []struct {
		name    string
		link    link
		rates   []int64 // sent, Mbit/s, one after the other
		trouble bool    // with the last
		carried int64   // then, Mbit/s; 0: not asked
	}{
		{"fast and clean", link{1000 * mbit, 0}, []int64{50, 100, 200}, false, 200},
		{"fast, loses 30 %, rising rate", link{1000 * mbit, 300_000}, []int64{50, 100}, false, 100},
		{"fast, loses 5 %, rising rate", link{1000 * mbit, 50_000}, []int64{50, 100, 200, 400}, false, 400},
		{"slow from the first sample on", link{40 * mbit, 0}, []int64{300, 300, 300, 300}, true, 40},
		{"slow, rising rate", link{100 * mbit, 0}, []int64{50, 100, 200, 400}, true, 100},
		{"slow and bad, rising rate", link{100 * mbit, 100_000}, []int64{25, 50, 100, 200}, true, 100},
		{"slow, then at its own rate", link{40 * mbit, 0}, []int64{300, 36}, false, 0},
		{"loses 30 %, rate lowered", link{1000 * mbit, 300_000}, []int64{300, 190}, false, 210},
		{"loses 90 % at any rate", link{1000 * mbit, 900_000}, []int64{50, 100, 200}, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var k carry
			trouble := false
			for i, rate := range c.rates {
				trouble = k.take(machine.Time(i)*machine.Time(100*time.Millisecond), rate*mbit, c.link.sample(rate*mbit, 2000))
			}
			if trouble != c.trouble {
				t.Errorf("in trouble: %v, want %v", trouble, c.trouble)
			}
			if got := k.bps / mbit; c.carried > 0 && (got < c.carried*95/100 || got > c.carried*105/100) {
				t.Errorf("carries %d Mbit/s, want about %d", got, c.carried)
			}
		})
	}
}

// A sustained loss that comes with the rate never becomes the baseline, however long it lasts.
func TestCongestionIsNeverABaseline(t *testing.T) {
	var k carry
	slow := link{100_000_000, 0}
	now := machine.Time(0)
	for _, rate := range []int64{50, 100} {
		k.take(now, rate*1_000_000, slow.sample(rate*1_000_000, 2000))
		now = now.Add(100 * time.Millisecond)
	}
	for range 600 { // a minute
		if !k.take(now, 137_000_000, slow.sample(137_000_000, 2000)) {
			t.Fatalf("at %v a loss of 27 %% of a rate that the link does not carry is no trouble", now)
		}
		now = now.Add(100 * time.Millisecond)
	}
}

// What came in a time in which not always something was sent says nothing good of a link.
func TestPausesDoNotProveALink(t *testing.T) {
	var k carry
	k.take(0, 1_000_000_000, link{100_000_000, 0}.sample(1_000_000_000, 2000))
	if !k.takeIdle(machine.Time(time.Second), 1_000_000_000, sample{n: 200}) {
		t.Error("a burst that a queue took makes a slow link fast")
	}
	var fresh carry
	if fresh.takeIdle(0, 1_000_000_000, sample{n: 200}); fresh.bps != 0 {
		t.Errorf("%d bit/s are known to be carried after a pause", fresh.bps)
	}
}

// Twenty datagrams of a thousand are too few to say what a link carries, and a measurement over time says it, whatever was sent.
func TestCarriedIsMeasuredOverTime(t *testing.T) {
	var k carry
	start := machine.Time(time.Second)
	k.take(start, 1_000_000_000, sample{p: 980_000, n: 1000, at: start, received: 20})
	if k.bps < 20_000_000 {
		t.Errorf("%d bit/s guessed of 20 datagrams of 1000 at 1 Gbit/s: that is less than came", k.bps)
	}
	const got = 1000 // in 400 ms
	k.come(start.Add(400*time.Millisecond), start.Add(400*time.Millisecond), 20+got)
	if want := int64(got * datagramBits * 1000 / 400); k.bps != want || !k.measured {
		t.Errorf("%d bit/s measured, want %d", k.bps, want)
	}
}
