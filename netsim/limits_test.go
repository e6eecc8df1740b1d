package netsim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/wire"
)

// TestScenarioLimits: lines and their bytes, where the scenario is read; images and members, where it is built.
func TestScenarioLimits(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("\n", n-1) + "run 1s\n" }
	line := func(n int) string { return "run 1s " + strings.Repeat(" ", n-1-len("run 1s #")) + "#\n" }
	parse := func(text string) error { _, err := ParseScenario(strings.NewReader(text)); return err }
	for what, c := range map[string]struct{ at, past error }{
		"lines":   {parse(lines(linesMax)), parse(lines(linesMax + 1))},
		"a line":  {parse(line(lineMax)), parse(line(lineMax + 1))},
		"members": {namesOf(membersMax), namesOf(membersMax + 1)},
		"images":  {imageOf(0), imageOf(1)},
	} {
		if c.at != nil {
			t.Errorf("%s at the limit: %v", what, c.at)
		}
		if c.past == nil {
			t.Errorf("%s past the limit: accepted", what)
		}
	}
	if err := RunSwarm(nil, 1, membersMax+1, Options{}); err == nil {
		t.Error("a swarm of too many peers runs")
	}
}

func namesOf(n int) error {
	list, err := names(fmt.Sprintf("p1..p%d", n))
	if err == nil && len(list) != n {
		err = fmt.Errorf("%d names", len(list))
	}
	return err
}

// imageOf builds a small image after others that leave room for it, or for a byte less.
func imageOf(less int64) error {
	b := &builder{sim: &Sim{images: map[string]*image{}}, bytes: imageMax - 2048 + less}
	c, err := parseCommand(1, strings.Fields("image I blocks=2 avg=1k"))
	if err != nil {
		return err
	}
	b.sim.rng = rand.New(rand.NewPCG(1, 1))
	b.image(c)
	return b.err
}

// TestListsOfASimulation: of broken rules and exceeded bounds violationsMax are listed.
func TestListsOfASimulation(t *testing.T) {
	s := &Sim{trace: newTrace(nil, false)}
	for n := range violationsMax + 1 {
		s.violate("x")
		s.exceed("x")
		if want := min(n+1, violationsMax); len(s.broken) != want || len(s.over) != want {
			t.Fatalf("%d rules are broken: %d and %d are listed", n+1, len(s.broken), len(s.over))
		}
	}
}

// TestParityThatIsKept: when there is that of parityMax blocks, it is made anew.
func TestParityThatIsKept(t *testing.T) {
	im := newImage(rand.New(rand.NewPCG(1, 1)), parityMax+1, 1024, 0)
	for i := range wire.Block(parityMax + 1) {
		im.symbol(i, wire.MaxSource)
		want := int(i) + 1
		if i == parityMax {
			want = 1
		}
		if len(im.parity) != want {
			t.Fatalf("after %d blocks the parity of %d is kept, want %d", i+1, len(im.parity), want)
		}
	}
}
