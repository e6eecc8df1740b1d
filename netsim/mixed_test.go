package netsim

import (
	"flag"
	"strings"
	"testing"
)

var mixed = flag.Int("mixed", 20, "swarms of mixed speeds to run")

// Members of mixed speeds that come at different times all get everything, within the bounds of wire and time that every run is
// checked for.
func TestSwarmsOfMixedSpeeds(t *testing.T) {
	first, n := uint64(1), *mixed
	if *seed != 0 {
		first, n = *seed, 1
	}
	for s := first; s < first+uint64(n); s++ {
		var report strings.Builder
		text := Mixed(s)
		if err := RunScenario(strings.NewReader(text), &report, Options{Trace: *seed != 0}); err != nil {
			t.Errorf("seed %d: %v (run it with -args -seed %d)\n%s%s", s, err, s, text, report.String())
		} else if *seed != 0 {
			t.Log(text + report.String())
		}
	}
}
