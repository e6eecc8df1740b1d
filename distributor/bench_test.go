package distributor

import (
	"testing"

	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// drain polls m empty and returns how many symbols it sent.
func drain(m *Machine) (symbols int) {
	for out, ok := m.Poll(); ok; out, ok = m.Poll() {
		if s, ok := out.(SendSymbols); ok {
			symbols += s.Count
		}
	}
	return symbols
}

// large makes a machine of many blocks of average size, and members that want all of them.
func large(tb testing.TB, blocks, members int) *Machine {
	list := make([]Block, blocks)
	for i := range list {
		list[i] = Block{Size: 128 << 10}
	}
	m, err := New(Config{Blocks: list, StartDelay: -1, RateStartBps: 10_000_000_000})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range members {
		id := MemberID(i + 1)
		m.Handle(0, Join{Member: id})
		m.Handle(0, Message{Member: id, Msg: wire.Want{Final: true, Spans: []wire.Span{{From: 0, To: wire.Block(blocks)}}}})
	}
	drain(m)
	return m
}

// One operation is one symbol of a cast of 400,000 blocks, with announces, checks and progress.
func BenchmarkSymbol(b *testing.B) {
	m := large(b, 400_000, 4)
	serial := uint32(0)
	b.ReportAllocs()
	b.ResetTimer()
	sent := 0
	now := machine.Time(0)
	for next := machine.Time(0); sent < b.N; {
		at, _ := m.Deadline()
		now = max(now, at)
		m.Handle(now, Tick{})
		sent += drain(m)
		if now > next { // the members keep reporting
			serial++
			next = now + 20_000_000
			for i := range 4 {
				m.Handle(now, Report{Member: MemberID(i + 1), Report: wire.Report{Serial: serial, Highest: wire.Seq(m.seq), Received: m.seq}})
			}
		}
		if m.readyN[classMain] == 0 {
			b.StopTimer()
			m = large(b, 400_000, 4)
			now, next, serial = 0, 0, 0
			b.StartTimer()
		}
	}
}

// One operation is a full report of one of 1000 members of a cast of 400,000 blocks.
func BenchmarkReport(b *testing.B) {
	m := large(b, 400_000, 1000)
	for i := range 4000 {
		blk := &m.blocks[i]
		m.cursor[0] = uint32(i)
		if _, ok := m.table.take(classMain); !ok {
			b.Fatal("not ready")
		}
		blk.state, blk.sent, blk.goal = closed, 94, 94
		m.refresh(wire.Block(i))
		m.closedN++
	}
	var r wire.Report
	r.Deficits = make([]wire.Deficit, wire.MaxDeficits)
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		r.Serial = uint32(n/1000) + 1
		for j := range r.Deficits {
			r.Deficits[j] = wire.Deficit{Block: wire.Block((n*120 + j) % 4000), Sent: 94, Need: 3}
		}
		m.Handle(0, Report{Member: MemberID(n%1000 + 1), Report: r})
		drain(m)
	}
}

// One operation is a member that joins a cast of 400,000 blocks and wants all of them.
func BenchmarkWant(b *testing.B) {
	for range b.N {
		b.StopTimer()
		m := large(b, 400_000, 1)
		m.Handle(0, Join{Member: 2})
		b.StartTimer()
		m.Handle(0, Message{Member: 2, Msg: wire.Want{Final: true, Spans: []wire.Span{{From: 0, To: 400_000}}}})
	}
}
