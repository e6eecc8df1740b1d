package distributor

import (
	"fmt"

	"github.com/wimcast/wimcast/wire"
)

// EventKind is what an Event is about.
type EventKind string

// Kinds of events, with the meaning of N.
const (
	EventJoin     EventKind = "join"       // N: members now
	EventWant     EventKind = "want"       // N: blocks newly wanted
	EventComplete EventKind = "complete"   // a member holds all it asked for and asks for no more
	EventGone     EventKind = "gone"       // N: blocks it still lacked
	EventDrop     EventKind = "drop"       // Text: why
	EventDemote   EventKind = "demote"     // N: wire.DemoteReason
	EventPromote  EventKind = "promote"    //
	EventRate     EventKind = "rate"       // N: new rate, bits a second; Text: why
	EventUnicast  EventKind = "unicast"    // N: repair rounds the block has had
	EventAgain    EventKind = "again"      // N: symbols to be sent when the carousel comes by again
	EventSilence  EventKind = "silence"    // no member reports; N: milliseconds since the last report
	EventResume   EventKind = "resume"     // a member reports again
	EventRunOver  EventKind = "run-over"   // N: datagrams sent
	EventRefused  EventKind = "refused"    // a member's message that cannot be; Text: why
	EventPass     EventKind = "pass-on"    // who is left carries less than the rate, N bits a second: another pass is planned
	EventStarved  EventKind = "starved"    // nobody gained by multicast: it stops; N: milliseconds
	EventSettled  EventKind = "all-held"   // no member lacks anything any more
	EventFirst    EventKind = "first-send" // N: milliseconds since the first Join
)

// Event is a typed trace record; logs, metrics and simulator traces are made from it.
type Event struct {
	Kind   EventKind
	Member MemberID
	Block  wire.Block
	N      int64  // meaning depends on Kind
	Text   string // for people
}

// String returns the event as one line, key=value.
func (e Event) String() string {
	s := fmt.Sprintf("%s member=%d block=%d n=%d", e.Kind, e.Member, e.Block, e.N)
	if e.Text != "" {
		s += fmt.Sprintf(" text=%q", e.Text)
	}
	return s
}

func (m *Machine) event(kind EventKind, member MemberID, block wire.Block, n int64, text string) {
	m.out.Push(Event{Kind: kind, Member: member, Block: block, N: n, Text: text})
}
