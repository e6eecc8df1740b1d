package lzms

const (
	maxCodeBits = 15
	// binCount is the number of bins of the sort by frequency. Few symbols can be as frequent as the last bin, which is sorted by insertion.
	binCount = 128
)

// code is an adaptive prefix code: the frequencies of its symbols, and the codeword lengths that follow from them. Encoder and decoder
// keep the same.
type code struct {
	symbols int
	period  int
	left    int // symbols until the next rebuild
	freq    [offsetSlots]uint16
	lens    [offsetSlots]uint8
	// order has the symbols by length of codeword, then by value; the code of length l has count[l] symbols.
	order [offsetSlots]uint16
	count [maxCodeBits + 1]uint16

	sorted [offsetSlots]uint32 // frequency<<10 | symbol, ascending
	nodes  [offsetSlots]uint32 // of the tree: first the frequency, then the parent, then the depth
}

// reset starts an alphabet in which all symbols are equally likely.
func (c *code) reset(symbols, period int) {
	c.symbols, c.period = symbols, period
	for i := range c.freq[:symbols] {
		c.freq[i] = 1
	}
	c.build()
}

// rebuild makes the code that the frequencies ask for, and then lets them fade.
func (c *code) rebuild() {
	c.build()
	for i, f := range c.freq[:c.symbols] {
		c.freq[i] = f>>1 + 1
	}
}

// build derives the code from the frequencies.
func (c *code) build() {
	c.left = c.period
	clear(c.count[:])
	switch c.symbols {
	case 0:
		return
	case 1:
		c.count[1], c.lens[0], c.order[0] = 1, 1, 0
		return
	}
	c.sort()
	c.tree()
	c.assign()
}

// sort fills sorted.
func (c *code) sort() {
	var bins [binCount]uint16
	freq := c.freq[:c.symbols]
	for _, f := range freq {
		bins[min(f, binCount-1)]++
	}
	at := uint16(0)
	for i, n := range bins {
		bins[i] = at
		at += n
	}
	for s, f := range freq {
		b := &bins[min(f, binCount-1)]
		c.sorted[*b] = uint32(f)<<10 | uint32(s)
		*b++
	}
	many := c.sorted[bins[binCount-2]:c.symbols]
	for i := 1; i < len(many); i++ {
		v, j := many[i], i
		for ; j > 0 && many[j-1] > v; j-- {
			many[j] = many[j-1]
		}
		many[j] = v
	}
}

// tree finds how many codewords of each length the Huffman code has. Where a leaf and an inner node weigh the same, the leaf goes first.
func (c *code) tree() {
	n := c.symbols
	leaves, nodes := c.sorted[:n], c.nodes[:n]
	leaf, inner := 0, 0
	for next := range n - 1 {
		weight := uint32(0)
		for range 2 {
			if leaf < n && (inner == next || leaves[leaf]>>10 <= nodes[inner]) {
				weight += leaves[leaf] >> 10
				leaf++
			} else {
				weight += nodes[inner]
				nodes[inner] = uint32(next) // its parent
				inner++
			}
		}
		nodes[next] = weight
	}
	// From the root down every inner node makes one codeword into two of one bit more. Depths beyond the limit are made up for by splitting
	// the longest one that is short enough.
	c.count[1] = 2
	nodes[n-2] = 0
	for i := n - 3; i >= 0; i-- {
		depth := nodes[nodes[i]] + 1
		nodes[i] = depth
		l := int(depth)
		if l >= maxCodeBits {
			l = maxCodeBits - 1
			for c.count[l] == 0 {
				l--
			}
		}
		c.count[l]--
		c.count[l+1] += 2
	}
}

// assign gives the longest codewords to the rarest symbols, and sets order.
func (c *code) assign() {
	at := 0
	for l := maxCodeBits; l > 0; l-- {
		for range c.count[l] {
			c.lens[c.sorted[at]&1023] = uint8(l)
			at++
		}
	}
	var start [maxCodeBits + 1]uint16
	for l := 1; l < maxCodeBits; l++ {
		start[l+1] = start[l] + c.count[l]
	}
	for s, l := range c.lens[:c.symbols] {
		c.order[start[l&15]] = uint16(s)
		start[l&15]++
	}
}
