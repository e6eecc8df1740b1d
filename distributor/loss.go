package distributor

import (
	"math/bits"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
)

// Rules about loss, see docs/protocol.md. Shares are in millionths (ppm).
const (
	ppm         = 1_000_000
	sampleFew   = 48   // datagrams that make a sample of a member's loss in the fast start,
	sampleMany  = 1000 // and later,
	sampleLeast = 128  // or so many when most others have reported more
	smoothMin   = 64   // datagrams that make a step of its smoothed loss
)

// loss is what a member's counters say.
type loss struct {
	highest, received uint64 // of the last report
	known             bool

	smooth   int64 // smoothed loss, ppm
	atH, atR uint64

	window window
}

// window is the time over which a sample of a member's loss is gathered: from one report to another.
type window struct {
	open              bool
	highest, received uint64 // of the report that opened it
	at                machine.Time
	pauses            uint64 // that the sender had made by then
	idle              bool   // it was making one
}

// report handles the counters of a report about datagrams up to highest. It returns how many were newly received.
func (l *loss) report(highest, received uint64) uint64 {
	if !l.known {
		l.known = true
		l.highest, l.received, l.atH, l.atR = highest, received, highest, received
		return received
	}
	if highest < l.highest || received < l.received {
		return 0 // reports carry a serial, so this is a member that makes things up
	}
	news := received - l.received
	l.highest, l.received = highest, received
	if n := highest - l.atH; n >= smoothMin {
		p := lossPpm(n, received-l.atR)
		l.smooth += (p - l.smooth) / 4
		l.atH, l.atR = highest, received
	}
	return news
}

// lossPpm returns the share lost when received of n arrived.
func lossPpm(n, received uint64) int64 {
	if n == 0 || received >= n {
		return 0
	}
	return int64((n - received) * ppm / n)
}

// report handles a member's feedback datagram.
func (m *Machine) report(in Report) {
	mb := m.member(in.Member)
	r := in.Report
	if mb == nil || r.Cast != m.cfg.Cast || r.Run != m.cfg.Run {
		return
	}
	if mb.reported && int32(r.Serial-mb.serial) <= 0 {
		return
	}
	mb.serial, mb.reported = r.Serial, true
	mb.heard, m.lastHeard = m.now, m.now
	if m.silent {
		m.hear()
	}
	m.noteReportSize(len(r.Deficits))
	mb.backlog = int64(r.BacklogKiB) << 10
	mb.deaf = r.Deaf
	highest, received := uint64(r.Highest), r.Received
	if highest > m.seq || received > highest {
		m.event(event.ReportRefused{Member: uint32(mb.id), Highest: highest})
		return
	}
	if r.Highest > 0 && mb.loss.report(highest, received) > 0 {
		mb.progress = m.now
	}
	if r.Decoded > mb.decoded {
		mb.decoded = r.Decoded
		m.gain()
	}
	m.gather(mb)
	for _, d := range r.Deficits {
		m.deficit(mb, d)
	}
}

// isqrt returns the whole part of the square root of n.
func isqrt(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	x := uint64(1) << ((bits.Len64(n) + 1) / 2)
	for {
		y := (x + n/x) / 2
		if y >= x {
			return x
		}
		x = y
	}
}

// mulDiv returns a*b/c without overflow on the way; a, b >= 0, c > 0. It saturates.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return 1<<63 - 1
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, 1<<63-1))
}
