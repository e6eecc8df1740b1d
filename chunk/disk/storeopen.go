package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/wimcast/wimcast/internal/vfs"
)

const lockName = "LOCK"

// maxIndexSize is how much of an index is read: more records than any MaxChunks in use needs.
const maxIndexSize = 64 << 30

// slackRecords is how many records the index may have beyond twice the needed ones before it is written anew.
const slackRecords = 1024

// open takes the lock and reads what is there.
func (s *Store) open() error {
	if err := s.fs.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	for dir := s.dir; dir != "."; {
		dir = path.Dir(dir)
		if err := s.fs.SyncDir(dir); err != nil {
			return err
		}
	}
	var err error
	if s.lock, err = s.fs.Lock(path.Join(s.dir, lockName)); err != nil {
		return err
	}
	if err := s.listPacks(); err != nil {
		return err
	}
	s.index, err = s.fs.OpenFile(path.Join(s.dir, indexName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		s.index, s.indexEnd, _, err = writeIndex(s.fs, s.dir, s.nextPack, nil)
	}
	if err != nil {
		return err
	}
	// What a killed process wrote and did not sync is there to read, but not durable yet.
	if err := errors.Join(s.index.Sync(), s.fs.SyncDir(s.dir)); err != nil {
		return err
	}
	scan, tails, err := s.readIndex()
	if err != nil {
		return err
	}
	if scan.damaged > 0 || s.records > 2*len(s.held)+slackRecords {
		if err := s.compact(); err != nil {
			return err
		}
	}
	if scan.damaged == 0 {
		s.removeOrphans()
		return s.resumePack(tails)
	}
	return nil
}

// listPacks finds the pack files.
func (s *Store) listPacks() error {
	entries, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		n, ok := parsePackName(e.Name())
		if !ok {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		s.packs[n] = info.Size()
		if hollow := info.Size() - vfs.Allocated(info); hollow > 0 {
			s.hollow[n] = hollow
		}
		s.nextPack = max(s.nextPack, n+1)
	}
	return nil
}

// readIndex fills the map. A record of bytes that are not there is not believed: its pack was removed, or cut by a
// file system check. It also returns the end of the last bytes of each pack that any record names.
func (s *Store) readIndex() (indexScan, map[uint32]int64, error) {
	name := path.Join(s.dir, indexName)
	bad := map[loc]bool{}
	tails := map[uint32]int64{}
	scan, err := scanIndex(io.NewSectionReader(s.index, 0, maxIndexSize), name, func(r record) {
		s.nextPack = max(s.nextPack, r.loc.pack+1)
		tails[r.loc.pack] = max(tails[r.loc.pack], r.loc.end())
		switch size, ok := s.packs[r.loc.pack]; {
		case r.kind == recordDamaged:
			bad[r.loc] = true
		case ok && r.loc.end() <= size:
			s.publish(r.id, r.loc)
		}
	})
	if err != nil {
		return scan, nil, err
	}
	for id, l := range s.held {
		if bad[l] {
			s.drop(id, l)
		}
	}
	s.nextPack = max(s.nextPack, scan.nextPack)
	s.indexEnd = scan.end
	s.records = scan.records
	return scan, tails, nil
}

// compact writes the index anew. A full disk must not keep the store from being used, so a failure before the new index
// has its name is none.
func (s *Store) compact() error {
	file, end, named, err := writeIndex(s.fs, s.dir, s.nextPack, s.held)
	switch {
	case err != nil && named:
		return err
	case err != nil:
		return nil
	}
	err = s.index.Close()
	s.index, s.indexEnd, s.records = file, end, len(s.held)
	return err
}

// removeOrphans removes packs without a held chunk: begun before a crash, or emptied by a GC. What cannot be removed now is
// tried at the next open.
func (s *Store) removeOrphans() {
	used := map[uint32]bool{}
	for _, l := range s.held {
		used[l.pack] = true
	}
	for n := range s.packs {
		if !used[n] && s.fs.Remove(path.Join(s.dir, packName(n))) == nil {
			delete(s.packs, n)
		}
	}
}

// resumePack goes on writing to the newest pack if it is not full, after cutting off what no record names. It is called only if
// the index had no damaged record, so none can turn up that names bytes after the cut.
func (s *Store) resumePack(tails map[uint32]int64) error {
	newest, found := uint32(0), false
	for n := range s.packs {
		newest, found = max(newest, n), true
	}
	end := tails[newest]
	if !found || end == 0 || end >= s.cfg.PackSize || end > s.packs[newest] {
		return nil
	}
	file, err := s.fs.OpenFile(path.Join(s.dir, packName(newest)), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	s.cur, s.curNum, s.curNamed, s.curEnd = file, newest, true, end
	if s.packs[newest] > end {
		if err := file.Truncate(end); err != nil {
			return err
		}
		s.packs[newest] = end
	}
	return nil
}
