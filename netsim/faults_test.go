package netsim

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// The package comment says what the table says of every fault, line by line.
func TestDocListsFaults(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range Faults() {
		if !strings.Contains(string(text), "//\t"+line+"\n") {
			t.Errorf("doc.go lacks this line:\n//\t%s", line)
		}
	}
}

// Every fault has a key of its own and exactly one effect, and what it draws can be read and names it.
func TestFaultsTable(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range faults {
		if seen[f.key] || f.doc == "" || (f.weather == nil) == (f.change == nil) {
			t.Errorf("fault %q: another has its key, or it has no doc, or not one effect", f.key)
		}
		seen[f.key] = true
		if f.draw == nil {
			continue
		}
		named := false
		for n := range uint64(100) {
			drawn := f.draw(rand.New(rand.NewPCG(n, 1)), "p1")
			line, happens := drawn, ""
			if f.change != nil {
				line, happens = "", drawn
			}
			named = named || strings.Contains(drawn, f.key)
			text := fmt.Sprintf("image I blocks=24 avg=1k\nsender S image=I\npeer p1 sender=S%s\n%srun 1ms\n", line, happens)
			sc, err := ParseScenario(strings.NewReader(text))
			if err == nil {
				_, err = sc.Run(nil, Options{})
			}
			if err != nil {
				t.Fatalf("fault %q draws %q: %v", f.key, drawn, err)
			}
		}
		if !named {
			t.Errorf("fault %q never draws itself", f.key)
		}
	}
}

// Some fault is found in the scenarios of testdata by each key of the table: none is without an example.
func TestFaultsHaveScenarios(t *testing.T) {
	dir, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range dir {
		text, err := os.ReadFile("testdata/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, f := range faults {
		how := " " + f.key + " "
		if f.weather != nil {
			how = " " + f.key + "="
		}
		if !strings.Contains(all.String(), how) {
			t.Errorf("no scenario has the fault %q", f.key)
		}
	}
}
