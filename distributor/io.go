package distributor

import (
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/wire"
)

// MemberID names a member of a cast; the driver chooses it, one per connection.
type MemberID uint32

// Block describes one block to the machine. Its bytes stay with the driver.
type Block struct {
	Size     uint32 // bytes, 1..chunk.MaxSize
	Prologue bool   // sent before all others
}

// In is an input of the machine: one of Join, Message, Report, Gone, Fetched, Loaded, Unreadable, Yield, Tick.
type In interface{ in() }

// Join adds a member. It lacks nothing until it says Want.
type Join struct {
	Member MemberID
	// For traces and status only:
	Name    string // which several may have
	Node    string // first digits of its key
	Address string // at which it is
}

// Message is a stream message from a member: Want, Held or Leave.
type Message struct {
	Member MemberID
	Msg    any // wire.Want, wire.Held, wire.Leave
}

// Report is a feedback datagram from a member.
type Report struct {
	Member MemberID
	Report wire.Report
}

// Gone says that a member's connection ended.
type Gone struct{ Member MemberID }

// Fetched says that the driver served a block to a member over QUIC.
type Fetched struct {
	Member MemberID
	Block  wire.Block
}

// Unreadable says that the driver cannot read a block's bytes. It is an answer to Load; of a driver that has every block at hand,
// and finds that it has not, it says that symbols were not sent: their sequence numbers are lost, which looks like loss.
type Unreadable struct{ Block wire.Block }

// Yield says that another cast wants the place of this one: it ends unless somebody takes part.
type Yield struct{}

// Tick says that time has passed.
type Tick struct{}

func (Join) in()       {}
func (Message) in()    {}
func (Report) in()     {}
func (Gone) in()       {}
func (Fetched) in()    {}
func (Unreadable) in() {}
func (Yield) in()      {}
func (Tick) in()       {}

// Out is an output of the machine: SendSymbols, SendAnnounce, SendStream, Drop, Load, Unload, Over, End or Event.
type Out interface{ out() }

// SendSymbols asks the driver to multicast symbols First..First+Count-1 of a block (never wrapping past the last
// parity symbol), as datagrams Seq..Seq+Count-1.
type SendSymbols struct {
	Seq   wire.Seq
	Block wire.Block
	First wire.Symbol
	Count int
}

// SendAnnounce asks the driver to multicast an Announce.
type SendAnnounce struct {
	Seq      wire.Seq
	Announce wire.Announce
}

// SendStream asks the driver to send a member a stream message: wire.Progress, Demote, Promote or Unicast.
type SendStream struct {
	Member MemberID
	Msg    any
}

// Drop asks the driver to close a member's membership and tell it why.
type Drop struct {
	Member MemberID
	Why    string
}

func (SendSymbols) out()  {}
func (SendAnnounce) out() {}
func (SendStream) out()   {}
func (Drop) out()         {}
func (Event) out()        {}

// Over says that the run has used up its datagrams (DatagramsMax): nothing more is multicast. The driver ends the machine
// and starts another one with a new run id; members go on with what they have.
type Over struct{ Why string }

// End says that nobody takes part any more. The driver ends the machine; who asks for the content later begins a cast anew.
type End struct{ Why string }

func (Over) out() {}
func (End) out()  {}

// Event is something that happened, for whoever watches: log lines, metrics and the simulator's traces are made from it.
type Event struct{ event.Event }

func (m *Machine) event(e event.Event) { m.out.Push(Event{e}) }
