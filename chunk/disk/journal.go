package disk

import (
	"encoding/binary"
	"io"

	"github.com/zeebo/blake3"

	"github.com/wimcast/wimcast/chunk"
)

// The journal of an Assembly: a head of 64 bytes (magic, hash of the content's chunk list, checksum), then one slot of 8 bytes for each
// durable chunk: its first index in the list, and a checksum. It is a hint only: what it names is verified before it counts.
const (
	journalMagic = "wimcast parts 1\n"
	journalHead  = 64
	journalSlot  = 8
)

func journalHeader(refs []chunk.Ref) []byte {
	h := blake3.New()
	var size [4]byte
	for _, r := range refs {
		binary.BigEndian.PutUint32(size[:], r.Size)
		h.Write(r.ID[:])
		h.Write(size[:])
	}
	head := make([]byte, journalHead)
	copy(head, journalMagic)
	h.Sum(head[len(journalMagic):len(journalMagic)])
	return seal(head)
}

func journalEntry(b []byte, index int) []byte {
	slot := make([]byte, journalSlot)
	binary.BigEndian.PutUint32(slot, uint32(index))
	return append(b, seal(slot)...)
}

// scanJournal calls fn for each index the journal names, and reports whether it is one of this content. end is where the
// last whole slot ends.
func scanJournal(r io.Reader, refs []chunk.Ref, fn func(index int)) (ours bool, end int64, err error) {
	head := make([]byte, journalHead)
	if _, err := io.ReadFull(r, head); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = nil
		}
		return false, 0, err
	}
	if string(head) != string(journalHeader(refs)) {
		return false, 0, nil
	}
	end = journalHead
	slots := make([]byte, 4096*journalSlot)
	for {
		n, err := io.ReadFull(r, slots)
		for b := slots[:n]; len(b) >= journalSlot; b = b[journalSlot:] {
			slot := b[:journalSlot]
			if i := int(binary.BigEndian.Uint32(slot)); sealed(slot) && i < len(refs) {
				fn(i)
			}
			end += journalSlot
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return true, end, nil
		}
		if err != nil {
			return false, 0, err
		}
	}
}
