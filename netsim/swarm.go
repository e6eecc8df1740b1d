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
