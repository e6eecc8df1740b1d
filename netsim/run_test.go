package netsim

import (
	"fmt"
	"strings"
	"testing"
)

// simulate runs a scenario given as text.
func simulate(t *testing.T, text string, tricks options) Result {
	t.Helper()
	sc, err := ParseScenario(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := sc.runWith(nil, Options{}, tricks)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// must fails the test when the run broke a rule.
func must(t *testing.T, r Result) Result {
	t.Helper()
	if err := r.Err(); err != nil {
		var b strings.Builder
		r.Write(&b)
		t.Errorf("%v\n%s", err, b.String())
	}
	return r
}

const small = `
image I blocks=64 prologue=2
sender S image=I up=200m
peer p1..p3 sender=S loss=2% sync=50ms
run 20s
expect done p1..p3
`

// A driver that says Stored too early is caught: the checker checks.
func TestCanaryEarlyStored(t *testing.T) {
	if r := simulate(t, small, options{earlyStored: true}); len(r.Broken) == 0 {
		t.Error("blocks were told held before they were durable, and nothing noticed")
	}
}

// A disk that flips a bit is caught.
func TestCanaryCorruptDisk(t *testing.T) {
	if r := simulate(t, small, options{corruptDisk: true}); len(r.Broken) == 0 {
		t.Error("wrong bytes were stored, and nothing noticed")
	}
}

// The same seed gives the same run; another seed gives another.
func TestSameSeedSameHash(t *testing.T) {
	a, b := must(t, simulate(t, small, options{})), must(t, simulate(t, small, options{}))
	if a.Hash != b.Hash {
		t.Errorf("hashes differ: %016x and %016x", a.Hash, b.Hash)
	}
	if c := must(t, simulate(t, "seed 2\n"+small, options{})); c.Hash == a.Hash {
		t.Error("seed 2 gives the run of seed 1")
	}
}

// times returns how long members took.
func times(r Result, names ...string) (sum float64) {
	for _, n := range names {
		sum += r.Member(n).Time.Seconds()
	}
	return sum
}

// A member that joins at half finishes within 1.1 times a full run and delays the others by less than 5 %.
func TestLateJoin(t *testing.T) {
	const three = "image I blocks=512 prologue=4\nsender S image=I up=200m cap=200m\npeer p1..p3 sender=S loss=1% sync=20ms\nrun 30s\nexpect done p1..p3\n"
	full := must(t, simulate(t, three, options{}))
	late := must(t, simulate(t, three+"peer p4 sender=S at=2.5s loss=1% sync=20ms\nexpect done p4\n", options{}))
	start := 1.0 // the start delay, which a latecomer does not have
	if a, b := times(full, "p1")-start, times(late, "p4"); b > 1.1*a {
		t.Errorf("the latecomer takes %.3f s, a full run %.3f s", b, a)
	}
	if a, b := times(full, "p1", "p2", "p3"), times(late, "p1", "p2", "p3"); b > 1.05*a {
		t.Errorf("the others take %.3f s with the latecomer, %.3f s without", b, a)
	}
}

// One member that loses 30 %, lies, or has a slow disk costs the other three at most 5 %.
func TestOneBadMember(t *testing.T) {
	const three = "image I blocks=640 prologue=4\nsender S image=I up=300m\npeer p1..p3 sender=S down=300m sync=20ms\nrun 60s\nexpect done p1..p3\n"
	base := times(must(t, simulate(t, three, options{})), "p1", "p2", "p3")
	for _, bad := range []string{"loss=30%", "loss=30% burst=8", "liar", "disk=30m", "deaf"} {
		r := must(t, simulate(t, three+"peer p4 sender=S down=300m sync=20ms "+bad+"\n", options{}))
		if got := times(r, "p1", "p2", "p3"); got > 1.05*base {
			t.Errorf("with a member with %s the others take %.3f s, without %.3f s", bad, got/3, base/3)
		}
	}
}

// A thousand members all get everything, bit by bit.
func TestThousandMembers(t *testing.T) {
	r := must(t, simulate(t, `
image I blocks=300 avg=2k
sender S image=I up=500m
peer p1..p1000 sender=S loss=1% sync=20ms
run 30s
expect done p1..p1000
`, options{}))
	t.Logf("wire %s", ratio(r.Senders[0].Multicast, r.Senders[0].Image))
}

// Scenarios that cannot be are refused with the line's number.
func TestRefusedScenarios(t *testing.T) {
	for _, text := range []string{
		"bogus x", "image I blocks=0", "image I blocks=9k avg=192k", "sender S image=I", "peer p sender=S",
		"image I blocks=1\nsender S image=I cap=1", "image I blocks=1\nsender S image=I\npeer p9..p1 sender=S",
		"image I blocks=1\nsender S image=I\npeer p sender=S loss=200%", "at 1s crash x", "crash x output=1", "run x", "seed x",
		"image I blocks=1 what=2", "at x", "image I blocks=1\nsender S image=I\npeer p1..p5000 sender=S",
	} {
		sc, err := ParseScenario(strings.NewReader(text))
		if err == nil {
			_, err = sc.Run(nil, Options{})
		}
		if err == nil || !strings.Contains(err.Error(), "line") {
			t.Errorf("%q: error %v, want one that names the line", text, err)
		}
	}
}

func ExampleRunScenario() {
	var report strings.Builder
	err := RunScenario(strings.NewReader(small), &report, Options{})
	fmt.Println(err)
	// Output: <nil>
}
