package event

import "time"

// Events of the receiving machine. Block is an index into the content.

// LinkUp says that the member is connected to its sender and takes part.
type LinkUp struct{}

// Kind implements Event.
func (LinkUp) Kind() string { return "link-up" }

// LinkDown says that the connection to the sender is lost.
type LinkDown struct{ Why string }

// Kind implements Event.
func (LinkDown) Kind() string { return "link-down" }

// NoLink says that there is no connection to the sender, and that it will be tried again.
type NoLink struct {
	Why     string
	RetryIn time.Duration
	Limit   time.Duration // without a connection, after which the member gives up
}

// Kind implements Event.
func (NoLink) Kind() string { return "no-link" }

// Queued says that the sender has no place for the member now. It is told once, however often the sender is asked.
type Queued struct{ Why string }

// Kind implements Event.
func (Queued) Kind() string { return "queued" }

// RunChanged says that the sender has begun another run.
type RunChanged struct{ Run uint32 }

// Kind implements Event.
func (RunChanged) Kind() string { return "run-changed" }

// BlockDecoded says that a block came by multicast and is what its name says.
type BlockDecoded struct {
	Block  uint32
	Parity int // symbols of parity that were needed
}

// Kind implements Event.
func (BlockDecoded) Kind() string { return "block-decoded" }

// BlockBad says that a block, decoded or fetched, does not match its name.
type BlockBad struct {
	Block uint32
	Times int // so far
}

// Kind implements Event.
func (BlockBad) Kind() string { return "block-bad" }

// FetchWrong says that the source of a fetch sent wrong bytes.
type FetchWrong struct {
	Block uint32
	Times int // so far, of any block
}

// Kind implements Event.
func (FetchWrong) Kind() string { return "fetch-wrong" }

// SourceLacks says that the sender cannot give a block. It is told again only after others came.
type SourceLacks struct {
	Block uint32
	Why   string
	Times int // so far, of any block
}

// Kind implements Event.
func (SourceLacks) Kind() string { return "source-lacks" }

// repeats says that the user has been told.
func (e SourceLacks) repeats() bool { return e.Times > 1 }

// FetchStalled says that a fetch was not answered.
type FetchStalled struct {
	Block uint32
	After time.Duration
}

// Kind implements Event.
func (FetchStalled) Kind() string { return "fetch-stalled" }

// FetchesPaused says that a fetch failed and that there is none for a while.
type FetchesPaused struct {
	Block uint32
	Pause time.Duration
	Why   string
}

// Kind implements Event.
func (FetchesPaused) Kind() string { return "fetches-paused" }

// BlocksLeftToQuic says that the sender will not multicast blocks for this member.
type BlocksLeftToQuic struct{ Blocks int } // newly to be fetched

// Kind implements Event.
func (BlocksLeftToQuic) Kind() string { return "blocks-left-to-quic" }

// BlocksUrgent says that blocks are fetched because they cannot wait for multicast.
type BlocksUrgent struct{ Blocks int } // newly to be fetched

// Kind implements Event.
func (BlocksUrgent) Kind() string { return "blocks-urgent" }

// BlockEvicted says that a block's symbols were dropped for want of memory.
type BlockEvicted struct {
	Block   uint32
	Symbols int
}

// Kind implements Event.
func (BlockEvicted) Kind() string { return "block-evicted" }

// BacklogFull says that so much waits to become durable that no new block is begun.
type BacklogFull struct{ Bytes int64 }

// Kind implements Event.
func (BacklogFull) Kind() string { return "backlog-full" }

// BacklogRoom says that blocks are begun again.
type BacklogRoom struct{ Bytes int64 }

// Kind implements Event.
func (BacklogRoom) Kind() string { return "backlog-room" }

// Deaf says that multicast does not reach the member.
type Deaf struct{ Missed uint64 } // datagrams the sender sent meanwhile

// Kind implements Event.
func (Deaf) Kind() string { return "deaf" }

// Hears says that multicast reaches the member again.
type Hears struct{}

// Kind implements Event.
func (Hears) Kind() string { return "hears" }

// Demoted says that the sender has told the member to fetch over QUIC.
type Demoted struct{ Reason string } // of wire.DemoteReason

// Kind implements Event.
func (Demoted) Kind() string { return "demoted" }

// Promoted says that the sender has called the member back.
type Promoted struct{}

// Kind implements Event.
func (Promoted) Kind() string { return "promoted" }

// SenderSilent says that nothing was heard for the sender's lease.
type SenderSilent struct{ For time.Duration }

// Kind implements Event.
func (SenderSilent) Kind() string { return "sender-silent" }

// AnswerRefused says that the sender sent a message that cannot be.
type AnswerRefused struct{ Why string }

// Kind implements Event.
func (AnswerRefused) Kind() string { return "answer-refused" }

// AllReceived says that the member holds everything and asks for no more.
type AllReceived struct{ Blocks int }

// Kind implements Event.
func (AllReceived) Kind() string { return "all-received" }

// GaveUp says that the machine has given up. What is held stays held.
type GaveUp struct {
	Cause string // of peer.FailCause
	Why   string
}

// Kind implements Event.
func (GaveUp) Kind() string { return "gave-up" }
