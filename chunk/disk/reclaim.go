package disk

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"slices"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/oserr"
	"github.com/wimcast/wimcast/internal/vfs"
)

// What gives room back without needing any: a full disk must not keep the store from shrinking.

// Discard gives up chunks that were put in vain: those not durable yet are forgotten, and the room of the others is freed as GC does, at the
// end of a pack at once. Nobody may count on them, or put them, meanwhile.
func (s *Store) Discard(ctx context.Context, gone func(chunk.ID) bool) error {
	s.group.drop(gone)
	_, err := s.GC(ctx, func(id chunk.ID) bool { return !gone(id) })
	return err
}

// drop forgets items that were not committed.
func (g *group) drop(gone func(chunk.ID) bool) {
	g.commitMu.Lock()
	defer g.commitMu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.items = slices.DeleteFunc(g.items, func(it item) bool {
		if !gone(it.id) {
			return false
		}
		delete(g.known, it.id)
		g.bytes -= len(it.data)
		return true
	})
}

// trim cuts off what is dead at the end of every pack. A pack that was cut is not written to any more: what the index says of the bytes
// that were there must not come to be said of others.
func (s *Store) trim(dead map[chunk.ID]bool, st *GCStats) error {
	s.group.commitMu.Lock()
	defer s.group.commitMu.Unlock()
	ends, gone := s.tails(dead, st)
	if err := s.unlist(gone); err != nil {
		return err
	}
	for n, end := range ends {
		if s.cur != nil && s.curNum == n {
			err := s.cur.Close()
			s.cur = nil
			if err != nil {
				return err
			}
		}
		if err := s.cut(n, end); err != nil {
			return err
		}
		st.Packs++
	}
	return s.cutLeftover()
}

// tails drops the chunks that are dead at the end of packs which hold live ones, and gives the new ends, and their places. Nobody has come
// to count on them.
func (s *Store) tails(dead map[chunk.ID]bool, st *GCStats) (ends map[uint32]int64, gone map[loc]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touchMu.Lock()
	defer s.touchMu.Unlock()
	ends, gone = map[uint32]int64{}, map[loc]bool{}
	for id, l := range s.held {
		if !dead[id] || s.touched[id] {
			ends[l.pack] = max(ends[l.pack], l.end())
		}
	}
	for n, end := range ends {
		if end == s.packs[n] {
			delete(ends, n)
		} else {
			s.packs[n] = end
		}
	}
	for id, l := range s.held {
		if end, cut := ends[l.pack]; cut && l.off >= end {
			gone[l] = true
			s.drop(id, l)
			st.Chunks++
		}
	}
	return ends, gone
}

// cut makes a pack end at end.
func (s *Store) cut(n uint32, end int64) error {
	f, err := s.fs.OpenFile(path.Join(s.dir, packName(n)), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(end), f.Sync(), f.Close())
}

// cutLeftover cuts off what a commit that failed has left at the end of the current pack. commitMu is held.
func (s *Store) cutLeftover() error {
	if s.cur == nil {
		return nil
	}
	info, err := s.cur.Stat()
	if err != nil || info.Size() <= s.curEnd {
		return err
	}
	return s.cur.Truncate(s.curEnd)
}

// punch makes holes where the dead chunks of packs are that could not be copied, for want of room. First the index is told that nothing is
// there any more, by writing over records that it has: that takes no room either.
func (s *Store) punch(victims []victim, dead map[chunk.ID]bool, st *GCStats) error {
	s.group.commitMu.Lock()
	defer s.group.commitMu.Unlock()
	if err := s.cutLeftover(); err != nil {
		return err
	}
	holes, gone := s.holes(victims, dead, st)
	if err := s.unlist(gone); err != nil {
		return err
	}
	for n, list := range holes {
		if err := s.punchPack(n, list, st); err != nil {
			return err
		}
	}
	return nil
}

// holes drops the dead chunks of packs and gives their places, in order, and all of them. Nobody has come to count on them.
func (s *Store) holes(victims []victim, dead map[chunk.ID]bool, st *GCStats) (holes map[uint32][]loc, gone map[loc]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touchMu.Lock()
	defer s.touchMu.Unlock()
	holes, gone = map[uint32][]loc{}, map[loc]bool{}
	for _, v := range victims {
		for _, id := range v.ids {
			l, held := s.held[id]
			if !held || l.pack != v.pack || !dead[id] || s.touched[id] {
				continue
			}
			s.drop(id, l)
			st.Chunks++
			holes[v.pack], gone[l] = append(holes[v.pack], l), true
		}
		slices.SortFunc(holes[v.pack], func(a, b loc) int { return cmp.Compare(a.off, b.off) })
	}
	return holes, gone
}

// unlist has the index say of places that nothing is there, by writing over records that it has: that takes no room. Until that is durable
// the bytes must stay.
func (s *Store) unlist(gone map[loc]bool) error {
	if len(gone) == 0 {
		return nil
	}
	slots := make([]byte, 1024*recordSize)
	for off := int64(recordSize); off < s.indexEnd; off += int64(len(slots)) {
		n, err := s.index.ReadAt(slots[:min(int64(len(slots)), s.indexEnd-off)], off)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		for at := 0; at+recordSize <= n; at += recordSize {
			r, err := parseRecord(slots[at : at+recordSize])
			if err != nil || r.kind != recordHeld || !gone[r.loc] {
				continue
			}
			r.kind = recordDamaged
			if _, err := s.index.WriteAt(r.append(nil), off+int64(at)); err != nil {
				return err
			}
		}
	}
	return s.index.Sync()
}

// punchPack makes holes of places in a pack, in order, those that adjoin as one.
func (s *Store) punchPack(n uint32, list []loc, st *GCStats) error {
	f, err := s.fs.OpenFile(path.Join(s.dir, packName(n)), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close() // what is punched need not be durable: the index says that nothing is there
	for len(list) > 0 {
		k := 1
		for k < len(list) && list[k].off == list[k-1].end() {
			k++
		}
		size := list[k-1].end() - list[0].off
		if err := vfs.Punch(f, list[0].off, size); err != nil {
			return err
		}
		s.mu.Lock()
		s.hollow[n] += size
		s.mu.Unlock()
		st.Punched += size
		list = list[k:]
	}
	return nil
}

// full says that an error is one of a full disk.
func full(err error) bool { return oserr.Is(err, oserr.NoSpace) }
