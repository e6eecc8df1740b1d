package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

// AssemblyConfig sets an Assembly's limits. The zero value is the default.
type AssemblyConfig struct {
	Replace    bool // Finish may replace a file that has the final name
	MaxPending int  // as in StoreConfig
}

// Assembly is an output file that is put together from chunks as they come, and serves as the store of those it has. Until
// Finish it has the name .NAME.partial beside the final one; .NAME.journal says which chunks are durable, so that
// OpenAssembly with the same refs goes on after a crash. It is safe for concurrent use.
type Assembly struct {
	fs      vfs.FS
	path    string // final
	partial string
	journal string
	replace bool
	refs    []chunk.Ref
	offs    []int64
	where   map[chunk.ID][]int // positions of each chunk in refs, ascending
	group   *group
	lock    io.Closer

	// Used only with group.commitMu held.
	log    vfs.File
	logEnd int64

	mu      sync.RWMutex
	file    vfs.File // nil after Close
	renamed bool     // it has its final name
	held    map[chunk.ID]bool
}

// OpenAssembly begins, or goes on with, the file path made of refs, which it keeps. The folder must exist. What an earlier run
// left is verified chunk by chunk. The error is fs.ErrExist if path is there already (unless Replace), vfs.ErrLocked if another
// process is writing it.
func OpenAssembly(fsys vfs.FS, name string, refs []chunk.Ref, cfg AssemblyConfig) (*Assembly, error) {
	dir, base := path.Split(name)
	a := &Assembly{
		fs: fsys, path: name, replace: cfg.Replace, refs: refs,
		partial: dir + "." + base + ".partial", journal: dir + "." + base + ".journal",
		where: map[chunk.ID][]int{}, held: map[chunk.ID]bool{},
	}
	limit := cmp.Or(cfg.MaxPending, defaultMaxPending)
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
	if err == nil {
		err = a.open()
	}
	if err != nil {
		return nil, fmt.Errorf("open output file %s: %w", name, errors.Join(err, a.release()))
	}
	return a, nil
}

func (a *Assembly) open() (err error) {
	left, err := a.wasFinished()
	if err == nil && !left {
		err = a.vacant() // before anything is created
	}
	if err != nil {
		return err
	}
	if a.lock, err = a.fs.Lock(a.journal); err != nil {
		return err
	}
	if a.log, err = a.fs.OpenFile(a.journal, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return err
	}
	var listed []int
	ours, end, err := scanJournal(a.log, a.refs, func(i int) { listed = append(listed, i) })
	if err != nil {
		return err
	}
	if left, err = a.wasFinished(); err != nil {
		return err
	}
	if ours && left {
		if done, err := a.openFinished(); done || err != nil {
			return err
		}
	}
	if err := a.vacant(); err != nil {
		return err
	}
	if a.file, err = a.fs.OpenFile(a.partial, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return err
	}
	if !ours {
		return a.begin()
	}
	a.logEnd = end
	return a.resume(listed)
}

// vacant fails if there is a file with the final name that must not be replaced.
func (a *Assembly) vacant() error {
	if a.replace {
		return nil
	}
	there, err := a.exists(a.path)
	if there {
		return &fs.PathError{Op: "create", Path: a.path, Err: fs.ErrExist}
	}
	return err
}

func (a *Assembly) exists(name string) (bool, error) {
	_, err := a.fs.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// wasFinished reports whether an earlier run got as far as the final name and no further: the journal is there, the
// partial file is not.
func (a *Assembly) wasFinished() (bool, error) {
	final, err := a.exists(a.path)
	if err != nil || !final {
		return false, err
	}
	partial, err := a.exists(a.partial)
	if err != nil || partial {
		return false, err
	}
	return a.exists(a.journal)
}

// begin starts from nothing. The journal's head comes last, so that a journal that is ours once had its file beside it.
func (a *Assembly) begin() error {
	if err := a.log.Truncate(0); err != nil {
		return err
	}
	if err := a.file.Truncate(0); err != nil {
		return err
	}
	if err := a.resize(); err != nil {
		return err
	}
	if _, err := a.log.WriteAt(journalHeader(a.refs), 0); err != nil {
		return err
	}
	a.logEnd = journalHead
	return a.log.Sync()
}

// resize makes the partial file as long as the content, and its name durable.
func (a *Assembly) resize() error {
	if err := a.file.Truncate(a.offs[len(a.refs)]); err != nil {
		return err
	}
	if err := a.file.Sync(); err != nil {
		return err
	}
	return a.fs.SyncDir(path.Dir(a.path))
}

// resume verifies the chunks an earlier run listed. What a killed process wrote and did not sync is there to read but not
// durable yet, so all is synced before any of it counts.
func (a *Assembly) resume(listed []int) error {
	if err := a.resize(); err != nil {
		return err
	}
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
		}
	}
	return nil
}

