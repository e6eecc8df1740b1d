package distributor

import (
	"time"

	"github.com/wimcast/wimcast/wire"
)

// Rules about announces and feedback, see docs/protocol.md.
const (
	announceEvery   = 250 * time.Millisecond
	announceSymbols = 256
	repeatAfter     = 100 * time.Millisecond
	leaseMillis     = 1000
	intervalMin     = 20 * time.Millisecond
	intervalMax     = 5 * time.Second
	reportOverhead  = 120 // bytes of a report without deficits, with all headers
	deficitBytes    = 10
	feedbackShare   = 100 // feedback stays under one part in so many of the rate
)

// setInterval sets the mean report interval for the members, the rate, and the size of recent reports.
func (m *Machine) setInterval() {
	bits := int64(len(m.members)) * m.reportSize * 8
	m.interval = time.Duration(mulDiv(bits, feedbackShare*int64(time.Second), m.rate.bps))
	m.interval = min(max(m.interval, intervalMin), intervalMax).Round(time.Millisecond)
}

// noteReportSize follows the mean size of reports.
func (m *Machine) noteReportSize(deficits int) {
	m.reportBits += int64(reportOverhead+deficitBytes*deficits)*256/64 - m.reportBits/64
	if size := max(200, m.reportBits/256); size > m.reportSize+20 || size < m.reportSize-20 {
		m.reportSize = size
		m.setInterval()
	}
}

// tell queues a closed block for the next announce.
func (m *Machine) tell(i wire.Block) {
	if b := &m.blocks[i]; !b.fresh {
		b.fresh = true
		m.freshQ.Push(i)
	}
}

// announceDue says whether an announce is to be sent now.
func (m *Machine) announceDue() bool {
	if m.now >= m.announceAt {
		return m.needing > 0
	}
	if m.closedN == 0 {
		return false
	}
	since := m.symbols() - m.announced
	return since >= announceSymbols || m.freshQ.Len() > 0 && (m.freshQ.Len() >= wire.MaxClosed || !m.hasWork())
}

// announce multicasts an Announce.
func (m *Machine) announce() {
	list := make([]wire.Closed, 0, min(wire.MaxClosed, m.freshQ.Len()+m.toldQ.Len()))
	for m.freshQ.Len() > 0 && len(list) < wire.MaxClosed {
		i := m.freshQ.Pop()
		m.blocks[i].fresh = false
		list = m.addClosed(list, i)
	}
	for range m.toldQ.Len() {
		if len(list) >= wire.MaxClosed || m.toldQ.Front().time > m.now {
			break
		}
		i := m.toldQ.Pop().block
		m.blocks[i].told = false
		if !m.blocks[i].fresh {
			list = m.addClosed(list, i)
		}
	}
	m.seq++
	m.announced = m.symbols()
	m.announceAt = m.now.Add(announceEvery)
	a := wire.Announce{LeaseMillis: leaseMillis, ReportMillis: uint16(m.interval / time.Millisecond), Closed: list}
	m.out.Push(SendAnnounce{Seq: wire.Seq(m.seq), Announce: a})
	m.pace(int64(6+8*len(list)) + datagramOverhead)
}

// addClosed puts a block on the list if it is still closed, and plans its repetition.
func (m *Machine) addClosed(list []wire.Closed, i wire.Block) []wire.Closed {
	b := &m.blocks[i]
	if b.state != closed || b.goal > b.sent {
		return list
	}
	if !b.told {
		b.told = true
		m.toldQ.Push(at{block: i, time: m.now.Add(max(repeatAfter, 2*m.interval))})
	}
	return append(list, wire.Closed{Block: i, Sent: b.sent})
}

// sayProgress reports to every member how much was multicast.
func (m *Machine) sayProgress() {
	m.progressAt = m.now.Add(progressEvery)
	if m.seq == m.progressed {
		return
	}
	m.progressed = m.seq
	msg := wire.Progress{Cast: m.cfg.Cast, Seq: wire.Seq(m.seq), RateBps: uint64(m.rate.bps)}
	for _, mb := range m.members {
		if mb.needs {
			m.out.Push(SendStream{Member: mb.id, Msg: msg})
		}
	}
}
