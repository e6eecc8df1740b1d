package peer

import (
	"github.com/wimcast/wimcast/chunk"
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

// Need adds to the blocks the member lacks. Final: nothing will be added any more.
type Need struct {
	Final bool
	Spans []wire.Span
}

// Stored says that a block given out by Store is durable.
type Stored struct{ Block wire.Block }

// Fetched answers a Fetch; every Fetch gets exactly one, also when the link is lost. Data is nil when it failed; Busy asks to try
// the same source later. The machine checks Data against the block's name and owns it from then on.
type Fetched struct {
	Block wire.Block
	Data  []byte
	Busy  bool
}

// Link says whether the control connection to the sender is up: after the answer to JoinCast, and when the connection is
// lost. The machine says Want (again) each time it comes up.
type Link struct {
	Up  bool
	Run uint32 // with Up: run tag of the CastInfo; another than before means a restarted sender
}

// Tick says that time has passed.
type Tick struct{}

func (Symbol) in()   {}
func (Announce) in() {}
func (Message) in()  {}
func (Need) in()     {}
func (Stored) in()   {}
func (Fetched) in()  {}
func (Link) in()     {}
func (Tick) in()     {}

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

// Fetch asks the driver to get a block over QUIC from a peer that holds it (now: the sender).
type Fetch struct{ Block wire.Block }

// Group asks the driver to join (again) or leave the multicast group.
type Group struct{ Join bool }

// Done says that every block wanted is durable and nothing will be added.
type Done struct{}

// Failed says that the machine has given up waiting for a lost sender. What is held stays held.
type Failed struct{ Why string }

func (Failed) out()     {}
func (Store) out()      {}
func (SendReport) out() {}
func (SendStream) out() {}
func (Fetch) out()      {}
func (Group) out()      {}
func (Done) out()       {}
func (Event) out()      {}
