package distributor

import (
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// The rate grows carefully near what met trouble, and bolder the longer none is met.
func TestGrowth(t *testing.T) {
	const trouble = 100_000_000
	for _, c := range []struct {
		bps  int64
		calm time.Duration // since trouble was met
		want int64         // ppm a second
	}{
		{trouble/100*97 - 1, 0, nearGrowth},
		{trouble / 100 * 97, 0, slowGrowth},
		{trouble, 2 * time.Second, slowGrowth},
		{trouble, 3 * time.Second, 2 * slowGrowth},
		{trouble, 10 * time.Second, 256 * slowGrowth},
		{trouble, 11 * time.Second, fastGrowth},
		{trouble, time.Hour, fastGrowth},
	} {
		m := newTest(t, Config{})
		m.now = machine.Time(2 * time.Hour)
		m.rate.bps, m.rate.trouble, m.rate.troubleAt = c.bps, trouble, m.now.Add(-c.calm)
		if got := m.growth(); got != c.want {
			t.Errorf("at %d bit/s, %v after trouble at %d: %d ppm a second, want %d", c.bps, c.calm, int64(trouble), got, c.want)
		}
	}
}

// A block goes over QUIC when repair does not finish it, and not one round or member earlier.
func TestWhenABlockGoesOverQuic(t *testing.T) {
	for _, c := range []struct {
		name    string
		lack    uint32 // members that lack it
		rounds  uint8  // of repair it has had
		carries bool   // there are other blocks to be sent
		left    int64  // bytes that anybody lacks
		want    bool
	}{
		{"few lack it, after many rounds", fewLack, fewRounds, true, 64 << 20, true},
		{"one round before", fewLack, fewRounds - 1, true, 64 << 20, false},
		{"one member more", fewLack + 1, fewRounds, true, 64 << 20, false},
		{"the end of a cast", 100, endRounds, false, 0, true},
		{"one round before the end", 100, endRounds - 1, false, 0, false},
		{"too much is left for it to be the end", 100, endRounds, false, endBytes, false},
		{"blocks are still to be sent", 100, endRounds, true, 0, false},
	} {
		m := newTest(t, Config{})
		m.totalB, m.wantedB = 1<<40, c.left
		if c.carries {
			m.readyN[classMain] = 1
		}
		if got := m.toQuic(&block{size: 128 << 10, want: c.lack, round: c.rounds}); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A member is demoted for its backlog or its loss when it is past the limit for as long as that takes, and others wait.
func TestWhenAMemberIsDemoted(t *testing.T) {
	for _, c := range []struct {
		name    string
		members int
		backlog int64
		loss    int64 // ppm; the others lose nothing
		lasts   time.Duration
		want    wire.DemoteReason
	}{
		{"backlog at the limit", 2, demoteBacklog, 0, time.Hour, 0},
		{"past it, not long enough", 2, demoteBacklog + 1, 0, demoteAfter - 1, 0},
		{"past it for long", 2, demoteBacklog + 1, 0, demoteAfter, wire.DemoteBacklog},
		{"past it, and alone", 1, demoteBacklog + 1, 0, time.Hour, 0},
		{"loss at the limit", 3, 0, demoteLossPpm, time.Hour, 0},
		{"past it for long", 3, 0, demoteLossPpm + 1, demoteAfter, wire.DemoteLoss},
	} {
		m := newTest(t, Config{StartDelay: -1})
		joinAll(m, c.members)
		mb := m.members[0]
		mb.backlog, mb.loss.smooth = c.backlog, c.loss
		m.now = machine.Time(time.Second)
		m.judge(mb, 0)
		m.now = m.now.Add(c.lasts)
		m.judge(mb, 0)
		if mb.demoted != c.want {
			t.Errorf("%s: demoted for %v, want %v", c.name, mb.demoted, c.want)
		}
	}
}

// A need that the member's budget does not meet is met, left to the carousel or to QUIC, whatever is cheapest.
func TestWhatBecomesOfAnUnmetNeed(t *testing.T) {
	const k = 94
	for _, c := range []struct {
		name    string
		need    uint32
		rounds  uint8
		lack    uint32
		carries bool
		want    string
	}{
		{"nothing else to send, less than half", k / 2, 0, 3, false, "met"},
		{"nothing else to send, more than half", k/2 + 1, 0, 3, false, "quic"},
		{"nothing else to send, many rounds", 1, fewRounds, 3, false, "quic"},
		{"others wait", 10, 0, 3, true, "carousel"},
		{"it alone lacks the block, many rounds", 10, fewRounds, 1, true, "quic"},
	} {
		m := newTest(t, Config{StartDelay: -1})
		joinAll(m, 3)
		mb, b := m.members[0], &m.blocks[7]
		for i := range m.ready {
			m.readyN[i] = 0
		}
		if c.carries {
			m.readyN[classMain] = 1
		}
		b.state, b.sent, b.goal, b.round, b.want = closed, k, k, c.rounds, c.lack
		m.decay(mb, b, repair{block: 7, target: [2]uint32{k + c.need}})
		got := "nothing"
		switch {
		case mb.quic.Has(7):
			got = "quic"
		case b.again > 0:
			got = "carousel"
		case b.goal > b.sent:
			got = "met"
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
