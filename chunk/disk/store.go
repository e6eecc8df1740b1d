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

// StoreConfig sets a Store's limits. The zero value is the default.
type StoreConfig struct {
	PackSize   int64 // a pack is closed when it is this long, in bytes; default 256 MiB, at most 2 GiB
	MaxChunks  int   // default 4 Mi (512 GiB at the average size)
	MaxPending int   // bytes put and not durable, beyond which Put syncs by itself; default 16 MiB, MaxSize to 1 GiB
}

// Limits of a StoreConfig.
const (
	defaultPackSize   = 256 << 20
	defaultMaxChunks  = 4 << 20
	defaultMaxPending = 16 << 20
	limitMaxPending   = 1 << 30
)

func (c *StoreConfig) validate() error {
	c.PackSize = cmp.Or(c.PackSize, defaultPackSize)
	c.MaxChunks = cmp.Or(c.MaxChunks, defaultMaxChunks)
	c.MaxPending = cmp.Or(c.MaxPending, defaultMaxPending)
	switch {
	case c.PackSize < 0 || c.PackSize > maxPackSize:
		return fmt.Errorf("pack size of %d bytes: want 1 to %d", c.PackSize, int64(maxPackSize))
	case c.MaxChunks < 0:
		return fmt.Errorf("at most %d chunks: want 1 or more", c.MaxChunks)
	}
	return checkPending(c.MaxPending)
}

func checkPending(n int) error {
	if n < chunk.MaxSize || n > limitMaxPending {
		return fmt.Errorf("at most %d bytes pending: want %d to %d", n, chunk.MaxSize, limitMaxPending)
	}
	return nil
}

// Store keeps chunks in append-only pack files of one folder. It is safe for concurrent use.
type Store struct {
	fs    vfs.FS
	dir   string
	cfg   StoreConfig
	lock  io.Closer
	files *packFiles
	group *group
	gcMu  sync.Mutex // one GC or Close at a time

	// Used only with group.commitMu held.
	cur      vfs.File // the pack that is written to; nil: the next commit begins one
	curNum   uint32
	curNamed bool  // its name is durable
	curEnd   int64 // all before is durable
	nextPack uint32
	index    vfs.File
	indexEnd int64 // all before is durable
	records  int   // in the index file
	released bool  // the folder was given up

	mu      sync.RWMutex
	closed  bool
	held    map[chunk.ID]loc
	bytes   int64            // of held chunks
	packs   map[uint32]int64 // size of each
	hollow  map[uint32]int64 // of that, what takes no room: it was made holes
	damaged []record         // to be written to the index

	touchMu sync.Mutex
	touched map[chunk.ID]bool // while a GC runs: chunks that someone counts on
}

var (
	_ chunk.Store = (*Store)(nil)
	_ chunk.Store = (*Assembly)(nil)
)

// OpenStore opens the store in folder dir of fsys, and creates it if need be. The error is vfs.ErrLocked if it is open elsewhere.
func OpenStore(fsys vfs.FS, dir string, cfg StoreConfig) (*Store, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("open chunk store %s: %w", dir, err)
	}
	s := &Store{
		fs: fsys, dir: dir, cfg: cfg,
		files:  &packFiles{fs: fsys, dir: dir, open: map[uint32]*packFile{}},
		held:   map[chunk.ID]loc{},
		packs:  map[uint32]int64{},
		hollow: map[uint32]int64{},
	}
	s.group = newGroup(cfg.MaxPending, s.commit)
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("open chunk store %s: %w", dir, errors.Join(err, s.release()))
	}
	return s, nil
}

