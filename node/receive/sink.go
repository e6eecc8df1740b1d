package receive

import (
	"context"

	"github.com/wimcast/wimcast/chunk"
)

// Sink accepts a content's blocks as they are verified. One goroutine calls it.
type Sink interface {
	// Needs says what is still needed, ascending, and whether that is all there will ever be. It is asked at the start, and
	// again after each Commit until it has said that it is all.
	Needs() (blocks []chunk.Block, final bool, err error)
	// Put accepts a block; its bytes are the sink's.
	Put(ctx context.Context, block chunk.Block, data []byte) error
	// Commit makes what was put durable and says which blocks became so.
	Commit() (held []chunk.Block, err error)
}

// Urgent is a Sink that can only go on if certain blocks come first.
type Urgent interface {
	// Urgent returns the blocks that are needed most right now; none when there is no hurry.
	Urgent() []chunk.Block
}
