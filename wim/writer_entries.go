package wim

import "encoding/binary"

// list is a list in blocks: it grows without moving what is in it, and without room for twice as much.
type list[T any] struct {
	blocks [][]T
	n      int
}

const listBlock = 4096 // values

func (l *list[T]) add(v T) int {
	if l.n%listBlock == 0 {
		l.blocks = append(l.blocks, make([]T, listBlock))
	}
	l.n++
	*l.at(l.n - 1) = v
	return l.n - 1
}

func (l *list[T]) at(i int) *T { return &l.blocks[i/listBlock][i%listBlock] }

// writeEntry is one entry of the blob table to be. There may be millions, so what few have is kept apart.
type writeEntry struct {
	hash SHA1
	refs uint32
	run  int32  // into runs; -1: not written
	size uint32 // hugeSize: see entryTable.huge
}

const hugeSize = 1<<32 - 1

// entryTable holds the contents that the file will have. Images' metadata is not among them.
type entryTable struct {
	list[writeEntry]
	index  [256]indexShard  // by the first byte of the hash, so that one that grows copies little
	huge   map[int32]int64  // sizes from hugeSize on
	starts map[int32]int64  // where in its run a content of a solid run starts, if not at 0
	told   map[int32]uint32 // see claimed
	older  int              // how many the file has that is appended to
}

// indexShard finds entries by their hash: numbers of entries and 1, at the place that the hash says or behind it; 0 is free.
type indexShard struct {
	slots []uint32
	used  int
}

func newEntryTable() entryTable {
	return entryTable{huge: make(map[int32]int64), starts: make(map[int32]int64), told: make(map[int32]uint32)}
}

// find returns the number of the entry with a hash.
func (t *entryTable) find(hash SHA1) (int32, bool) {
	s := &t.index[hash[0]]
	if len(s.slots) == 0 {
		return 0, false
	}
	n := s.slots[t.slot(s, &hash)]
	return int32(n) - 1, n != 0
}

// slot returns the place of a hash in a shard, or the free one where it belongs.
func (t *entryTable) slot(s *indexShard, hash *SHA1) int {
	at := int(uint64(binary.LittleEndian.Uint32(hash[1:])) * uint64(len(s.slots)) >> 32)
	for s.slots[at] != 0 && t.at(int(s.slots[at]-1)).hash != *hash {
		if at++; at == len(s.slots) {
			at = 0
		}
	}
	return at
}

// enter adds a content. One whose hash is not known yet has zero, and gets it with name.
func (t *entryTable) enter(hash SHA1, run int32, start, size int64) int32 {
	e := writeEntry{run: run, size: uint32(min(size, hugeSize))}
	i := int32(t.add(e))
	if size >= hugeSize {
		t.huge[i] = size
	}
	t.place(i, run, start)
	if !hash.IsZero() {
		t.name(i, hash)
	}
	return i
}

// name gives entry i its hash, which no other has.
func (t *entryTable) name(i int32, hash SHA1) {
	t.at(int(i)).hash = hash
	s := &t.index[hash[0]]
	if s.used*4 >= len(s.slots)*3 {
		old := s.slots
		s.slots = make([]uint32, len(old)+len(old)/2+8)
		for _, n := range old {
			if n != 0 {
				s.slots[t.slot(s, &t.at(int(n-1)).hash)] = n
			}
		}
	}
	s.slots[t.slot(s, &hash)] = uint32(i) + 1
	s.used++
}

// place notes where entry i is.
func (t *entryTable) place(i, run int32, start int64) {
	t.at(int(i)).run = run
	if start != 0 {
		t.starts[i] = start
	} else {
		delete(t.starts, i)
	}
}

func (t *entryTable) sizeOf(i int32) int64 {
	if n := t.at(int(i)).size; n != hugeSize {
		return int64(n)
	}
	return t.huge[i]
}

// claim says that at least n references are to be told of entry i if no image has any.
func (t *entryTable) claim(i int32, n uint32) {
	if now := t.claimed(i); n > now {
		t.told[i] = n
	}
}

// claimed returns the references to tell of a content that no image has: ordinarily 1, but what the file had before may go.
func (t *entryTable) claimed(i int32) uint32 {
	n, ok := t.told[i]
	if !ok && int(i) >= t.older {
		n = 1
	}
	return n
}

// runTable holds where runs are, packed: as they nearly always follow one another, the offset of the next one tells how long a run is.
type runTable struct {
	list[uint64]                 // offsets, and the flags from bit 56 on
	end          int64           // of the last one
	odd          map[int32]int64 // stored bytes of runs that the next one does not follow
	solid        map[int32]int64 // the runs that are solid, with the size of their content
}

func newRunTable() runTable {
	return runTable{odd: make(map[int32]int64), solid: make(map[int32]int64)}
}

func (t *runTable) enter(r *Run) int32 {
	if last := int32(t.n) - 1; last >= 0 && t.end != r.Offset {
		t.odd[last] = t.end - t.offset(last)
	}
	i := int32(t.add(uint64(r.Offset) | uint64(r.Flags)<<56))
	t.end = r.End()
	if r.Solid {
		t.solid[i] = r.Size
	}
	return i
}

func (t *runTable) offset(i int32) int64 { return int64(*t.at(int(i)) & (1<<56 - 1)) }

// location says where run i is, whose content has size bytes.
func (t *runTable) location(i int32, size int64) Location {
	end := t.end
	if n, odd := t.odd[i]; odd {
		end = t.offset(i) + n
	} else if int(i) < t.n-1 {
		end = t.offset(i + 1)
	}
	return Location{Offset: t.offset(i), StoredSize: end - t.offset(i), Size: size, Flags: ResourceFlags(*t.at(int(i)) >> 56)}
}