// release closes all files and gives up the lock.
func (s *Store) release() error {
	s.files.closeAll()
	var errs []error
	for _, f := range []vfs.File{s.cur, s.index} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// String names the folder.
func (s *Store) String() string { return "store " + s.dir }

// Put accepts a chunk: data is checked against id and copied. It is durable, and held, when a Sync that began after Put
// returns nil. A chunk that is held or pending already is accepted and costs nothing.
func (s *Store) Put(ctx context.Context, id chunk.ID, data []byte) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("put chunk %v: store %s: %w", id, s.dir, err)
	}
	pending, _ := s.group.pending()
	s.mu.RLock()
	_, held := s.held[id]
	full := len(s.held)+pending >= s.cfg.MaxChunks
	closed := s.closed
	if held {
		s.touch(id)
	}
	s.mu.RUnlock()
	switch {
	case closed:
		return fmt.Errorf("put chunk %v: store %s: %w", id, s.dir, fs.ErrClosed)
	case held:
		return nil
	case full && !s.group.has(id):
		return fmt.Errorf("put chunk %v: store %s: %w: it has %d chunks; remove contents and run gc", id, s.dir, chunk.ErrFull, s.cfg.MaxChunks)
	}
	return s.group.put(id, data)
}

// Sync makes every chunk accepted before the call durable. Concurrent calls share one commit. After an error the chunks stay
// pending and the next Sync tries again: free space, then call it again.
func (s *Store) Sync() error { return s.group.sync() }

// Has reports whether the chunk is held: durable and not known to be damaged.
func (s *Store) Has(id chunk.ID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, held := s.held[id]
	if held {
		s.touch(id)
	}
	return held
}

// touch protects a chunk from a GC that runs. s.mu is held.
func (s *Store) touch(id chunk.ID) {
	s.touchMu.Lock()
	defer s.touchMu.Unlock()
	if s.touched != nil {
		s.touched[id] = true
	}
}

// Get returns the verified bytes of a held chunk, in buf if its capacity suffices. ErrNotHeld, *DamagedError.
func (s *Store) Get(ctx context.Context, id chunk.ID, buf []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read chunk %v: store %s: %w", id, s.dir, err)
	}
	s.mu.RLock()
	l, held := s.held[id]
	if !held {
		s.mu.RUnlock()
		return nil, fmt.Errorf("read chunk %v: store %s: %w", id, s.dir, chunk.ErrNotHeld)
	}
	f, err := s.files.acquire(l.pack) // before a GC can remove it
	s.mu.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("read chunk %v: %w", id, err)
	}
	defer s.files.release(f)
	data, err := s.files.read(f, id, l, buf)
	if _, bad := errors.AsType[*chunk.DamagedError](err); bad {
		s.setAside(id, l)
	}
	return data, err
}

// setAside makes a damaged chunk one that is not held. The index is told with the next commit; if that never comes, the
// damage is found again.
func (s *Store) setAside(id chunk.ID, l loc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[id] == l {
		s.drop(id, l)
		s.damaged = append(s.damaged, record{recordDamaged, id, l})
	}
}

// drop takes a chunk out of the map. s.mu is held.
func (s *Store) drop(id chunk.ID, l loc) {
	delete(s.held, id)
	s.bytes -= int64(l.size)
}

// publish puts a durable chunk into the map. s.mu is held.
func (s *Store) publish(id chunk.ID, l loc) {
	if old, ok := s.held[id]; ok {
		s.drop(id, old)
	}
	s.held[id] = l
	s.bytes += int64(l.size)
}

// Stats is a Store's size.
type Stats struct {
	Chunks  int   // held
	Bytes   int64 // of held chunks
	Packs   int
	Disk    int64 // bytes of pack files
	Pending int   // bytes accepted and not durable
}

// Stats returns the store's size now.
func (s *Store) Stats() Stats {
	_, pending := s.group.pending()
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := Stats{Chunks: len(s.held), Bytes: s.bytes, Packs: len(s.packs), Pending: pending}
	for n, size := range s.packs {
		st.Disk += size - s.hollow[n]
	}
	return st
}

