package node

import (
	"sync"
	"time"

	"github.com/wimcast/wimcast/distributor"
)

// Share of the rate that demoted members together may fetch over QUIC while others are in the group.
const demotedShare = 20 // a twentieth: 5 %

// budget is a token bucket of bytes.
type budget struct {
	mu     sync.Mutex
	tokens float64
	rate   float64 // bytes a second
	last   time.Time
	on     bool
	limits map[distributor.MemberID]bool // members it applies to
}

// set takes over who is limited, and to what.
func (b *budget) set(on bool, bytesPerSecond float64, limited map[distributor.MemberID]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.on, b.rate, b.limits = on, bytesPerSecond, limited
}

// take reports whether the member may have n more bytes now. A debt of one block is allowed, so that blocks of any size pass.
func (b *budget) take(id distributor.MemberID, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.on || !b.limits[id] {
		return true
	}
	now := time.Now()
	if !b.last.IsZero() {
		b.tokens = min(b.tokens+b.rate*now.Sub(b.last).Seconds(), b.rate/4)
	}
	b.last = now
	if b.tokens < 0 {
		return false
	}
	b.tokens -= float64(n)
	return true
}
