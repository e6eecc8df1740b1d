package main

import "testing"

func TestCutNumber(t *testing.T) {
	cases := []struct {
		in, name string
		number   int
	}{
		{"win.wim", "win.wim", 0},
		{"win.wim:2", "win.wim", 2},
		{"win11@24H2:3", "win11@24H2", 3},
		{`C:\images\win.wim`, `C:\images\win.wim`, 0},
		{`C:\images\win.wim:2`, `C:\images\win.wim`, 2},
		{"there:8000/win.wim", "there:8000/win.wim", 0},
	}
	for _, c := range cases {
		if name, n, err := cutNumber(c.in); err != nil || name != c.name || n != c.number {
			t.Errorf("cutNumber(%q) = %q, %d, %v, want %q, %d", c.in, name, n, err, c.name, c.number)
		}
	}
	for _, in := range []string{"win.wim:", "win.wim:0", "win.wim:-1", "win.wim:x"} {
		if name, n, err := cutNumber(in); err == nil {
			t.Errorf("cutNumber(%q) = %q, %d, want an error", in, name, n)
		}
	}
}

func TestDemoPeersAtAndOnePast(t *testing.T) {
	for peers, ok := range map[int]bool{0: false, 1: true, demoPeersMax: true, demoPeersMax + 1: false} {
		o := demoOptions{kind: "image", peers: peers, loss: "0", rate: "100M"}
		if _, err := o.plan(); (err == nil) != ok {
			t.Errorf("%d peers: %v", peers, err)
		}
	}
}