// Close syncs and gives up the folder. Later calls fail.
func (s *Store) Close() error {
	s.gcMu.Lock()
	defer s.gcMu.Unlock()
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	if was {
		return nil
	}
	err := s.group.sync()
	s.group.commitMu.Lock()
	defer s.group.commitMu.Unlock()
	if err == nil {
		err = s.appendIndex(nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released = true
	clear(s.held)
	s.bytes = 0
	if err = errors.Join(err, s.release()); err != nil {
		return fmt.Errorf("close chunk store %s: %w", s.dir, err)
	}
	return nil
}

// commit makes chunks durable in the order that makes the store safe: pack, sync, index, sync, and only then the map.
func (s *Store) commit(items []item) error {
	var fresh []item
	s.mu.RLock()
	for _, it := range items {
		if _, held := s.held[it.id]; !held {
			fresh = append(fresh, it)
		}
	}
	s.mu.RUnlock()
	if s.released {
		return fmt.Errorf("sync chunk store %s: %w", s.dir, fs.ErrClosed)
	}
	if err := s.store(fresh); err != nil {
		return fmt.Errorf("sync chunk store %s: %w", s.dir, err)
	}
	return nil
}

// store writes chunks, whether they are held already or not, and publishes them at their new places.
func (s *Store) store(items []item) error {
	records, err := s.appendPack(items)
	if err != nil {
		return err
	}
	if err := s.appendIndex(records); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		s.publish(r.id, r.loc)
	}
	return nil
}

// appendPack writes items to the current pack and syncs it. If that fails the pack's end stays: the next try writes over it, which
// also makes the system write again what a failed sync may have lost. If it succeeds the bytes stay for good, so that any record of
// them that gets to the disk is true.
func (s *Store) appendPack(items []item) ([]record, error) {
	if len(items) == 0 {
		return nil, nil
	}
	if s.cur == nil || s.curEnd >= s.cfg.PackSize {
		if err := s.newPack(); err != nil {
			return nil, err
		}
	}
	records := make([]record, 0, len(items))
	end := s.curEnd
	for _, it := range items {
		if _, err := s.cur.WriteAt(it.data, end); err != nil {
			return nil, err
		}
		records = append(records, record{recordHeld, it.id, loc{s.curNum, uint32(len(it.data)), end}})
		end += int64(len(it.data))
	}
	if err := s.cur.Sync(); err != nil {
		return nil, err
	}
	if !s.curNamed {
		if err := s.fs.SyncDir(s.dir); err != nil {
			return nil, err
		}
		s.curNamed = true
	}
	s.curEnd = end
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packs[s.curNum] = end
	return records, nil
}

// newPack begins a pack. What cannot be begun is removed again, if possible; OpenStore removes what is left.
func (s *Store) newPack() error {
	if s.cur != nil {
		err := s.cur.Close()
		s.cur = nil
		if err != nil {
			return err
		}
	}
	name := path.Join(s.dir, packName(s.nextPack))
	file, err := s.fs.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	s.nextPack++
	if _, err := file.WriteAt([]byte(packMagic), 0); err != nil {
		return errors.Join(err, file.Close(), s.fs.Remove(name))
	}
	s.cur, s.curNum, s.curNamed, s.curEnd = file, s.nextPack-1, false, packHeader
	return nil
}

// appendIndex writes records, and those of damaged chunks, to the index and syncs it.
func (s *Store) appendIndex(records []record) error {
	s.mu.RLock()
	damaged := len(s.damaged)
	records = append(s.damaged[:damaged:damaged], records...)
	s.mu.RUnlock()
	if len(records) == 0 {
		return nil
	}
	var buf []byte
	for _, r := range records {
		buf = r.append(buf)
	}
	if _, err := s.index.WriteAt(buf, s.indexEnd); err != nil {
		return err
	}
	if err := s.index.Sync(); err != nil {
		return err
	}
	s.indexEnd += int64(len(buf))
	s.records += len(records)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damaged = s.damaged[damaged:]
	return nil
}
