package distributor

import (
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// leave makes members that were left behind, of links that carry so many Mbit/s each, and looks what becomes of them.
func leave(t *testing.T, mbit ...int64) *Machine {
	t.Helper()
	m := newTest(t, Config{StartDelay: -1})
	joinAll(m, len(mbit))
	m.now = machine.Time(time.Second)
	for i, mb := range m.members {
		mb.carry = carry{bps: mbit[i] * 1_000_000, guess: true, measured: true}
		m.demote(mb, wire.DemoteRate)
	}
	m.sortLeft()
	return m
}

// Who shares a pass, in which order, and who is for QUIC.
func TestPassesAreForMembersOfOneSpeed(t *testing.T) {
	for _, c := range []struct {
		name  string
		mbit  []int64
		pass  []int // members called back, by place
		alone []int // for QUIC
		rate  int64 // Mbit/s
	}{
		{"two of one speed", []int64{100, 100}, []int{0, 1}, nil, 95},
		{"the slowest sets the rate", []int64{100, 70}, []int{0, 1}, nil, 66},
		{"one past the share", []int64{100, 66}, nil, []int{0, 1}, 50},
		{"the faster class first", []int64{10, 100, 10, 100}, []int{1, 3}, nil, 95},
		{"one alone above a class", []int64{10, 1000, 10}, []int{0, 2}, []int{1}, 9},
		{"all alone", []int64{10, 100, 1000}, nil, []int{0, 1, 2}, 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := leave(t, c.mbit...)
			called, alone := map[int]bool{}, map[int]bool{}
			for _, i := range c.pass {
				called[i] = true
			}
			for _, i := range c.alone {
				alone[i] = true
			}
			for i, mb := range m.members {
				if called[i] != (mb.demoted == 0) {
					t.Errorf("member %d called back: %v, want %v", i, mb.demoted == 0, called[i])
				}
				if mb.demoted != 0 && mb.alone != alone[i] {
					t.Errorf("member %d is for QUIC: %v, want %v", i, mb.alone, alone[i])
				}
			}
			if got := m.rate.bps / 1_000_000; got != c.rate {
				t.Errorf("rate %d Mbit/s, want %d", got, c.rate)
			}
			checkCounts(t, m)
		})
	}
}

// Who was called back in vain so often is called no more: at the maximum, and one before it.
func TestCalledBackInVain(t *testing.T) {
	for calls, want := range map[int]bool{callsMax - 1: true, callsMax: false} {
		m := newTest(t, Config{StartDelay: -1})
		joinAll(m, 2)
		for _, mb := range m.members {
			mb.carry, mb.calls = carry{bps: 100_000_000, guess: true, measured: true}, calls
			m.demote(mb, wire.DemoteRate)
		}
		m.sortLeft()
		if got := m.members[0].demoted == 0; got != want {
			t.Errorf("after %d times: called back %v, want %v", calls, got, want)
		}
	}
}

// A cast whose members report that they receive, and decode nothing, stops multicasting within two seconds; one whose members
// decode goes on.
func TestMulticastThatNobodyDecodesStops(t *testing.T) {
	for _, decodes := range []bool{true, false} {
		blocks := make([]Block, 2000)
		for i := range blocks {
			blocks[i] = Block{Size: 128 << 10}
		}
		m := newTest(t, Config{StartDelay: -1, Blocks: blocks, RateStartBps: 100_000_000, RateCapBps: 100_000_000})
		joinAll(m, 2)
		for m.now < machine.Time(2*time.Second) {
			quietUntil(m, m.now.Add(50*time.Millisecond))
			for _, mb := range m.members {
				r := wire.Report{Serial: mb.serial + 1, Highest: wire.Seq(m.seq), Received: m.seq}
				if decodes {
					r.Decoded = mb.decoded + 1
				}
				m.Handle(m.now, Report{Member: mb.id, Report: r})
			}
		}
		before := m.symbols()
		quietUntil(m, m.now.Add(200*time.Millisecond))
		if goes := m.symbols() > before; goes != decodes {
			t.Errorf("members decode: %v; after two seconds multicast goes on: %v", decodes, goes)
		}
	}
}

