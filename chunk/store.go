package chunk

import "context"

// Getter is where chunks are read from.
type Getter interface {
	// Get returns the verified bytes of a held chunk, in buf if its capacity suffices. It may take long, and gives up when ctx
	// ends. Other errors are ErrNotHeld, *DamagedError, or say what failed.
	Get(ctx context.Context, id ID, buf []byte) ([]byte, error)
}

// Store keeps chunks: on this machine's disk (disk.Store, disk.Assembly), or anywhere else. It is safe for concurrent use.
type Store interface {
	Getter
	// Has reports whether the chunk is held: durable and not known to be damaged. It does not wait.
	Has(id ID) bool
	// Put accepts a chunk: data is checked against id and copied. It is durable, and held, when a Sync that began after Put
	// returns nil. A chunk that is held or accepted already costs nothing.
	Put(ctx context.Context, id ID, data []byte) error
	// Sync makes every chunk accepted before the call durable. After an error they stay accepted, and the next Sync tries again.
	Sync() error
	// String says what keeps them and where, for errors and logs.
	String() string
}
