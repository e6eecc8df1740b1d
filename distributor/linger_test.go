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

// A cast that another waits for the place of ends at once without members, and goes on with one: who asked asks again.
func TestGivesUpItsPlaceUnlessSomebodyTakesPart(t *testing.T) {
	for _, c := range []struct {
		name string
		ins  []In
		ends int
	}{
		{"nobody has come yet", []In{Yield{}}, 1},
		{"nobody is left", []In{Join{Member: 1}, Gone{Member: 1}, Yield{}}, 1},
		{"somebody takes part", []In{Join{Member: 1}, Yield{}}, 0},
		{"somebody took part when it was asked", []In{Join{Member: 1}, Yield{}, Gone{Member: 1}}, 0},
		{"somebody comes before it has ended", []In{Yield{}, Join{Member: 1}}, 0},
		{"the last of two goes", []In{Join{Member: 1}, Join{Member: 2}, Gone{Member: 2}, Yield{}}, 0},
	} {
		m := newTest(t, Config{})
		now := machine.Time(time.Second)
		m.Handle(now, Tick{})
		for _, in := range c.ins {
			m.Handle(now, in)
		}
		if n := len(only[End](quietUntil(m, now.Add(lingerFor/2)))); n != c.ends {
			t.Errorf("%s: ended %d times, want %d", c.name, n, c.ends)
		}
	}
}
