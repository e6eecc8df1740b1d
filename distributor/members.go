package distributor

import (
	"fmt"
	"slices"
	"time"

	"github.com/wimcast/wimcast/internal/bitset"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// Rules about members, see docs/protocol.md.
const (
	demoteLossPpm  = 100_000         // demoted above this loss,
	demoteOverPpm  = 50_000          // if it is above twice the median and this,
	demoteBacklog  = 64 << 20        // or above this backlog,
	demoteAfter    = 2 * time.Second // for so long
	checkEvery     = 250 * time.Millisecond
	durableLen     = 16 // checks over which a member's disk is measured
	progressEvery  = 500 * time.Millisecond
	silenceAfter   = time.Second
	silenceReports = 4 // and so many report intervals
)

// member is one member of the cast.
type member struct {
	id     MemberID
	who    Join
	joined machine.Time

	asked  bitset.Set // every block it ever asked for
	lacks  bitset.Set // of these, not durable
	quic   bitset.Set // of these, named to it by Unicast
	askedN int
	lackN  int
	wants  int // blocks it waits for by multicast: lacks without quic, 0 when demoted
	final  bool
	needs  bool // lacks something or may ask for more

	heard       machine.Time // last report
	progress    machine.Time // last sign that it gets on: Held, Fetched or new datagrams
	serial      uint32       // of the last report
	reported    bool
	loss        loss
	share       share
	carry       carry
	trouble     bool         // by its last sample
	weighed     machine.Time // when that was taken,
	weighedFrom machine.Time // and begun
	ready       bool         // it was of this round
	decoded     uint32       // blocks it has decoded from multicast, by its reports
	calls       int          // times it was called back into the group in vain
	fresh       bool         // came while slower ones had a pass
	alone       bool         // demoted, and no other member is left behind with it: QUIC serves it
	backlog     int64
	deaf        bool

	durable    int64             // bytes held since the last check
	durables   [durableLen]int64 // the same of the checks before
	durableN   int               // checks so far
	durableBps int64             // over these

	demoted   wire.DemoteReason
	bad       [2]machine.Time // since when its loss, its backlog has been too high; 0: it is not
	flight    []wire.Block    // named by Unicast, neither fetched nor held
	flightB   int64           // their bytes
	fetchedB  int64           // bytes that came to it over QUIC since it was demoted
	demotedAt machine.Time    // when that was
	offer     uint32          // next block to be offered
	budget    int64           // repair budget, in parts of a symbol, budgetShare of them
	budgetAt  uint64          // symbols sent when the budget was last filled
}

// member returns a member, or nil.
func (m *Machine) member(id MemberID) *member {
	i, ok := m.find(id)
	if !ok {
		return nil
	}
	return m.members[i]
}

func (m *Machine) find(id MemberID) (int, bool) {
	return slices.BinarySearchFunc(m.members, id, func(mb *member, id MemberID) int {
		switch {
		case mb.id < id:
			return -1
		case mb.id > id:
			return 1
		}
		return 0
	})
}

// join adds a member.
func (m *Machine) join(in Join) {
	i, ok := m.find(in.Member)
	if ok {
		m.event(event.MessageRefused{Member: uint32(in.Member), Why: "joined already"})
		return
	}
	if len(m.members) >= m.cfg.MembersMax {
		why := fmt.Sprintf("the cast has %d members, no more are taken", len(m.members))
		m.event(event.MemberDropped{Member: uint32(in.Member), Why: why})
		m.out.Push(Drop{Member: in.Member, Why: why})
		return
	}
	n := len(m.blocks)
	mb := &member{
		id: in.Member, who: in, joined: m.now, heard: m.now, progress: m.now,
		asked: bitset.New(n), lacks: bitset.New(n), quic: bitset.New(n),
		budget: budgetStart, budgetAt: m.symbols(),
	}
	m.members = slices.Insert(m.members, i, mb)
	if !m.started {
		m.started = true
		m.start = m.now.Add(m.cfg.StartDelay)
		m.announceAt, m.checkAt, m.progressAt = m.now, m.now.Add(checkEvery), m.now.Add(progressEvery)
	}
	if len(m.members) == 1 {
		m.checkAt = m.now.Add(checkEvery)
	}
	if m.wantedB == 0 && m.now >= m.start && !m.passDue() { // a cast that had come to rest starts anew
		m.start = m.now.Add(m.cfg.StartDelay)
		m.restart()
	}
	m.lastHeard = m.now
	m.complete(mb)
	m.setInterval()
	m.event(event.MemberJoined{Member: uint32(mb.id), Name: mb.who.Name, Members: len(m.members)})
}

// remove removes a member and its wants from the table.
func (m *Machine) remove(mb *member) {
	i, _ := m.find(mb.id)
	m.members = slices.Delete(m.members, i, i+1)
	m.event(event.MemberGone{Member: uint32(mb.id), Lacked: mb.lackN})
	if mb.demoted == 0 {
		m.withdraw(mb)
	}
	if mb.needs {
		m.needing--
	}
	m.setInterval()
}

// withdraw ends all waiting of a member for multicast.
func (m *Machine) withdraw(mb *member) {
	n := uint32(len(m.blocks))
	for i, ok := mb.lacks.Next(0, n); ok; i, ok = mb.lacks.Next(i+1, n) {
		if !mb.quic.Has(i) {
			m.unmulticast(mb, wire.Block(i))
		}
	}
}

// drop closes a membership.
func (m *Machine) drop(mb *member, why string) {
	m.event(event.MemberDropped{Member: uint32(mb.id), Lacked: mb.lackN, Why: why})
	m.out.Push(Drop{Member: mb.id, Why: why})
	m.remove(mb)
}

// demote removes a member from the group.
func (m *Machine) demote(mb *member, reason wire.DemoteReason) {
	m.withdraw(mb)
	mb.demoted, mb.demotedAt, mb.fetchedB = reason, m.now, 0
	mb.bad = [2]machine.Time{}
	m.event(event.MemberDemoted{Member: uint32(mb.id), Reason: reason.String()})
	m.out.Push(SendStream{Member: mb.id, Msg: wire.Demote{Cast: m.cfg.Cast, Reason: reason}})
}

// promote calls a member back into the group.
func (m *Machine) promote(mb *member) {
	mb.demoted = 0
	mb.loss, mb.share = loss{}, share{}
	mb.trouble, mb.weighed, mb.ready = false, 0, false
	mb.carry.troubled, mb.carry.lowBps, mb.carry.guess, mb.carry.began = 0, 0, true, 0
	mb.bad = [2]machine.Time{}
	n := uint32(len(m.blocks))
	for i, ok := mb.lacks.Next(0, n); ok; i, ok = mb.lacks.Next(i+1, n) {
		if !mb.quic.Has(i) {
			m.multicast(mb, wire.Block(i))
		}
	}
	m.event(event.MemberPromoted{Member: uint32(mb.id)})
	m.out.Push(SendStream{Member: mb.id, Msg: wire.Promote{Cast: m.cfg.Cast}})
}

// check looks at every member, four times per second.
func (m *Machine) check() {
	m.checkAt = m.now.Add(checkEvery)
	median := m.medianLoss()
	for i := 0; i < len(m.members); i++ {
		mb := m.members[i]
		mb.measureDurable()
		if why := m.stalled(mb); why != "" {
			m.drop(mb, why)
			i--
			continue
		}
		if mb.demoted == 0 && mb.lackN > 0 {
			m.judge(mb, median)
		}
	}
	m.recall()
	m.hear()
	m.starve()
	m.waste()
}

// measureDurable follows how fast a member makes blocks durable.
func (mb *member) measureDurable() {
	mb.durables[mb.durableN%durableLen] = mb.durable
	mb.durableN++
	mb.durable = 0
	sum := int64(0)
	for _, n := range mb.durables {
		sum += n
	}
	mb.durableBps = sum * 8 * int64(time.Second/checkEvery) / int64(min(mb.durableN, durableLen))
}

// stalled says why a member is to be dropped, or nothing.
func (m *Machine) stalled(mb *member) string {
	if mb.lackN == 0 {
		return ""
	}
	if quiet := m.now.Sub(max(mb.heard, mb.joined)); quiet >= m.cfg.StallMax {
		return fmt.Sprintf("no report for %v", quiet.Round(time.Second))
	}
	if idle := m.now.Sub(mb.progress); idle >= m.cfg.StallMax && mb.backlog == 0 && m.started && m.now.Sub(m.start) >= m.cfg.StallMax {
		return fmt.Sprintf("no progress for %v while it lacks %d blocks", idle.Round(time.Second), mb.lackN)
	}
	return ""
}

// judge demotes a member that is much worse than the others.
func (m *Machine) judge(mb *member, median int64) {
	if mb.deaf {
		m.demote(mb, wire.DemoteDeaf)
		return
	}
	loss := mb.loss.smooth
	tooHigh := [2]bool{loss > demoteLossPpm && loss > 2*median+demoteOverPpm && len(m.members) > 1, mb.backlog > demoteBacklog}
	for i, reason := range [2]wire.DemoteReason{wire.DemoteLoss, wire.DemoteBacklog} {
		switch {
		case !tooHigh[i] || m.waiting < 2:
			mb.bad[i] = 0
		case mb.bad[i] == 0:
			mb.bad[i] = m.now
		case m.now.Sub(mb.bad[i]) >= demoteAfter:
			m.demote(mb, reason)
			return
		}
	}
}

// recall promotes members: those that hear again, and those that were left behind when nobody else waits for multicast.
func (m *Machine) recall() {
	for _, mb := range m.members {
		if mb.demoted == wire.DemoteDeaf && !mb.deaf {
			m.promote(mb)
		}
	}
	m.sortLeft()
	m.fit()
}

// hear notices that no member reports, and that one does again.
func (m *Machine) hear() {
	quiet := m.now.Sub(m.lastHeard)
	silent := m.waiting > 0 && quiet >= silenceAfter && quiet >= silenceReports*m.interval
	if silent == m.silent {
		return
	}
	m.silent = silent
	if silent {
		m.event(event.MembersSilent{For: quiet})
	} else {
		m.event(event.MembersBack{})
	}
}

// medianLoss returns the median loss of the members in the group.
func (m *Machine) medianLoss() int64 {
	m.scratch = m.scratch[:0]
	for _, mb := range m.members {
		if mb.demoted == 0 && mb.lackN > 0 && mb.reported {
			m.scratch = append(m.scratch, mb.loss.smooth)
		}
	}
	return median(m.scratch)
}

// median sorts v and returns its lower middle; 0 for none.
func median(v []int64) int64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[(len(v)-1)/2]
}
