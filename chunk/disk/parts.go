package disk

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

// Output is what chunks are written to, at their places: a file, or a block device.
type Output interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Close() error
}

// Zeroer is an Output that can make a range zeros in a better way than by writing them.
type Zeroer interface {
	Zero(off, size int64) error
}

// Sparse is an Output that can have holes, which read as zeros.
type Sparse interface {
	// NextData returns the next range from off on that is not a hole, of an output of that size; start is size when there is none.
	NextData(off, size int64) (start, end int64, err error)
}

// Forgetful is an Output that the system keeps in memory what was read of, unless it is told otherwise.
type Forgetful interface {
	// Forget says that a range will not be read again. It changes no bytes.
	Forget(off, size int64) error
}

// parts are the chunks of one content at their places in an output, with a journal that says which of them are durable. It is
// what an Assembly and an Overlay have in common.
type parts struct {
	path  string // of the output, for messages
	refs  []chunk.Ref
	offs  []int64
	where map[chunk.ID][]int // positions of each chunk in refs, ascending
	group *group
	lock  io.Closer

	// Used only with group.commitMu held.
	log     vfs.File
	logEnd  int64
	zeros   bool // places that were not written read as zeros, and need not be written to become so
	resumed bool // but what an earlier run wrote and did not list may be there, or what a crash made of it

	damaged atomic.Bool // something was found that was not written here, so zeros are written too

	mu   sync.RWMutex
	file Output // nil after Close
	name string // that the output has now
	held map[chunk.ID]bool
}

// init takes the content's list, which it keeps.
func (a *parts) init(path string, refs []chunk.Ref, maxPending int) error {
	a.path, a.name, a.refs = path, path, refs
	a.where, a.held = map[chunk.ID][]int{}, map[chunk.ID]bool{}
	limit := cmp.Or(maxPending, defaultMaxPending)
	a.group = newGroup(limit, a.commit)
	err := checkPending(limit)
	if err == nil {
		a.offs, err = chunk.Offsets(refs)
	}
	for i, r := range refs {
		if first := a.where[r.ID]; len(first) > 0 && refs[first[0]].Size != r.Size {
			err = cmp.Or(err, fmt.Errorf("chunk %v has two sizes", r.ID))
		}
		a.where[r.ID] = append(a.where[r.ID], i)
	}
	return err
}

// size is the content's in bytes.
func (a *parts) size() int64 { return a.offs[len(a.refs)] }

// Put accepts a chunk, which is written at every position it has in the content. As Store.Put. A chunk that is
// not in the content is an error.
func (a *parts) Put(ctx context.Context, id chunk.ID, data []byte) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("put chunk %v: output file %s: %w", id, a.path, err)
	}
	if at := a.where[id]; len(at) == 0 || a.refs[at[0]].Size != uint32(len(data)) {
		return fmt.Errorf("put chunk %v: output file %s has no such chunk of %d bytes: %w", id, a.path, len(data), chunk.ErrMismatch)
	}
	a.mu.RLock()
	held, closed := a.held[id], a.file == nil
	a.mu.RUnlock()
	switch {
	case held:
		return nil
	case closed:
		return fmt.Errorf("put chunk %v: output file %s: %w", id, a.path, fs.ErrClosed)
	}
	return a.group.put(id, data)
}

// Sync makes every chunk accepted before the call durable. As Store.Sync.
func (a *parts) Sync() error { return a.group.sync() }

// commit writes chunks at all their positions, syncs, then does the same for the journal, and only then counts them as held.
func (a *parts) commit(items []item) error {
	a.mu.RLock()
	file := a.file
	a.mu.RUnlock()
	if file == nil || a.log == nil {
		return fmt.Errorf("sync output file %s: %w", a.path, fs.ErrClosed)
	}
	var entries []byte
	for _, it := range items {
		if err := a.write(file, it); err != nil {
			return fmt.Errorf("sync output file: %w", err)
		}
		entries = journalEntry(entries, a.where[it.id][0])
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("sync output file: %w", err)
	}
	if _, err := a.log.WriteAt(entries, a.logEnd); err != nil {
		return fmt.Errorf("sync journal of output file: %w", err)
	}
	if err := a.log.Sync(); err != nil {
		return fmt.Errorf("sync journal of output file: %w", err)
	}
	a.logEnd += int64(len(entries))
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, it := range items {
		a.held[it.id] = true
	}
	return nil
}

// zeroBytes is compared with what may be zeros.
var zeroBytes [chunk.MaxSize]byte

func isZeros(b []byte) bool { return bytes.Equal(b, zeroBytes[:len(b)]) }

