package lzx

import "encoding/binary"

// writer writes words highest bit first. It stops at the end of buf, and overrun says so: what would be written behind it is lost.
type writer struct {
	buf []byte
	pos int
	acc uint64 // the lowest n bits are still to be written
	n   uint
}

// slop is how many bytes behind the last word the writer may touch.
const slop = 8

// put appends n bits, at most 16 of them; after two of them flush must be called.
func (w *writer) put(v uint32, n uint) {
	w.acc = w.acc<<n | uint64(v)
	w.n += n
}

// flush writes whole pairs of words. Of at most 31 bits before and 32 new ones it leaves at most 31.
func (w *writer) flush() {
	if w.n >= 32 {
		w.n -= 32
		v := uint32(w.acc >> w.n)
		if w.pos+slop <= len(w.buf) {
			binary.LittleEndian.PutUint32(w.buf[w.pos:], v>>16|v<<16)
		}
		w.pos += 4
	}
}

func (w *writer) bits(v uint32, n uint) {
	w.put(v, n)
	w.flush()
}

// align fills up the last word with zeros.
func (w *writer) align() {
	if k := w.n & 15; k != 0 {
		w.bits(0, 16-k)
	}
	if w.n == 16 {
		if w.pos+slop <= len(w.buf) {
			binary.LittleEndian.PutUint16(w.buf[w.pos:], uint16(w.acc))
		}
		w.pos += 2
		w.n = 0
	}
}

// overrun reports whether too little room is left to go on.
func (w *writer) overrun() bool { return w.pos+slop > len(w.buf) }
