package netsim

import (
	"flag"
	"strings"
	"testing"
)

var (
	seed   = flag.Uint64("seed", 0, "run one swarm of this seed and print it")
	swarms = flag.Int("swarms", 4, "swarms to run")
	swarmN = flag.Int("swarm-peers", 100, "members of a swarm")
)

// Swarms with faults drawn from a seed end with every member holding the right bytes. A seed that fails is a scenario: -seed
// runs it alone, with all it drew.
func TestSwarms(t *testing.T) {
	first, n := uint64(1), *swarms
	if *seed != 0 {
		first, n = *seed, 1
	}
	for s := first; s < first+uint64(n); s++ {
		var report strings.Builder
		if err := RunSwarm(&report, s, *swarmN, Options{Trace: *seed != 0}); err != nil {
			t.Errorf("seed %d: %v (run it with -args -seed %d)\n%s", s, err, s, tail(report.String(), *seed != 0))
		} else if *seed != 0 {
			t.Log(report.String())
		}
	}
}

// tail returns what matters of a report.
func tail(s string, all bool) string {
	if all {
		return s
	}
	var keep []string
	for line := range strings.Lines(s) {
		if strings.Contains(line, "WRONG") || strings.Contains(line, "not done") || strings.HasPrefix(line, "S ") {
			keep = append(keep, line)
		}
	}
	return strings.Join(keep, "")
}
