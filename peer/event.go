package peer

import (
	"fmt"

	"github.com/wimcast/wimcast/wire"
)

// EventKind is what an Event is about.
type EventKind string

// Kinds of events, with the meaning of N.
const (
	EventLink     EventKind = "link"     // N: 1 up, 0 down; Text: why
	EventNoLink   EventKind = "no-link"  // there is no connection; N: milliseconds until the next attempt; Text: why
	EventNewRun   EventKind = "new-run"  // N: run tag
	EventDecoded  EventKind = "decoded"  // N: parity symbols that were needed
	EventBad      EventKind = "bad"      // a decoded or fetched block does not match its name; N: times so far
	EventWrong    EventKind = "wrong"    // the source of a fetch sent wrong bytes; N: times so far
	EventLacks    EventKind = "lacks"    // the sender cannot give a block; told again only after others came; Text: why
	EventStalled  EventKind = "stalled"  // a fetch was not answered; N: milliseconds
	EventEvicted  EventKind = "evicted"  // N: symbols dropped with it
	EventFull     EventKind = "full"     // N: backlog in bytes: no new block is begun
	EventRoom     EventKind = "room"     // N: backlog in bytes: blocks are begun again
	EventDeaf     EventKind = "deaf"     // N: datagrams the sender sent meanwhile
	EventHears    EventKind = "hears"    // multicast reaches the member again
	EventDemoted  EventKind = "demoted"  // N: wire.DemoteReason
	EventPromoted EventKind = "promoted" //
	EventUnicast  EventKind = "unicast"  // N: blocks to be fetched over QUIC
	EventBackOff  EventKind = "back-off" // a fetch failed; N: pause in milliseconds
	EventUrgent   EventKind = "urgent"   // N: blocks to be fetched because they cannot wait for multicast
	EventGaveUp   EventKind = "gave-up"  // N: FailCause; Text: why
	EventComplete EventKind = "complete" // N: blocks held
	EventSilence  EventKind = "silence"  // nothing heard for the sender's lease; N: milliseconds
	EventRefused  EventKind = "refused"  // a message that cannot be; Text: why
)

// Event is a typed trace record; logs, metrics and simulator traces are made from it.
type Event struct {
	Kind  EventKind
	Block wire.Block
	N     int64  // meaning depends on Kind
	Text  string // for people
}

// String returns the event as one line, key=value.
func (e Event) String() string {
	s := fmt.Sprintf("%s block=%d n=%d", e.Kind, e.Block, e.N)
	if e.Text != "" {
		s += fmt.Sprintf(" text=%q", e.Text)
	}
	return s
}

func (m *Machine) event(kind EventKind, block wire.Block, n int64, text string) {
	m.out.Push(Event{Kind: kind, Block: block, N: n, Text: text})
}