// verify reads a chunk at every position it has.
func (a *Assembly) verify(id chunk.ID) (good bool, err error) {
	buf := make([]byte, a.refs[a.where[id][0]].Size)
	for _, i := range a.where[id] {
		_, err := readChunk(a.file, a.name(), a.refs[i], a.offs[i], buf)
		if _, bad := errors.AsType[*chunk.DamagedError](err); bad {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// openFinished takes up a file that got its final name just before a crash, if that is what it is.
func (a *Assembly) openFinished() (done bool, err error) {
	if a.file, err = a.fs.OpenFile(a.path, os.O_RDONLY, 0); err != nil {
		return false, err
	}
	a.renamed = true
	for id := range a.where {
		good, err := a.verify(id)
		if err != nil {
			return false, err
		}
		if !good {
			clear(a.held)
			a.renamed = false
			err := a.file.Close()
			a.file = nil
			return false, err
		}
		a.held[id] = true
	}
	return true, a.finish()
}

// String names the file, by its final name.
func (a *Assembly) String() string { return "output file " + a.path }

// Put accepts a chunk, which is written at every position it has in the content. As Store.Put. A chunk that is
// not in the content is an error.
func (a *Assembly) Put(ctx context.Context, id chunk.ID, data []byte) error {
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
func (a *Assembly) Sync() error { return a.group.sync() }

// commit writes chunks at all their positions, syncs, then does the same for the journal, and only then counts them as held.
func (a *Assembly) commit(items []item) error {
	a.mu.RLock()
	file := a.file
	a.mu.RUnlock()
	if file == nil || a.log == nil {
		return fmt.Errorf("sync output file %s: %w", a.path, fs.ErrClosed)
	}
	var entries []byte
	for _, it := range items {
		for _, i := range a.where[it.id] {
			if _, err := file.WriteAt(it.data, a.offs[i]); err != nil {
				return fmt.Errorf("sync output file: %w", err)
			}
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

// Has reports whether the chunk is held: durable and not known to be damaged.
func (a *Assembly) Has(id chunk.ID) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.held[id]
}

// Get returns the verified bytes of a held chunk, also after Finish. As Store.Get.
func (a *Assembly) Get(ctx context.Context, id chunk.ID, buf []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read chunk %v: output file %s: %w", id, a.path, err)
	}
	data, err := a.read(id, buf)
	if _, bad := errors.AsType[*chunk.DamagedError](err); bad {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.held, id)
	}
	return data, err
}

func (a *Assembly) read(id chunk.ID, buf []byte) ([]byte, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if !a.held[id] || a.file == nil {
		return nil, fmt.Errorf("read chunk %v: output file %s: %w", id, a.path, chunk.ErrNotHeld)
	}
	i := a.where[id][0]
	return readChunk(a.file, a.name(), a.refs[i], a.offs[i], buf)
}

// name returns the name the file has now.
func (a *Assembly) name() string {
	if a.renamed {
		return a.path
	}
	return a.partial
}

// Missing returns how many chunks, each counted once, are not held yet.
func (a *Assembly) Missing() int {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return len(a.where) - len(a.held)
}

// Finish syncs, gives the complete file its final name and removes the journal. It fails with ErrIncomplete if a chunk is missing,
// with fs.ErrExist if the name was taken meanwhile. After an error it can be called again.
func (a *Assembly) Finish() error {
	err := a.Sync()
	if n := a.Missing(); err == nil && n > 0 {
		err = fmt.Errorf("%w: %d of %d chunks are missing", chunk.ErrIncomplete, n, len(a.where))
	}
	if err == nil {
		a.group.commitMu.Lock()
		defer a.group.commitMu.Unlock()
		err = a.finish()
	}
	if err != nil {
		return fmt.Errorf("finish output file %s: %w", a.path, err)
	}
	return nil
}

// finish does each step that was not done yet. What it renames is durable: commit saw to it.
func (a *Assembly) finish() error {
	if a.lock == nil {
		return nil
	}
	if !a.renamed {
		if err := a.vacant(); err != nil {
			return err
		}
		if err := a.rename(); err != nil {
			return err
		}
	}
	dir := path.Dir(a.path)
	if err := a.fs.SyncDir(dir); err != nil {
		return err
	}
	if err := a.fs.Remove(a.journal); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := a.fs.SyncDir(dir); err != nil {
		return err
	}
	return a.releaseLog()
}

func (a *Assembly) rename() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.fs.Rename(a.partial, a.path); err != nil {
		return err
	}
	a.renamed = true
	return nil
}

// releaseLog closes the journal and gives up the lock.
func (a *Assembly) releaseLog() error {
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
func (a *Assembly) release() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.releaseLog()
	if a.file != nil {
		err = errors.Join(err, a.file.Close())
		a.file = nil
	}
	return err
}

// Close lets go of the file. Before Finish, what is durable stays for the next OpenAssembly.
func (a *Assembly) Close() error {
	a.group.commitMu.Lock()
	defer a.group.commitMu.Unlock()
	if err := a.release(); err != nil {
		return fmt.Errorf("close output file %s: %w", a.path, err)
	}
	return nil
}

// Discard closes and removes what was written, for a file that is not wanted any more. It fails after Finish.
func (a *Assembly) Discard() error {
	a.group.commitMu.Lock()
	defer a.group.commitMu.Unlock()
	if a.renamed || a.lock == nil {
		return fmt.Errorf("discard output file %s: %w", a.path, fs.ErrClosed)
	}
	err := errors.Join(a.fs.Remove(a.partial), a.fs.Remove(a.journal), a.release())
	if err != nil {
		return fmt.Errorf("discard output file %s: %w", a.path, err)
	}
	return nil
}