// What comes through to the best member decides whether a pass goes on: nothing else is asked.
func TestPassOfWhichLittleComesThroughEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		share [2]uint64 // percent that comes through to each
		lasts time.Duration
		ends  bool
	}{
		{"just above", [2]uint64{wastePercent + 1, 5}, 3 * time.Second, false},
		{"below it", [2]uint64{wastePercent - 1, 5}, 3 * time.Second, true},
		{"below it, not long enough", [2]uint64{5, 5}, wasteAfter, false},
	} {
		blocks := make([]Block, 2000)
		for i := range blocks {
			blocks[i] = Block{Size: 128 << 10}
		}
		m := newTest(t, Config{StartDelay: -1, Blocks: blocks, RateStartBps: 100_000_000, RateCapBps: 100_000_000, RateFloorBps: 100_000_000})
		joinAll(m, 2)
		m.pass = 1
		for m.now < machine.Time(c.lasts) && m.waiting > 0 {
			quietUntil(m, m.now.Add(50*time.Millisecond))
			for i, mb := range m.members {
				if mb.demoted != 0 {
					continue
				}
				mb.carry = carry{bps: 1e9, known: true} // the rules about the rate see no trouble
				m.Handle(m.now, Report{Member: mb.id, Report: wire.Report{
					Serial: mb.serial + 1, Highest: wire.Seq(m.seq), Received: m.seq * c.share[i] / 100, Decoded: mb.decoded + 1,
				}})
			}
		}
		if ended := m.waiting == 0; ended != c.ends {
			t.Errorf("%s: the pass ended %v, want %v", c.name, ended, c.ends)
		}
	}
}

// A member that comes while slower ones have a pass, or wait for theirs, waits too; one that finds the cast at rest begins it anew.
func TestWhoComesLate(t *testing.T) {
	const peak = 1_000_000_000
	for _, c := range []struct {
		name    string
		rate    int64
		pass    int
		other   carry
		waits   bool // the other one is left behind
		demoted bool
	}{
		{"in the first pass", peak, 0, carry{bps: peak, known: true}, false, false},
		{"in a first pass that loss has slowed", peak / slowFall, 0, carry{bps: peak / slowFall, guess: true}, false, false},
		{"in a first pass that only slow links explain", peak/slowFall - 1, 0, carry{bps: peak / slowFall, guess: true}, false, true},
		{"in a first pass for slow ones", peak / 2, 0, carry{bps: peak / 2, guess: true, measured: true}, false, true},
		{"in a later pass", peak / 100, 1, carry{bps: peak / 100, known: true}, false, true},
		{"in a later pass of about the same speed", peak / 100 * classPercent, 1, carry{bps: peak, known: true}, false, false},
		{"before a pass", peak, 0, carry{bps: peak / 100, guess: true}, true, true},
	} {
		m := newTest(t, Config{StartDelay: -1})
		joinAll(m, 1)
		m.now = machine.Time(time.Second)
		other := m.members[0]
		other.carry = c.other
		m.pass, m.rate = c.pass, rate{bps: c.rate, peak: peak}
		if c.waits {
			m.demote(other, wire.DemoteRate)
		}
		m.Handle(m.now, Join{Member: 77, Name: "late"})
		m.Handle(m.now, Message{Member: 77, Msg: wire.Want{Spans: []wire.Span{{From: 0, To: 1}}, Final: true}})
		if got := m.member(77).demoted != 0; got != c.demoted {
			t.Errorf("%s: left to QUIC or a pass of its own %v, want %v", c.name, got, c.demoted)
		}
		checkCounts(t, m)
	}
}

// The last of a pass goes on over QUIC, at its own rate.
func TestLastOfAPassGoesOverQuic(t *testing.T) {
	m := leave(t, 100, 100)
	m.remove(m.members[0])
	m.fit()
	m.sortLeft()
	if mb := m.members[0]; mb.demoted == 0 || !mb.alone {
		t.Errorf("demoted %v, for QUIC %v", mb.demoted, mb.alone)
	}
}

// Members of one speed are not divided, however their class is cut.
func TestClassesAreCutBetweenSpeeds(t *testing.T) {
	for _, c := range []struct {
		mbit []int64
		want int
	}{
		{[]int64{100, 100, 10}, 2},
		{[]int64{100, 68, 66, 65}, 1},                     // 67 would cut between 68 and 66
		{[]int64{100, 95, 90, 85, 80, 76, 72, 68, 65}, 8}, // no gap: cut at the share
	} {
		var left []*member
		for _, mbit := range c.mbit {
			left = append(left, &member{carry: carry{bps: mbit * 1_000_000}})
		}
		if got := classOf(left, classPercent); got != c.want {
			t.Errorf("of %v the first %d share a pass, want %d", c.mbit, got, c.want)
		}
	}
}
