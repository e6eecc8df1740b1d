package peer

import (
	"slices"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/wire"
)

// Rules about reports, see docs/protocol.md.
const (
	intervalStart = 500 * time.Millisecond // mean report interval until an announce is received
	intervalLeast = 5 * time.Millisecond
	newsMax       = 4096 // durable blocks not reported yet
)

// planReport draws the time of the next report.
func (m *Machine) planReport() {
	quarter := int64(m.interval) / 4
	m.reportAt = m.now.Add(time.Duration(3*quarter + m.rng.Int64N(2*quarter+1)))
}

// setInterval takes the mean report interval of an announce.
func (m *Machine) setInterval(mean time.Duration) {
	mean = max(mean, intervalLeast)
	if mean == m.interval {
		return
	}
	shorter := mean < m.interval
	m.interval = mean
	if at := m.reportAt; shorter && m.linkUp && !m.done {
		m.planReport()
		m.reportAt = min(m.reportAt, at)
	}
}

// report sends a report and what has become durable since the last.
func (m *Machine) report() {
	m.planReport()
	m.tellHeld()
	m.serial++
	r := wire.Report{
		Cast: m.cfg.Cast, Run: m.run, Serial: m.serial,
		Highest: m.highest, Received: m.received, First: m.first,
		Decoded: uint32(m.stats.Decoded), BacklogKiB: uint32(m.backlog >> 10), Deaf: m.deaf,
	}
	if !m.full && !m.demotedAway() {
		r.Deficits = m.deficits()
	}
	m.out.Push(SendReport{Report: r})
}

// tellHeld says which blocks have become durable.
func (m *Machine) tellHeld() {
	if len(m.news) == 0 || !m.linkUp {
		return
	}
	slices.Sort(m.news)
	var spans []wire.Span
	for _, i := range m.news {
		if last := len(spans) - 1; last >= 0 && spans[last].To == i {
			spans[last].To = i + 1
			continue
		}
		if len(spans) == wire.MaxSpans {
			m.out.Push(SendStream{Msg: wire.Held{Cast: m.cfg.Cast, Spans: spans}})
			spans = nil
		}
		spans = append(spans, wire.Span{From: i, To: i + 1})
	}
	m.out.Push(SendStream{Msg: wire.Held{Cast: m.cfg.Cast, Spans: spans}})
	m.news = m.news[:0]
}

// need adds to what the member lacks.
func (m *Machine) need(in Need) {
	var added []wire.Span
	n := wire.Block(len(m.blocks))
	for _, s := range in.Spans {
		for i := min(s.From, n); i < min(s.To, n); i++ {
			if m.blocks[i].state != unwanted || m.cfg.Blocks[i].Size == 0 {
				continue
			}
			m.blocks[i].state = wanted
			m.lackN++
			m.askedN++
			added = appendBlock(added, i)
		}
	}
	news := len(added) > 0 || !in.Urgent
	m.final = m.final || in.Final
	if m.linkUp && news {
		m.sayWant(added)
	}
	if in.Urgent {
		m.event(event.BlocksUrgent{Blocks: m.wantFetches(in.Spans)})
	}
}

// sayAllWants says everything the member lacks, to a sender that does not know it.
func (m *Machine) sayAllWants() {
	var all []wire.Span
	for i := range m.blocks {
		if m.blocks[i].state == wanted {
			all = appendBlock(all, wire.Block(i))
		}
	}
	m.sayWant(all)
}

// sayWant sends spans, in as many messages as it takes. Only the last one is final.
func (m *Machine) sayWant(spans []wire.Span) {
	for len(spans) > wire.MaxSpans {
		m.out.Push(SendStream{Msg: wire.Want{Cast: m.cfg.Cast, Spans: spans[:wire.MaxSpans:wire.MaxSpans]}})
		spans = spans[wire.MaxSpans:]
	}
	m.out.Push(SendStream{Msg: wire.Want{Cast: m.cfg.Cast, Final: m.final, Spans: spans}})
}

// appendBlock adds a block that is greater than those in spans.
func appendBlock(spans []wire.Span, i wire.Block) []wire.Span {
	if last := len(spans) - 1; last >= 0 && spans[last].To == i {
		spans[last].To = i + 1
		return spans
	}
	return append(spans, wire.Span{From: i, To: i + 1})
}
