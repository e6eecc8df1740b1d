package lzx

// headerCost is what a block costs besides its symbols, more or less: its codes.
const headerCost = 200 * 8 * costUnit

// part is a run of tokens between two marks that may become a block.
type part struct {
	counts counts
	cost   uint64
	end    int   // the mark behind
	gain   int64 // of joining it with the next part
}

// splitter divides a segment into blocks.
type splitter struct {
	parts  [segmentSize/markGap + 1]part
	joined counts
	count  int
}

// split finds the blocks of a guess: it joins neighbours as long as that makes the whole smaller. The blocks are in parts, count of them.
func (s *splitter) split(g *guess, symbols int) {
	s.count = len(g.marks) - 1
	for i := range s.count {
		p := &s.parts[i]
		p.counts = counts{}
		p.counts.addAll(g.tokens[g.marks[i].tokens:g.marks[i+1].tokens])
		p.cost = p.counts.cost(symbols)
		p.end = i + 1
	}
	for i := range s.count - 1 {
		s.weigh(i, symbols)
	}
	for s.count > 1 {
		best := 0
		for i := range s.count - 1 {
			if s.parts[i].gain > s.parts[best].gain {
				best = i
			}
		}
		if s.parts[best].gain < 0 {
			return
		}
		s.join(best, symbols)
	}
}

// weigh computes the gain of joining part i with the next one.
func (s *splitter) weigh(i, symbols int) {
	a, b := &s.parts[i], &s.parts[i+1]
	s.joined = a.counts
	s.joined.join(&b.counts, symbols)
	a.gain = int64(a.cost+b.cost) + headerCost - int64(s.joined.cost(symbols))
}

// join joins part i with the next one.
func (s *splitter) join(i, symbols int) {
	a, b := &s.parts[i], &s.parts[i+1]
	a.counts.join(&b.counts, symbols)
	a.cost = a.counts.cost(symbols)
	a.end = b.end
	copy(s.parts[i+1:s.count-1], s.parts[i+2:s.count])
	s.count--
	if i > 0 {
		s.weigh(i-1, symbols)
	}
	if i < s.count-1 {
		s.weigh(i, symbols)
	}
}

// join adds the counts of b.
func (c *counts) join(b *counts, symbols int) {
	for i := range c.main[:symbols] {
		c.main[i] += b.main[i]
	}
	for i := range c.length {
		c.length[i] += b.length[i]
	}
	for i := range c.aligned {
		c.aligned[i] += b.aligned[i]
	}
}

// hopeless reports whether the counts are of size bytes without a pattern: hardly a match, and all bytes about as frequent. To look
// for a good parse of them is in vain.
func (c *counts) hopeless(symbols, size int) bool {
	n := 0
	for _, f := range c.main[:literals] {
		n += int(f)
	}
	return n > size-size/64 && c.cost(symbols) > uint64(size)*(8*costUnit-costUnit/8)
}

// cost is the entropy of the symbols.
func (c *counts) cost(symbols int) uint64 { return entropy(c.main[:symbols]) + entropy(c.length[:]) }

func entropy(freqs []uint32) uint64 {
	total, sum := uint64(0), uint64(0)
	for _, f := range freqs {
		if f != 0 {
			total += uint64(f)
			sum += uint64(f) * uint64(log2(f))
		}
	}
	if total == 0 {
		return 0
	}
	return total*uint64(log2(uint32(total))) - sum
}
