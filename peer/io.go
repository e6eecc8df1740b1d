package peer

import (
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/wire"
)

// Block describes one block of the cast: the chunk it must turn out to be.
type Block struct {
	ID   chunk.ID
	Size uint32
}

// In is an input of the machine.
type In interface{ in() }

// Symbol is one authenticated symbol datagram. The machine copies Payload.
type Symbol struct {
	Header  wire.Header
	Payload []byte
}

// Announce is one authenticated announce datagram.
type Announce struct {
	Header   wire.Header
	Announce wire.Announce
}

// Message is a stream message from the sender: wire.Progress, Demote, Promote or Unicast.
type Message struct{ Msg any }

// Need adds to the blocks the member lacks. Final: nothing will be added any more. Urgent: whoever asked cannot go on without
// these, so they are fetched over QUIC at once, also those that were asked for before.
type Need struct {
	Final  bool
	Urgent bool
	Spans  []wire.Span
}

// Stored says that a block given out by Store is durable.
type Stored struct{ Block wire.Block }

// Fetched answers a Fetch; every Fetch that is not cancelled gets exactly one, also when the link is lost. Data is what came, as
// it came, and nothing unless Why is FetchGot: the machine checks it against the block's name and owns it from then on.
type Fetched struct {
	Block wire.Block
	Data  []byte
	Why   FetchWhy
}

// FetchWhy says what became of a fetch.
type FetchWhy uint8

// What can become of a fetch.
const (
	FetchGot    FetchWhy = iota // bytes came, the right ones or not
	FetchBusy                   // the source asks to try again later
	FetchLacks                  // the source cannot give it: it does not hold the block, or cannot read it
	FetchBroken                 // no answer, or one that broke off
)

// String returns the word for traces.
func (w FetchWhy) String() string {
	if int(w) < len(fetchWhys) {
		return fetchWhys[w]
	}
	return "unknown"
}

var fetchWhys = [...]string{FetchGot: "got", FetchBusy: "busy", FetchLacks: "lacks", FetchBroken: "broken"}

// Link says whether the control connection to the sender is up: after the answer to JoinCast, which answers a Dial, and when
// the connection is lost. The machine says Want (again) each time it comes up.
type Link struct {
	Up        bool
	Run       uint32 // with Up: run tag of the CastInfo; another than before means a restarted sender
	Why       string // without Up: for people
	Permanent bool   // without Up: the sender has said that trying again cannot help
}

// DialFailed says that a Dial came to nothing.
type DialFailed struct {
	Why       string // for people
	Permanent bool   // trying again cannot help
	Busy      bool   // the sender has answered that it has no place now
}

// Tick says that time has passed.
type Tick struct{}

func (Symbol) in()     {}
func (Announce) in()   {}
func (Message) in()    {}
func (Need) in()       {}
func (Stored) in()     {}
func (Fetched) in()    {}
func (Link) in()       {}
func (DialFailed) in() {}
func (Tick) in()       {}

// Out is an output of the machine.
type Out interface{ out() }

// Store hands over a verified block. The driver answers with Stored once it is durable. The machine does not touch
// Data again.
type Store struct {
	Block wire.Block
	Data  []byte
	Quic  bool // came over QUIC, not multicast
}

// SendReport asks the driver to send a report to the sender.
type SendReport struct{ Report wire.Report }

// SendStream asks the driver to send the sender a stream message: wire.Want, Held or Leave.
type SendStream struct{ Msg any }

// Dial asks the driver to connect to the sender and join the cast. Each gets exactly one answer: Link or DialFailed.
type Dial struct{}

// Fetch asks the driver to get a block over QUIC from a peer that holds it (now: the sender).
type Fetch struct{ Block wire.Block }

// Cancel ends a Fetch that takes too long. No answer to it is wanted any more.
type Cancel struct{ Block wire.Block }

// Group asks the driver to join (again) or leave the multicast group. A new connection begins outside of it.
type Group struct{ Join bool }

// Done says that every block wanted is durable and nothing will be added.
type Done struct{}

// Failed says that the machine has given up. What is held stays held.
type Failed struct {
	Cause FailCause
	Why   string // for people
}

// FailCause is why a machine has given up.
type FailCause uint8

// Why a machine gives up.
const (
	FailedLost    FailCause = iota // the sender was away for Config.LostMax
	FailedRefused                  // trying again cannot help, as the driver said
	FailedLacks                    // the sender cannot give what it offers
	FailedWrong                    // the sender gives wrong bytes
)

// String returns the word for traces.
func (c FailCause) String() string {
	if int(c) < len(failCauses) {
		return failCauses[c]
	}
	return "unknown"
}

var failCauses = [...]string{FailedLost: "lost", FailedRefused: "refused", FailedLacks: "lacks", FailedWrong: "wrong"}

func (Failed) out()     {}
func (Store) out()      {}
func (SendReport) out() {}
func (SendStream) out() {}
func (Dial) out()       {}
func (Fetch) out()      {}
func (Cancel) out()     {}
func (Group) out()      {}
func (Done) out()       {}
func (Event) out()      {}

// Event is something that happened, for whoever watches: log lines, metrics and the simulator's traces are made from it.
type Event struct{ event.Event }

func (m *Machine) event(e event.Event) { m.out.Push(Event{e}) }
