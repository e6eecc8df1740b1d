package peer

import (
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// Status is a snapshot of a member for people. Counters are cumulative.
type Status struct {
	Wanted    int // blocks asked for
	Held      int // of these durable
	Final     bool
	LinkUp    bool
	Deaf      bool
	Demoted   wire.DemoteReason // 0: in the group
	LossPpm   int64             // recent loss, millionths
	Backlog   int64             // bytes decoded but not durable
	Partial   int64             // bytes of symbols waiting for more
	Fetching  int               // blocks to be fetched over QUIC
	Symbols   uint64            // taken
	Duplicate uint64            // symbols it had already
	Refused   uint64            // datagrams that are no symbol of a known block
	Unwanted  uint64            // symbols of blocks it does not lack
	Shed      uint64            // symbols dropped for want of memory: backlog or partial blocks full
	Decoded   uint64            // blocks from multicast
	Repaired  uint64            // of these decoded with parity
	Fetched   uint64            // blocks from QUIC
	Bad       uint64            // blocks that did not match their name
	Wrong     uint64            // of these, what came over QUIC: its source's fault
	WaitUntil machine.Time
	Waiting   machine.Reason
}
