package distributor

import (
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/machine"
)

// A cast without members ends after a while, once; only a Tick ends it, and whoever joins in time keeps it going.
func TestEndsWithoutMembers(t *testing.T) {
	m := newTest(t, Config{})
	if at, why := m.Deadline(); at != 0 || why == "" {
		t.Fatalf("a machine that does not know the time waits until %v for %q", at, why)
	}
	const begin = machine.Time(5 * time.Second)
	m.Handle(begin, Tick{})
	if at, why := m.Deadline(); at != begin.Add(lingerFor) || why == "" {
		t.Errorf("waits until %v for %q, want %v", at, why, begin.Add(lingerFor))
	}
	joinAll(m, 1)
	runUntil(m, begin.Add(lingerFor+time.Second))
	if m.over {
		t.Fatal("ended with a member")
	}
	gone := m.now
	m.Handle(gone, Gone{Member: 1})
	if ends := only[End](quietUntil(m, gone.Add(lingerFor-1))); len(ends) != 0 {
		t.Fatal("ended too early")
	}
	m.Handle(gone.Add(lingerFor), Gone{Member: 9})
	if _, ok := m.Poll(); ok {
		t.Fatal("something but a Tick ended it")
	}
	if ends := only[End](quietUntil(m, gone.Add(time.Hour))); len(ends) != 1 {
		t.Errorf("ended %d times, want once", len(ends))
	}
}
