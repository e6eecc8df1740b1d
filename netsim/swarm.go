package netsim

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// Swarm returns a scenario of a sender and peers members with faults that seed draws. Its text is the whole truth about the
// run: it can be kept and run again.
func Swarm(seed uint64, peers int) string {
	rng := rand.New(rand.NewPCG(seed, 0x737761726d))
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d\n", seed)
	fmt.Fprintf(&b, "image I blocks=%d avg=%dk prologue=%d\n", 24+rng.IntN(40), 2+rng.IntN(24), rng.IntN(6))
	fmt.Fprintf(&b, "segment far rate=%dm queue=%dk\n", 40+rng.IntN(200), 64+rng.IntN(512))
	fmt.Fprintf(&b, "sender S image=I up=%dm\n", 50+rng.IntN(950))
	for i := range peers {
		fmt.Fprintf(&b, "peer p%d sender=S%s\n", i+1, drawPeer(rng))
	}
	for range peers / 8 {
		drawFault(rng, &b, 1+rng.IntN(peers))
	}
	if rng.IntN(2) == 0 {
		fmt.Fprintf(&b, "crash S output=%d back=%dms\n", 1+rng.IntN(1500), 1+rng.IntN(3000))
	}
	fmt.Fprintf(&b, "run 10m\nexpect done p1..p%d\n", peers)
	return b.String()
}

// drawPeer draws what a member is like.
func drawPeer(rng *rand.Rand) string {
	s := fmt.Sprintf(" sync=%dms", 1+rng.IntN(400))
	one := func(n int, format string, args ...any) {
		if rng.IntN(n) == 0 {
			s += fmt.Sprintf(format, args...)
		}
	}
	for _, f := range faults {
		if f.weather != nil && f.draw != nil {
			s += f.draw(rng, "")
		}
	}
	one(3, " segment=far")
	one(6, " at=%dms", rng.IntN(4000))
	one(8, " disk=%dm", 2+rng.IntN(100))
	one(5, " plan=%dms", 1+rng.IntN(500))
	one(6, " want=%d%%-%d%%", rng.IntN(50), 50+rng.IntN(51))
	one(20, " deaf")
	one(10, " partial=%dk backlog=%dk", 2048+rng.IntN(1000), 256+rng.IntN(1000))
	return s
}

// drawFault draws what happens to member i.
func drawFault(rng *rand.Rand, b *strings.Builder, i int) {
	var drawn []*fault
	for j := range faults {
		if faults[j].change != nil && faults[j].draw != nil {
			drawn = append(drawn, &faults[j])
		}
	}
	if n := rng.IntN(len(drawn) + 1); n < len(drawn) {
		b.WriteString(drawn[n].draw(rng, fmt.Sprintf("p%d", i)))
		return
	}
	fmt.Fprintf(b, "crash p%d output=%d back=%dms\n", i, 1+rng.IntN(100), 1+rng.IntN(2000))
}

// RunSwarm writes the scenario that seed draws, runs it, and writes its report.
func RunSwarm(w io.Writer, seed uint64, peers int, opts Options) error {
	if peers < 1 || peers > membersMax {
		return fmt.Errorf("simulate a swarm: %d peers, want 1 to %d", peers, membersMax)
	}
	text := Swarm(seed, peers)
	fmt.Fprint(w, text)
	return RunScenario(strings.NewReader(text), w, opts)
}

// speeds are what the ports of wired computers, old and new, and the air of Wi-Fi carry, Mbit/s.
var speeds = []int{10, 40, 100, 300, 1000, 2500, 5000, 10_000}

// Mixed returns a scenario of members of up to three different speeds, some of whom come late, without faults: what
// the bounds of time and wire (bounds.go) are about.
func Mixed(seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 0x6d69786564))
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d\n", seed)
	blocks := 64 + rng.IntN(320)
	fmt.Fprintf(&b, "image I blocks=%d prologue=%d\n", blocks, rng.IntN(6))
	up := []int{1000, 1000, 2500, 10_000}[rng.IntN(4)]
	fmt.Fprintf(&b, "sender S image=I up=%dm\n", up)
	n, slowest := 0, up
	for range 1 + rng.IntN(3) {
		speed := speeds[rng.IntN(len(speeds))]
		if rng.IntN(3) == 0 {
			speed = 10 + rng.IntN(990)
		}
		slowest = min(slowest, speed)
		for range []int{1, 1, 1 + rng.IntN(8), 1 + rng.IntN(8)}[rng.IntN(4)] {
			n++
			fmt.Fprintf(&b, "peer p%d sender=S down=%dm queue=%dk sync=%dms", n, speed, 64<<rng.IntN(4), 1+rng.IntN(100))
			if rng.IntN(3) == 0 {
				fmt.Fprintf(&b, " loss=%d.%d%%", rng.IntN(3), rng.IntN(10))
			}
			if rng.IntN(4) == 0 {
				fmt.Fprintf(&b, " at=%dms", rng.IntN(6000))
			}
			b.WriteByte('\n')
		}
	}
	if rng.IntN(4) == 0 {
		n++
		slowest = 6
		fmt.Fprintf(&b, "peer p%d sender=S down=%dm mcast=6m sync=20ms\n", n, 30+rng.IntN(300))
	}
	fmt.Fprintf(&b, "run %ds\nexpect done p1..p%d\n", 30+blocks*3/slowest, n)
	return b.String()
}
