package lzms

import "encoding/binary"

const (
	hash3Bits = 16
	// A match of two or three bytes costs more than its bytes when it is farther back.
	maxOffset2 = 1 << 10
	maxOffset3 = 1 << 17
)

// shortFinder finds the nearest matches of two and three bytes. It is so cheap that the parser does it in passing.
type shortFinder struct {
	data  []byte
	next  int // the first position that is not entered
	shift uint
	last2 [1 << 16]uint32 // position + 1 by two bytes; 0 is none
	last3 [1 << hash3Bits]uint32
}

func (f *shortFinder) reset(data []byte, size int) {
	n := smallBits(size, hash3Bits)
	f.data, f.next, f.shift = data, 0, uint(32-n)
	clear(f.last2[:])
	clear(f.last3[:1<<n])
}

// look returns the offsets of the nearest places with the same two and three bytes as pos; 0 if there is none that is near.
func (f *shortFinder) look(pos int) (offset2, offset3 int) {
	for ; f.next < pos; f.next++ {
		slot2, slot3 := f.slots(f.next)
		*slot2, *slot3 = uint32(f.next+1), uint32(f.next+1)
	}
	slot2, slot3 := f.slots(pos)
	at2, at3 := int(*slot2)-1, int(*slot3)-1
	if at2 >= 0 && pos-at2 <= maxOffset2 {
		offset2 = pos - at2
	}
	if at3 >= 0 && pos-at3 <= maxOffset3 && (f.word(at3)^f.word(pos))<<8 == 0 {
		offset3 = pos - at3
	}
	return offset2, offset3
}

func (f *shortFinder) word(pos int) uint32 { return binary.LittleEndian.Uint32(f.data[pos:]) }

func (f *shortFinder) slots(pos int) (slot2, slot3 *uint32) {
	word := f.word(pos)
	return &f.last2[word&0xffff], &f.last3[word<<8*0x9e3779b1>>f.shift&(1<<hash3Bits-1)]
}
