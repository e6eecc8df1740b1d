//go:build linux

package lab

import (
	"net/netip"
	"testing"
	"time"
)

func TestFloodOfForgeriesIsHarmless(t *testing.T) {
	bytes := size(16<<20, 256<<20)
	s, image, clients := setUp(t, Config{Hosts: 4, Rate: rate()}, bytes)
	attacker, members := clients[2], clients[:2]
	start := time.Now()
	gets := []*Process{s.Get(members[0], "image@1", "out-"+members[0].ns), s.Get(members[1], "image@1", "out-"+members[1].ns)}
	before := s.Lab.Host(0).Counters()
	recorded, group, err := s.Lab.Host(0).Tap(200, patience)
	if err != nil {
		t.Fatal(err)
	}
	alone := collect(t, s, image, members, gets, before, start)

	victim := netip.AddrPortFrom(s.Lab.Host(0).Addr, 4790)
	mine := attacker.Counters()
	attack, err := attacker.Attack(recorded, group, victim)
	if err != nil {
		t.Fatal(err)
	}
	// A second cast, of the same content: what was recorded of the first is replayed at it, with fresh recordings of its own.
	start, before = time.Now(), s.Lab.Host(0).Counters()
	gets = []*Process{s.Get(members[0], "image@1", "out-"+members[0].ns), s.Get(members[1], "image@1", "out-"+members[1].ns)}
	fresh, group2, err := s.Lab.Host(0).Tap(200, patience)
	if err != nil {
		t.Fatal(err)
	}
	second, err := attacker.Attack(fresh, group2, victim)
	if err != nil {
		t.Fatal(err)
	}
	o := collect(t, s, image, members, gets, before, start)
	attack.Stop()
	second.Stop()
	for _, a := range []*Attack{attack, second} {
		if a.Err != nil {
			t.Errorf("attack: %v", a.Err)
		}
		if a.Sent[0] < 100 || a.Sent[1] < 100 || a.Sent[2] < 100 {
			t.Errorf("the attack sent only %v datagrams", a.Sent)
		}
	}
	used := attacker.Counters().Sub(mine)
	t.Logf("the attacker sent %d MiB, got %d KiB; goodput %.0f Mbit/s without, %.0f with it", used.TxBytes>>20, used.RxBytes>>10, alone.goodput(bytes), o.goodput(bytes))
	if used.RxBytes > used.TxBytes/64 { // the garbage to the unicast address is a 64th of what it sent
		t.Errorf("the attacker got %d bytes for %d", used.RxBytes, used.TxBytes/64)
	}
	if *full && o.goodput(bytes) < 0.9*alone.goodput(bytes) {
		t.Errorf("goodput fell from %.0f to %.0f Mbit/s", alone.goodput(bytes), o.goodput(bytes))
	}
}
