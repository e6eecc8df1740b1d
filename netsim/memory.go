package netsim

import (
	"time"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/wire"
)

// memory is which blocks a sender has in memory, if its machine is told that not all are.
type memory struct {
	takes time.Duration       // to read a block
	there map[wire.Block]bool // false: being read
}

// load reads a block, which takes a while and may fail.
func (s *sender) load(i wire.Block) {
	if _, twice := s.memory.there[i]; twice {
		s.sim.violate("%s is to load block %d twice", s.name, i)
	}
	s.memory.there[i] = false
	if n := len(s.memory.there); n > s.cfg.MemoryBlocks {
		s.sim.violate("%s has %d blocks in memory, at most %d are allowed", s.name, n, s.cfg.MemoryBlocks)
	}
	run := s.run
	s.sim.plan(s.sim.now.Add(s.memory.takes), func() {
		switch {
		case !s.is(run):
		case s.unreadable[i]:
			s.sim.note('u', uint64(s.index), 0, uint64(i))
			delete(s.memory.there, i)
			s.give(distributor.Unreadable{Block: i})
		default:
			s.memory.there[i] = true
			s.give(distributor.Loaded{Block: i})
		}
	})
}

// unload forgets a block.
func (s *sender) unload(i wire.Block) {
	if !s.memory.there[i] {
		s.sim.violate("%s is to unload block %d, which is not there", s.name, i)
	}
	delete(s.memory.there, i)
}

// mayRead says whether a block's symbols can be made: it is in memory, or at hand and not damaged.
func (s *sender) mayRead(i wire.Block) bool {
	if s.cfg.MemoryBlocks == 0 {
		return !s.unreadable[i]
	}
	if !s.memory.there[i] {
		s.sim.violate("%s is to send symbols of block %d, which is not in memory", s.name, i)
	}
	return true
}