// write puts a chunk at all its positions. Where the output reads as zeros already, zeros in it stay holes.
func (a *parts) write(file Output, it item) error {
	zeros := a.zeros && !a.damaged.Load()
	if z, ok := file.(Zeroer); ok && !zeros && isZeros(it.data) {
		return a.zero(z, it.id)
	}
	if zeros && !a.resumed && isZeros(it.data) {
		return nil
	}
	for _, i := range a.where[it.id] {
		var err error
		blank := zeros
		if blank && a.resumed {
			if blank, err = isBlank(file, a.offs[i], len(it.data)); err != nil {
				return err
			}
		}
		if blank {
			err = vfs.WriteAround(file, it.data, a.offs[i])
		} else {
			_, err = file.WriteAt(it.data, a.offs[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isBlank reports whether so many bytes of an output read as zeros.
func isBlank(file Output, off int64, n int) (bool, error) {
	b := make([]byte, n)
	if n, err := file.ReadAt(b, off); n < len(b) {
		return false, err
	}
	return isZeros(b), nil
}

// zero has the positions of a chunk of zeros made such, those that adjoin in one call.
func (a *parts) zero(z Zeroer, id chunk.ID) error {
	at := a.where[id]
	for len(at) > 0 {
		n := 1
		for n < len(at) && at[n] == at[n-1]+1 {
			n++
		}
		if err := z.Zero(a.offs[at[0]], a.offs[at[n-1]+1]-a.offs[at[0]]); err != nil {
			return err
		}
		at = at[n:]
	}
	return nil
}

// beginLog writes the journal's head. What comes before it, that the output can be written to, is durable by then.
func (a *parts) beginLog() error {
	if _, err := a.log.WriteAt(journalHeader(a.refs), 0); err != nil {
		return err
	}
	a.logEnd = journalHead
	return a.log.Sync()
}

// resume verifies the chunks that an earlier run listed. What a killed process wrote and did not sync is there to read but not
// durable yet, so the output must have been synced, and the journal is, before any of it counts.
func (a *parts) resume(listed []int) error {
	a.resumed = true
	if err := a.log.Sync(); err != nil {
		return err
	}
	for _, first := range listed {
		id := a.refs[first].ID
		good, err := a.verify(id)
		if err != nil {
			return err
		}
		if good {
			a.held[id] = true
		} else {
			a.zeros = false // somebody else writes there
		}
	}
	return nil
}

// verify reads a chunk at every position it has.
func (a *parts) verify(id chunk.ID) (good bool, err error) {
	buf := make([]byte, a.refs[a.where[id][0]].Size)
	for _, i := range a.where[id] {
		_, err := readChunk(a.file, a.name, a.refs[i], a.offs[i], buf)
		if _, bad := errors.AsType[*chunk.DamagedError](err); bad {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// Has reports whether the chunk is held: durable and not known to be damaged.
func (a *parts) Has(id chunk.ID) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.held[id]
}

// Get returns the verified bytes of a held chunk, also after Finish. As Store.Get.
func (a *parts) Get(ctx context.Context, id chunk.ID, buf []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read chunk %v: output file %s: %w", id, a.path, err)
	}
	data, err := a.read(id, buf)
	if _, bad := errors.AsType[*chunk.DamagedError](err); bad {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.held, id)
		a.damaged.Store(true)
	}
	return data, err
}

func (a *parts) read(id chunk.ID, buf []byte) ([]byte, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if !a.held[id] || a.file == nil {
		return nil, fmt.Errorf("read chunk %v: output file %s: %w", id, a.path, chunk.ErrNotHeld)
	}
	i := a.where[id][0]
	return readChunk(a.file, a.name, a.refs[i], a.offs[i], buf)
}

// Missing returns how many chunks, each counted once, are not held yet.
func (a *parts) Missing() int {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return len(a.where) - len(a.held)
}

// String says what keeps the chunks.
func (a *parts) String() string { return "output file " + a.path }

// complete syncs, and fails with ErrIncomplete if a chunk is missing.
func (a *parts) complete() error {
	if err := a.Sync(); err != nil {
		return err
	}
	if n := a.Missing(); n > 0 {
		return fmt.Errorf("%w: %d of %d chunks are missing", chunk.ErrIncomplete, n, len(a.where))
	}
	return nil
}

// releaseLog closes the journal and gives up the lock.
func (a *parts) releaseLog() error {
	var errs []error
	if a.log != nil {
		errs = append(errs, a.log.Close())
		a.log = nil
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Close())
		a.lock = nil
	}
	return errors.Join(errs...)
}

// release closes everything.
func (a *parts) release() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.releaseLog()
	if a.file != nil {
		err = errors.Join(err, a.file.Close())
		a.file = nil
	}
	return err
}

// Close lets go of the output. Before Finish, what is durable stays for the next time it is opened.
func (a *parts) Close() error {
	a.group.commitMu.Lock()
	defer a.group.commitMu.Unlock()
	if err := a.release(); err != nil {
		return fmt.Errorf("close output file %s: %w", a.path, err)
	}
	return nil
}
