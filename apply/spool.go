package apply

import (
	"fmt"
	"os"
	"slices"
	"sort"

	"github.com/wimcast/wimcast/internal/vfs"
)

// spoolName is the spool's path; memoryMax is how many waiting bytes stay in memory before they are written there.
const (
	spoolName = workName + "/spool"
	memoryMax = 8 << 20
)

// fragKind says what a range of bytes that waits belongs to.
type fragKind uint8

const (
	fragUnit  fragKind = iota // a piece, or a run decoded at once, that is not complete
	fragTable                 // a piece table
	fragEarly                 // bytes of a run whose piece table has not come

	fragKinds
)

// frag is a range of stored bytes of a run that waits: in memory, or at a place in the spool.
type frag struct {
	run    int
	kind   fragKind
	off    int64 // from the run's first stored byte
	size   int64
	mem    []byte // nil when it is in the spool
	at     int64
	index  int  // in spool.mem
	logged bool // a journal record says so, or is about to
}

// spool keeps what waits. It is guarded by the plan's lock.
type spool struct {
	fsys     vfs.FS
	file     vfs.File // opened at the first need
	mem      []*frag
	memBytes int64
	reserved int64 // bytes that wait, units counted whole
	peak     int64
	max      int64

	free0   []span  // places free below end, sorted
	end     int64   // of the file
	added   []*frag // in the file, not logged yet
	freed   []span  // logged places not needed any more, free once that is logged too
	touched bool    // written since the last commit
}

// hold lets data, which it keeps, wait.
func (s *spool) hold(run int, kind fragKind, off int64, data []byte) *frag {
	f := &frag{run: run, kind: kind, off: off, size: int64(len(data)), mem: data, index: len(s.mem)}
	s.mem = append(s.mem, f)
	s.memBytes += f.size
	return f
}

// load returns a frag's bytes.
func (s *spool) load(f *frag) ([]byte, error) {
	if f.mem != nil {
		return f.mem, nil
	}
	b := make([]byte, f.size)
	return b, s.loadInto(f, b)
}

// loadInto returns a frag's bytes in dst, which has its size.
func (s *spool) loadInto(f *frag, dst []byte) error {
	if f.mem != nil {
		copy(dst, f.mem)
		return nil
	}
	if err := s.openFile(); err != nil {
		return err
	}
	if _, err := s.file.ReadAt(dst, f.at); err != nil {
		return fmt.Errorf("read spool: %w", err)
	}
	return nil
}

// free forgets a frag.
func (s *spool) free(f *frag) {
	switch {
	case f.mem != nil:
		last := s.mem[len(s.mem)-1]
		s.mem[f.index], last.index = last, f.index
		s.mem = s.mem[:len(s.mem)-1]
		s.memBytes -= f.size
	case f.logged:
		s.freed = append(s.freed, span{f.at, f.at + f.size})
	default:
		s.added = slices.DeleteFunc(s.added, func(g *frag) bool { return g == f })
		s.release(span{f.at, f.at + f.size})
	}
}

// spill moves everything from memory to the file.
func (s *spool) spill() error {
	if len(s.mem) == 0 {
		return nil
	}
	if err := s.openFile(); err != nil {
		return err
	}
	for len(s.mem) > 0 {
		f := s.mem[len(s.mem)-1]
		at := s.alloc(f.size)
		if _, err := s.file.WriteAt(f.mem, at); err != nil {
			return fmt.Errorf("write spool: %w", err)
		}
		s.mem = s.mem[:len(s.mem)-1]
		f.mem, f.at = nil, at
		s.added = append(s.added, f)
	}
	s.memBytes, s.touched = 0, true
	return nil
}

func (s *spool) openFile() error {
	if s.file != nil {
		return nil
	}
	f, err := s.fsys.OpenFile(spoolName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open spool: %w", err)
	}
	s.file = f
	return nil
}

// alloc returns the first free place that is large enough, else one at the end.
func (s *spool) alloc(n int64) int64 {
	for i, sp := range s.free0 {
		if sp.to-sp.from < n {
			continue
		}
		if s.free0[i].from += n; s.free0[i].from == sp.to {
			s.free0 = slices.Delete(s.free0, i, i+1)
		}
		return sp.from
	}
	s.end += n
	return s.end - n
}

// release makes a place free again.
func (s *spool) release(sp span) {
	f := spans(s.free0)
	f.add(sp.from, sp.to)
	if n := len(f) - 1; n >= 0 && f[n].to == s.end {
		s.end, f = f[n].from, f[:n]
	}
	s.free0 = f
}

// restore takes the places of frags that a journal names.
func (s *spool) restore(frags []*frag) {
	sort.Slice(frags, func(i, j int) bool { return frags[i].at < frags[j].at })
	s.free0, s.end = nil, 0
	for _, f := range frags {
		if f.at > s.end {
			s.free0 = append(s.free0, span{s.end, f.at})
		}
		s.end = max(s.end, f.at+f.size)
	}
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}
