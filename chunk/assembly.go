package chunk

import "github.com/wimcast/wimcast/internal/vfs"

// AssemblyConfig sets an Assembly's limits. The zero value is the default.
type AssemblyConfig struct {
	Replace    bool // Finish may replace a file that has the final name
	MaxPending int  // as in StoreConfig
}

// Assembly is an output file that is put together from chunks as they come, and serves as the store of those it has. Until
// Finish it has the name .NAME.partial beside the final one; .NAME.journal says which chunks are durable, so that
// OpenAssembly with the same refs goes on after a crash. It is safe for concurrent use.
type Assembly struct{}

// OpenAssembly begins, or goes on with, the file path made of refs. The folder must exist. What an earlier run left is verified
// chunk by chunk. The error is fs.ErrExist if path is there already (unless Replace), vfs.ErrLocked if another
// process is writing it.
func OpenAssembly(fsys vfs.FS, path string, refs []Ref, cfg AssemblyConfig) (*Assembly, error) {
	return nil, nil
}

// Put accepts a chunk, which is written at every position it has in the content. As Store.Put. A chunk that is
// not in the content is an error.
func (a *Assembly) Put(id ID, data []byte) error { return nil }

// Sync makes every chunk accepted before the call durable. As Store.Sync.
func (a *Assembly) Sync() error { return nil }

// Has reports whether the chunk is held: durable and not known to be damaged.
func (a *Assembly) Has(id ID) bool { return false }

// Get returns the verified bytes of a held chunk, also after Finish. As Store.Get.
func (a *Assembly) Get(id ID, buf []byte) ([]byte, error) { return nil, nil }

// Missing returns how many chunks, each counted once, are not held yet.
func (a *Assembly) Missing() int { return 0 }

// Finish syncs, gives the complete file its final name and removes the journal. It fails if a chunk is missing.
func (a *Assembly) Finish() error { return nil }

// Close lets go of the file. Before Finish, what is durable stays for the next OpenAssembly.
func (a *Assembly) Close() error { return nil }

// Discard closes and removes what was written, for a get that will not be taken up again. It fails after Finish.
func (a *Assembly) Discard() error { return nil }
