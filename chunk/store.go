package chunk

import (
	"context"

	"github.com/wimcast/wimcast/internal/vfs"
)

// StoreConfig sets a Store's limits. The zero value is the default.
type StoreConfig struct {
	PackSize   int64 // a pack is closed when it is this long, in bytes; default 256 MiB, at most 2 GiB
	MaxChunks  int   // default 4 Mi (512 GiB at the average size)
	MaxPending int   // bytes put and not durable, beyond which Put syncs by itself; default 16 MiB, at least MaxSize
}

// Store keeps chunks in append-only pack files of one folder. It is safe for concurrent use.
type Store struct{}

// OpenStore opens the store in folder dir of fsys, and creates it if need be. The error is vfs.ErrLocked if it is open elsewhere.
func OpenStore(fsys vfs.FS, dir string, cfg StoreConfig) (*Store, error) { return nil, nil }

// Put accepts a chunk: data is checked against id and copied. It is durable, and held, when a Sync that began after Put
// returns nil. A chunk that is held or pending already is accepted and costs nothing.
func (s *Store) Put(id ID, data []byte) error { return nil }

// Sync makes every chunk accepted before the call durable. Concurrent calls share one commit. After an error the chunks stay
// pending and the next Sync tries again: free space, then call it again.
func (s *Store) Sync() error { return nil }

// Has reports whether the chunk is held: durable and not known to be damaged.
func (s *Store) Has(id ID) bool { return false }

// Get returns the verified bytes of a held chunk, in buf if its capacity suffices. ErrNotHeld, *DamagedError.
func (s *Store) Get(id ID, buf []byte) ([]byte, error) { return nil, nil }

// GCStats says what a GC did.
type GCStats struct {
	Packs       int   // packs rewritten or removed
	Chunks      int   // chunks removed
	BytesBefore int64 // size of all packs
	BytesAfter  int64
	Damaged     int // live chunks found damaged, and not held any more
}

// GC frees the space of chunks for which live says false. Chunks put, or said to be held by Has, while it runs are kept. A pack is
// rewritten when at least a quarter of it is dead; dead chunks in other packs stay held. Puts and Gets go on meanwhile.
// live must say true for chunks of contents that are being published or received right now.
func (s *Store) GC(ctx context.Context, live func(ID) bool) (GCStats, error) { return GCStats{}, nil }

// Stats is a Store's size.
type Stats struct {
	Chunks  int   // held
	Bytes   int64 // of held chunks
	Packs   int
	Disk    int64 // bytes of pack files
	Pending int   // bytes accepted and not durable
}

// Stats returns the store's size now.
func (s *Store) Stats() Stats { return Stats{} }

// Scrub reads and verifies every held chunk and calls bad for each damaged one, which is no longer held then.
func (s *Store) Scrub(ctx context.Context, bad func(*DamagedError)) error { return nil }

// Close syncs and gives up the folder.
func (s *Store) Close() error { return nil }
