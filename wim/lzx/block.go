package lzx

import "github.com/wimcast/wimcast/wim/internal/huffman"

// Kinds of blocks.
const (
	verbatimBlock = 1
	alignedBlock  = 2
	rawBlock      = 3
)

const (
	maxCode        = 16 // bits of a codeword of the main and the length code
	maxAlignedCode = 7
	maxPreCode     = 15
	lengthPrimary  = 7 // matches this much longer than minMatch have a symbol of the length code
)

// counts is how often each symbol occurs in a block.
type counts struct {
	main    [maxMain]uint32
	length  [lengthSymbols]uint32
	aligned [alignedSymbols]uint32
}

func (c *counts) add(t token) {
	n := t.length()
	if n == 0 {
		c.main[t&255]++
		return
	}
	n -= minMatch
	v := t.v()
	slot := slotOf(v)
	c.main[literals+slot<<3+uint32(min(n, lengthPrimary))]++
	if n >= lengthPrimary {
		c.length[n-lengthPrimary]++
	}
	if slot >= 8 {
		c.aligned[v&7]++
	}
}

func (c *counts) addAll(tokens []token) {
	for _, t := range tokens {
		c.add(t)
	}
}

// coder writes blocks.
type coder struct {
	out         writer
	mainSymbols int
	longSizes   bool
	counts      counts
	main        huffman.Encoder
	length      huffman.Encoder
	aligned     huffman.Encoder
	pre         huffman.Encoder
	prevMain    [maxMain]uint8
	prevLength  [lengthSymbols]uint8
	ops         []lenOp
}

// lenOp is a symbol of the code for codeword lengths, with its argument.
type lenOp struct {
	sym, arg, argBits uint8
	then              uint8 // a second symbol that follows, or noSymbol
}

const noSymbol = 0xff

// start begins a piece in buf.
func (c *coder) start(buf []byte) {
	c.out = writer{buf: buf}
	clear(c.prevMain[:])
	clear(c.prevLength[:])
}

// write writes the tokens of a block, which stand for size bytes. It never makes a raw block, even where one would be a little smaller: some
// readers lose their place before one when they have read ahead.
func (c *coder) write(tokens []token, size int) {
	c.counts = counts{}
	c.counts.addAll(tokens)
	c.main.Make(c.counts.main[:c.mainSymbols], maxCode)
	c.length.Make(c.counts.length[:], maxCode)
	c.aligned.Make(c.counts.aligned[:], maxAlignedCode)
	kind := uint32(verbatimBlock)
	if c.alignedGains() {
		kind = alignedBlock
	}
	c.header(kind, size)
	if kind == alignedBlock {
		for _, l := range c.aligned.Lens[:alignedSymbols] {
			c.out.bits(uint32(l), 3)
		}
	}
	c.lens(c.main.Lens[:literals], c.prevMain[:literals])
	c.lens(c.main.Lens[literals:c.mainSymbols], c.prevMain[literals:c.mainSymbols])
	c.lens(c.length.Lens[:lengthSymbols], c.prevLength[:])
	c.tokens(tokens, kind == alignedBlock)
}

// alignedGains reports whether the block gets smaller with a code for the lowest three bits of offsets.
func (c *coder) alignedGains() bool {
	plain, coded := 0, 3*alignedSymbols
	for i, f := range c.counts.aligned {
		plain += 3 * int(f)
		coded += int(f) * int(c.aligned.Lens[i])
	}
	return coded < plain
}

func (c *coder) header(kind uint32, size int) {
	c.out.bits(kind, 3)
	switch {
	case size == 32768:
		c.out.bits(1, 1)
	case c.longSizes:
		c.out.bits(0, 1)
		c.out.bits(uint32(size>>8), 16)
		c.out.bits(uint32(size&255), 8)
	default:
		c.out.bits(0, 1)
		c.out.bits(uint32(size), 16)
	}
}

// tokens writes the symbols of a block.
func (c *coder) tokens(tokens []token, aligned bool) {
	w := c.out
	for _, t := range tokens {
		n := t.length()
		if n == 0 {
			w.put(uint32(c.main.Codes[t&255]), uint(c.main.Lens[t&255]))
			w.flush()
			continue
		}
		n -= minMatch
		v := t.v()
		slot := slotOf(v)
		s := literals + slot<<3 + uint32(min(n, lengthPrimary))
		w.put(uint32(c.main.Codes[s]), uint(c.main.Lens[s]))
		if n >= lengthPrimary {
			w.put(uint32(c.length.Codes[n-lengthPrimary]), uint(c.length.Lens[n-lengthPrimary]))
		}
		w.flush()
		extra := v - slotBase[slot] - offsetBias
		if k := uint(slotBits[slot]); aligned && slot >= 8 {
			w.put(extra>>3, k-3)
			w.put(uint32(c.aligned.Codes[extra&7]), uint(c.aligned.Lens[extra&7]))
		} else {
			w.put(extra, k)
		}
		w.flush()
	}
	c.out = w
}

// lens writes codeword lengths as differences from those before, with runs where there are any.
func (c *coder) lens(now, prev []uint8) {
	var freq [preSymbols]uint32
	c.ops = c.ops[:0]
	for i := 0; i < len(now); {
		run := 1
		for i+run < len(now) && now[i+run] == now[i] {
			run++
		}
		delta := uint8((17 + int(prev[i]) - int(now[i])) % 17)
		op := lenOp{sym: delta, then: noSymbol}
		switch {
		case now[i] == 0 && run >= 20:
			run = min(run, 51)
			op = lenOp{18, uint8(run - 20), 5, noSymbol}
		case now[i] == 0 && run >= 4:
			run = min(run, 19)
			op = lenOp{17, uint8(run - 4), 4, noSymbol}
		case run >= 4:
			run = min(run, 5)
			op = lenOp{19, uint8(run - 4), 1, delta}
			freq[delta]++
		default:
			run = 1
		}
		freq[op.sym]++
		c.ops = append(c.ops, op)
		i += run
	}
	copy(prev, now)
	c.pre.Make(freq[:], maxPreCode)
	for _, l := range c.pre.Lens[:preSymbols] {
		c.out.bits(uint32(l), 4)
	}
	for _, o := range c.ops {
		c.out.bits(uint32(c.pre.Codes[o.sym]), uint(c.pre.Lens[o.sym]))
		c.out.bits(uint32(o.arg), uint(o.argBits))
		if o.then != noSymbol {
			c.out.bits(uint32(c.pre.Codes[o.then]), uint(c.pre.Lens[o.then]))
		}
	}
}
