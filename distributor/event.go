package distributor

import "github.com/wimcast/wimcast/wire"

// EventKind is what an Event is about.
type EventKind string

// Event is a typed trace record; logs, metrics and simulator traces are made from it.
type Event struct {
	Kind   EventKind
	Member MemberID
	Block  wire.Block
	N      int64  // meaning depends on Kind
	Text   string // for people
}
