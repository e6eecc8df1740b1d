package distributor

import (
	"fmt"

	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/wire"
)

// Rules about reading ahead. A machine whose driver keeps blocks in memory (Config.MemoryBlocks) names symbols only of blocks
// that are there, and says in time which it will want. So a store that is slow, or slow for one block, holds up nothing else.
const (
	aheadMax = 16 // blocks beyond those open that are loaded before their turn

	MemoryBlocksMin = openMax + aheadMax + 8 // the rest is for repair
	MemoryBlocksMax = 1 << 12
)

// Load asks the driver to read a block: symbols of it will be wanted soon. The driver answers with Loaded or Unreadable, and has
// other things go on meanwhile. At most Config.MemoryBlocks are loaded or being loaded at a time.
type Load struct{ Block wire.Block }

// Unload says that a loaded block's memory is wanted for others. The driver forgets it.
type Unload struct{ Block wire.Block }

// Loaded says that a block is in memory: its symbols may be named from now on.
type Loaded struct{ Block wire.Block }

func (Load) out()   {}
func (Unload) out() {}
func (Loaded) in()  {}

// memory is which blocks the driver has in memory.
type memory struct {
	max   int // 0: the driver has all blocks at hand, always
	state map[wire.Block]loadState
	order machine.Queue[wire.Block] // those of state, asked for longest ago first
	owed  machine.Queue[wire.Block] // closed blocks with symbols owed that are to be loaded
}

type loadState struct {
	there bool // Loaded has come
	owed  bool // it goes back into Machine.owed then
}

func (m *memory) validate() error {
	if m.max != 0 && (m.max < MemoryBlocksMin || m.max > MemoryBlocksMax) {
		return fmt.Errorf("start cast: %d blocks in memory, want %d to %d, or 0 for all", m.max, MemoryBlocksMin, MemoryBlocksMax)
	}
	return nil
}

func (m *memory) has(i wire.Block) bool { return m.max == 0 || m.state[i].there }

// loaded handles the driver's word that a block is in memory.
func (m *Machine) loaded(i wire.Block) {
	s, ok := m.memory.state[i]
	if !ok || s.there {
		panic("distributor: Loaded for a block that was not asked for")
	}
	m.memory.state[i] = loadState{there: true}
	if b := &m.blocks[i]; s.owed && b.state == closed && b.goal > b.sent {
		m.owed.Push(i)
	}
}

// notLoaded notes that a block that was asked for does not come.
func (m *memory) notLoaded(i wire.Block) {
	if s, ok := m.state[i]; m.max == 0 || ok && s.there {
		return // it was at hand, and is to be unloaded in its turn
	} else if !ok {
		panic("distributor: Unreadable for a block that was not asked for")
	}
	delete(m.state, i)
	for range m.order.Len() {
		if j := m.order.Pop(); j != i {
			m.order.Push(j)
		}
	}
}

// lookAhead asks for the blocks that will be sent next: those owed, those open, and the carousel's next.
func (m *Machine) lookAhead() {
	mem := &m.memory
	if mem.max == 0 || m.over {
		return
	}
	for mem.owed.Len() > 0 {
		i := *mem.owed.Front()
		if b := &m.blocks[i]; b.state == closed && b.goal > b.sent && !m.load(i, true) {
			return
		}
		mem.owed.Pop()
	}
	for _, i := range m.window {
		if !m.load(i, false) {
			return
		}
	}
	left := aheadMax
	for _, class := range [...]int{classPrologue, classMain} {
		m.table.peek(class, &left, func(i wire.Block) bool { return m.load(i, false) })
	}
}

// load asks for a block unless it is there or has been asked for. It reports false when there is no room.
func (m *Machine) load(i wire.Block, owed bool) bool {
	mem := &m.memory
	if s, ok := mem.state[i]; ok {
		switch {
		case owed && s.there:
			m.owed.Push(i)
		case owed:
			mem.state[i] = loadState{owed: true}
		}
		return true
	}
	if len(mem.state) >= mem.max && !m.unload() {
		return false
	}
	mem.state[i] = loadState{owed: owed}
	mem.order.Push(i)
	m.out.Push(Load{Block: i})
	return true
}

// unload gives up the block loaded longest ago that nothing is to be sent of now. It reports false if there is none.
func (m *Machine) unload() bool {
	mem := &m.memory
	for range mem.order.Len() {
		i := mem.order.Pop()
		if b := &m.blocks[i]; !mem.state[i].there || b.state == open || b.goal > b.sent {
			mem.order.Push(i)
			continue
		}
		delete(mem.state, i)
		m.out.Push(Unload{Block: i})
		return true
	}
	return false
}

// peek calls fn for the blocks of a class that the carousel opens next, in order, at most *left, until it returns false.
func (t *table) peek(class int, left *int, fn func(wire.Block) bool) {
	n, at := uint32(len(t.blocks)), t.cursor[class]
	found := 0
	for _, part := range [...][2]uint32{{at, n}, {0, at}} {
		for from := part[0]; found < t.readyN[class] && *left > 0; {
			i, ok := t.ready[class].Next(from, part[1])
			if !ok {
				break
			}
			if !fn(wire.Block(i)) {
				return
			}
			from = i + 1
			found++
			*left--
		}
	}
}

// nextOwed returns the next closed block with symbols owed that is in memory; those that are not are loaded.
func (m *Machine) nextOwed() (wire.Block, bool) {
	for m.owed.Len() > 0 {
		i := m.owed.Pop()
		if b := &m.blocks[i]; b.state != closed || b.goal <= b.sent {
			continue
		}
		if m.memory.has(i) {
			return i, true
		}
		m.memory.owed.Push(i)
	}
	return 0, false
}

// nextOpen moves slot to the next open block that is in memory. It reports false if there is none.
func (m *Machine) nextOpen() bool {
	for range m.window {
		m.slot %= len(m.window)
		if m.memory.has(m.window[m.slot]) {
			return true
		}
		m.slot++
	}
	return false
}

// waitsForMemory says that all that could be sent now is still being read.
func (m *Machine) waitsForMemory() bool {
	if m.memory.max == 0 || m.owed.Len() > 0 || len(m.window) == 0 {
		return false
	}
	for _, i := range m.window {
		if m.memory.has(i) {
			return false
		}
	}
	return true
}
