package netsim

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"io"

	"github.com/wimcast/wimcast/internal/machine"
)

// trace folds everything that happens into a hash, and writes what people want to read.
type trace struct {
	sum   hash.Hash64
	buf   []byte
	w     io.Writer // nil: write nothing
	every bool      // write bursts and reports too
}

func newTrace(w io.Writer, every bool) *trace {
	return &trace{sum: fnv.New64a(), w: w, every: every}
}

// note folds numbers into the hash.
func (t *trace) note(now machine.Time, kind byte, n ...uint64) {
	t.buf = binary.BigEndian.AppendUint64(append(t.buf[:0], kind), uint64(now))
	for _, v := range n {
		t.buf = binary.BigEndian.AppendUint64(t.buf, v)
	}
	t.sum.Write(t.buf)
}

// say folds a line into the hash and writes it.
func (t *trace) say(now machine.Time, who, line string) {
	t.fold(now, who, line)
	if t.w != nil {
		fmt.Fprintf(t.w, "%v %s %s\n", now, who, line)
	}
}

// fold folds a line into the hash.
func (t *trace) fold(now machine.Time, who, line string) {
	t.sum.Write([]byte(who))
	t.sum.Write([]byte(line))
	t.note(now, 'l')
}
