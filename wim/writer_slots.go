package wim

// slot says what a stream with a Source holds: the number of an entry, or one of the rest. There is one for every such stream, image by image
// in the order of Visit. So a tree that is walked again gets its hashes without keeping them.
type slot uint32

const (
	slotLent   slot = 1 << 30 // and a number in slotTable.lent: a base has it
	slotAs     slot = 2 << 30 // and the number of a slot: it holds the same
	slotEmpty  slot = 3 << 30
	slotUnread slot = 3<<30 + 1

	slotKind slot = 3 << 30
	maxSlots      = 1<<30 - 1
)

type slotTable struct {
	list[slot]
	lent []SHA1
}

// fillSlot notes what was read.
func (j *writeJob) fillSlot(n int, hash SHA1) {
	at := j.slots.at(n)
	if hash.IsZero() {
		*at = slotEmpty
	} else if i, ok := j.entries.find(hash); ok {
		*at = slot(i)
	} else {
		*at = slotLent | slot(len(j.slots.lent))
		j.slots.lent = append(j.slots.lent, hash)
	}
}

// inSlot returns the hash of what is in a slot, and its entry; -1: it has none.
func (j *writeJob) inSlot(n int) (hash SHA1, entry int32) {
	v := *j.slots.at(n)
	if v&slotKind == slotAs {
		v = *j.slots.at(int(v &^ slotKind))
	}
	switch v & slotKind {
	case 0:
		return j.entries.at(int(v)).hash, int32(v)
	case slotLent:
		return j.slots.lent[v&^slotKind], -1
	}
	return SHA1{}, -1
}

// giveHashes gives the streams of a dentry that came from Sources their hashes; next is the slot of the first. It gives the slot behind them.
func (j *writeJob) giveHashes(d *Dentry, next int) int {
	for i := range d.Streams {
		if s := &d.Streams[i]; s.Source != nil {
			s.Hash, _ = j.inSlot(next)
			next++
		}
	}
	return next
}
