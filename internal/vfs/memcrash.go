package vfs

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
)

// SyncDir implements FS.
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("sync", name, true)
	if err == nil && !n.mode.IsDir() {
		err = &fs.PathError{Op: "sync", Path: name, Err: fs.ErrInvalid}
	}
	if err == nil {
		m.sync(n)
	}
	return err
}

// SyncAll implements FS. It syncs what is named and nothing else, so that a forgotten name shows.
func (m *Mem) SyncAll(names []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		n, err := m.find("sync", name, false)
		if err != nil {
			return err
		}
		m.sync(n)
	}
	return nil
}

// sync makes a node durable: a file's bytes, a directory's entries, the attributes of either.
func (m *Mem) sync(n *node) {
	n.durable = n.attr
	if n.mode.IsDir() {
		m.syncEntries(n)
		return
	}
	n.before, n.sizes, n.durSize = nil, nil, int64(len(n.data))
}

// syncEntries makes the ops in dir durable, and older ones on the other names of those ops: they are overtaken.
func (m *Mem) syncEntries(dir *node) {
	type slot struct {
		dir  *node
		name string
	}
	touched := map[slot]bool{}
	take := make([]bool, len(m.ops))
	for i, o := range slices.Backward(m.ops) {
		for _, e := range o {
			take[i] = take[i] || e.dir == dir || touched[slot{e.dir, e.name}]
		}
		if take[i] {
			for _, e := range o {
				touched[slot{e.dir, e.name}] = true
			}
		}
	}
	var later []op
	for i, o := range m.ops {
		if take[i] {
			o.apply(func(d *node) map[string]*node { return d.durables })
		} else {
			later = append(later, o)
		}
	}
	m.ops = later
}

func (o op) apply(entries func(*node) map[string]*node) {
	for _, e := range o {
		if e.to == nil {
			delete(entries(e.dir), e.name)
		} else {
			entries(e.dir)[e.name] = e.to
		}
	}
}

// CrashClone returns the file system as it may be found after a power cut now: synced data and names are there; of each page of
// 4 KiB, size, attribute and change of a name that was not, either the old state or the new one. Seed 0 loses all
// that was not synced, seed 1 nothing, any other picks at random. The same seed on the same state gives the same result.
// m itself goes on unharmed; locks are not taken over.
func (m *Mem) CrashClone(seed uint64) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	rng := rand.New(rand.NewPCG(seed, 0x77696d63617374))
	c := &crash{
		keep: func() bool {
			switch seed {
			case 0, 1:
				return seed == 1
			}
			return rng.IntN(2) == 0
		},
		pick:    rng.IntN,
		entries: map[*node]map[string]*node{},
		done:    map[*node]*node{},
	}
	for _, o := range m.ops {
		if c.keep() {
			o.apply(c.of)
		}
	}
	return &Mem{root: c.clone(m.root), locks: map[*node]bool{}, clock: m.clock}
}

// crash is one CrashClone being made.
type crash struct {
	keep    func() bool
	pick    func(n int) int
	entries map[*node]map[string]*node // what is found in each directory
	done    map[*node]*node
}

// of returns the names found in a directory of the old file system.
func (c *crash) of(dir *node) map[string]*node {
	if c.entries[dir] == nil {
		c.entries[dir] = maps.Clone(dir.durables)
	}
	return c.entries[dir]
}

func (c *crash) clone(n *node) *node {
	if twin := c.done[n]; twin != nil {
		return twin
	}
	twin := &node{mode: n.mode, attr: n.durable, target: n.target}
	c.done[n] = twin
	if c.keep() {
		twin.attr = n.attr
	}
	twin.durable = twin.attr
	if !n.mode.IsDir() {
		twin.data = c.contents(n)
		twin.durSize = int64(len(twin.data))
		return twin
	}
	twin.entries = map[string]*node{}
	found := c.of(n)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		child := found[name]
		if child.mode.IsDir() && c.done[child] != nil {
			continue // a directory has one name: the other is lost
		}
		twin.entries[name] = c.clone(child)
	}
	twin.durables = maps.Clone(twin.entries)
	return twin
}

// contents returns what is found of a file's bytes.
func (c *crash) contents(n *node) []byte {
	size := n.durSize
	if len(n.sizes) > 0 && c.keep() {
		// The last size most often; else one of those in between.
		if size = int64(len(n.data)); c.pick(4) == 0 {
			size = n.sizes[c.pick(len(n.sizes))]
		}
		if c.keep() { // seed 1 loses nothing
			size = int64(len(n.data))
		}
	}
	out := make([]byte, size)
	copy(out, n.data)
	for _, page := range slices.Sorted(maps.Keys(n.before)) {
		if c.keep() || page*pageSize >= size {
			continue
		}
		part := out[page*pageSize : min((page+1)*pageSize, size)]
		clear(part[copy(part, n.before[page]):])
	}
	return out
}
