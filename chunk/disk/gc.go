package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/wimcast/wimcast/chunk"
)

// GCStats says what a GC did.
type GCStats struct {
	Packs       int   // packs rewritten or removed
	Chunks      int   // chunks removed
	BytesBefore int64 // size of all packs
	BytesAfter  int64 // and of what is left of them
	Punched     int64 // bytes of packs that were made holes, because there was no room to write those packs anew
	Damaged     int   // live chunks found damaged, and not held any more
}

// deadShare is the share of a pack that must be dead for it to be rewritten: one in so many bytes.
const deadShare = 4

// victim is a pack to be rewritten.
type victim struct {
	pack uint32
	live int64
	ids  []chunk.ID // all its chunks
}

// GC frees the space of chunks for which live says false. Chunks put, or said to be held by Has, while it runs are kept. A pack is
// rewritten when at least a quarter of it is dead; dead chunks in other packs stay held, but for those at their ends. Puts and Gets go on
// meanwhile, but a Sync may wait for one pack to be copied. What needs no room comes first: packs that are dead as a whole, and the
// ends of packs; where there is none to copy a pack, its dead chunks become holes, if the file system has them.
// live must say true for chunks of contents that are being published or received right now.
func (s *Store) GC(ctx context.Context, live func(chunk.ID) bool) (GCStats, error) {
	s.gcMu.Lock()
	defer s.gcMu.Unlock()
	s.setTouched(map[chunk.ID]bool{})
	defer s.setTouched(nil)
	st := GCStats{BytesBefore: s.Stats().Disk}
	err := s.collect(ctx, live, &st)
	st.BytesAfter = s.Stats().Disk
	if err != nil {
		return st, fmt.Errorf("collect garbage of chunk store %s: %w", s.dir, err)
	}
	return st, nil
}

func (s *Store) setTouched(m map[chunk.ID]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touchMu.Lock()
	defer s.touchMu.Unlock()
	s.touched = m
}

// heldIDs returns all held chunks now.
func (s *Store) heldIDs() ([]chunk.ID, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, fs.ErrClosed
	}
	ids := make([]chunk.ID, 0, len(s.held))
	for id := range s.held {
		ids = append(ids, id)
	}
	return ids, nil
}

func (s *Store) collect(ctx context.Context, live func(chunk.ID) bool, st *GCStats) error {
	ids, err := s.heldIDs()
	if err != nil {
		return err
	}
	dead := map[chunk.ID]bool{}
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !live(id) {
			dead[id] = true
		}
	}
	if err := s.trim(dead, st); err != nil {
		return err
	}
	victims, err := s.victims(dead)
	if err != nil {
		return err
	}
	for i, v := range victims { // the first are dead as a whole
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.evacuate(v, dead, st)
		if full(err) {
			if s.punch(victims[i:], dead, st) == nil {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
	s.group.commitMu.Lock()
	defer s.group.commitMu.Unlock()
	s.mu.RLock()
	defer s.mu.RUnlock() // the map stays as it is while it is written out
	if s.records > 2*len(s.held)+slackRecords {
		return s.compact()
	}
	return nil
}

// victims chooses the packs to rewrite, those with the least to copy first. If the current pack is among them it is closed.
func (s *Store) victims(dead map[chunk.ID]bool) ([]victim, error) {
	s.group.commitMu.Lock()
	defer s.group.commitMu.Unlock()
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := map[uint32]*victim{}
	for n := range s.packs {
		all[n] = &victim{pack: n}
	}
	for id, l := range s.held {
		v := all[l.pack]
		v.ids = append(v.ids, id)
		if !dead[id] {
			v.live += int64(l.size)
		}
	}
	var out []victim
	for n, v := range all {
		full := s.packs[n] - packHeader
		if (full-v.live)*deadShare < full && v.live > 0 {
			continue
		}
		if s.cur != nil && s.curNum == n {
			err := s.cur.Close()
			s.cur = nil
			if err != nil {
				return nil, err
			}
		}
		out = append(out, *v)
	}
	slices.SortFunc(out, func(a, b victim) int {
		return cmp.Or(cmp.Compare(a.live, b.live), cmp.Compare(a.pack, b.pack))
	})
	return out, nil
}

// evacuate copies what must be kept of a pack into others, makes that durable, and removes the pack.
func (s *Store) evacuate(v victim, dead map[chunk.ID]bool, st *GCStats) error {
	s.group.commitMu.Lock()
	defer s.group.commitMu.Unlock()
	for {
		keep, done := s.condemn(v, dead, st)
		if done {
			break
		}
		if err := s.move(v.pack, keep, st); err != nil {
			return err
		}
	}
	s.files.forget(v.pack)
	st.Packs++
	if err := s.fs.Remove(path.Join(s.dir, packName(v.pack))); err != nil {
		return err
	}
	return s.fs.SyncDir(s.dir)
}

// condemn drops the pack and the chunks still in it if all of them are dead and nobody came to count on one. Otherwise it
// returns those that must be moved first.
func (s *Store) condemn(v victim, dead map[chunk.ID]bool, st *GCStats) (keep []chunk.ID, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touchMu.Lock()
	defer s.touchMu.Unlock()
	var drop []chunk.ID
	for _, id := range v.ids {
		l, held := s.held[id]
		switch {
		case !held || l.pack != v.pack:
		case dead[id] && !s.touched[id]:
			drop = append(drop, id)
		default:
			keep = append(keep, id)
		}
	}
	if len(keep) > 0 {
		return keep, false
	}
	for _, id := range drop {
		s.drop(id, s.held[id])
	}
	st.Chunks += len(drop)
	delete(s.packs, v.pack)
	delete(s.hollow, v.pack)
	return nil, true
}

// move copies chunks of a pack into the current one and publishes them there.
func (s *Store) move(pack uint32, ids []chunk.ID, st *GCStats) error {
	f, err := s.files.acquire(pack)
	if err != nil {
		return err
	}
	defer s.files.release(f)
	var batch []item
	size := 0
	for _, id := range ids {
		s.mu.RLock()
		l, held := s.held[id]
		s.mu.RUnlock()
		if !held || l.pack != pack {
			continue // set aside meanwhile
		}
		data, err := s.files.read(f, id, l, nil)
		if _, bad := errors.AsType[*chunk.DamagedError](err); bad {
			s.setAside(id, l)
			st.Damaged++
			continue
		}
		if err != nil {
			return err
		}
		batch = append(batch, item{id, data})
		if size += len(data); size >= s.cfg.MaxPending {
			if err := s.store(batch); err != nil {
				return err
			}
			batch, size = nil, 0
		}
	}
	return s.store(batch)
}

// Scrub reads and verifies every held chunk and calls bad for each damaged one, which is no longer held then.
func (s *Store) Scrub(ctx context.Context, bad func(*chunk.DamagedError)) error {
	ids, err := s.heldIDs()
	if err != nil {
		return fmt.Errorf("scrub chunk store %s: %w", s.dir, err)
	}
	buf := make([]byte, chunk.MaxSize)
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := s.Get(ctx, id, buf)
		if damaged, ok := errors.AsType[*chunk.DamagedError](err); ok {
			bad(damaged)
		} else if err != nil && !errors.Is(err, chunk.ErrNotHeld) { // a GC may have taken it
			return fmt.Errorf("scrub chunk store %s: %w", s.dir, err)
		}
	}
	return nil
}
