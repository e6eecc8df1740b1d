package lzx

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/wimcast/wimcast/wim/internal/huffman"
)

// plainEncoder is a plain LZX plainEncoder, the opposite of the decoder step by step. It takes the first match it finds, and lets a generator choose
// kinds and sizes of blocks.
type plainEncoder struct {
	out    []byte
	acc    uint64
	n      uint
	rng    *rand.Rand
	recent [3]uint32

	mainSymbols int
	longSizes   bool
	prevMain    [maxMain]uint8
	prevLength  [lengthSymbols]uint8
	main        huffman.Encoder
	length      huffman.Encoder
	aligned     huffman.Encoder
}

// plainToken is a literal (length 0) or a match.
type plainToken struct {
	lit    byte
	length int
	slot   uint32
	extra  uint32
}

func plainEncode(src []byte, pieceSize int, rng *rand.Rand) []byte {
	d, err := NewDecoder(pieceSize)
	if err != nil {
		panic(err)
	}
	e := &plainEncoder{rng: rng, recent: [3]uint32{1, 1, 1}, mainSymbols: d.mainSymbols, longSizes: d.longSizes}
	data := append([]byte(nil), src...)
	translate(data)
	table := make(map[[4]byte]int)
	for start := 0; start < len(data); {
		size := min(len(data)-start, 32768)
		if rng.IntN(2) == 0 {
			size = 1 + rng.IntN(len(data)-start)
		}
		kind := uint32(1 + rng.IntN(2))
		if rng.IntN(8) == 0 {
			kind, size = 3, min(size, 1+rng.IntN(3000))
		}
		e.header(kind, size)
		if kind == 3 {
			e.raw(data[start : start+size])
		} else {
			e.block(e.parse(data, start, start+size, table), kind == 2)
		}
		start += size
	}
	if e.n > 0 {
		e.bits(0, 16-e.n)
	}
	return e.out
}

func (e *plainEncoder) bits(v uint32, n uint) {
	e.acc = e.acc<<n | uint64(v)
	for e.n += n; e.n >= 16; e.n -= 16 {
		e.out = binary.LittleEndian.AppendUint16(e.out, uint16(e.acc>>(e.n-16)))
	}
}

func (e *plainEncoder) header(kind uint32, size int) {
	e.bits(kind, 3)
	if size == 32768 {
		e.bits(1, 1)
		return
	}
	e.bits(0, 1)
	if e.longSizes {
		e.bits(uint32(size>>8), 16)
		e.bits(uint32(size&255), 8)
	} else {
		e.bits(uint32(size), 16)
	}
}

func (e *plainEncoder) raw(data []byte) {
	e.bits(0, 16-e.n)
	for _, r := range e.recent {
		e.out = binary.LittleEndian.AppendUint32(e.out, r)
	}
	e.out = append(e.out, data...)
	if len(data)&1 != 0 {
		e.out = append(e.out, 0)
	}
}

// parse makes the tokens of data[start:end].
func (e *plainEncoder) parse(data []byte, start, end int, table map[[4]byte]int) []plainToken {
	var tokens []plainToken
	for p := start; p < end; {
		n, offset := 0, 0
		if p+4 <= end {
			key := [4]byte(data[p : p+4])
			if q, ok := table[key]; ok {
				for n = 4; n < 257 && p+n < end && data[q+n] == data[p+n]; n++ {
				}
				offset = p - q
			}
			table[key] = p
		}
		if r := int(e.recent[e.rng.IntN(3)]); r <= p && p+2 <= end {
			k := 0
			for ; k < 257 && p+k < end && data[p+k-r] == data[p+k]; k++ {
			}
			if k >= 2 && k >= n {
				n, offset = k, r
			}
		}
		if n == 0 {
			tokens = append(tokens, plainToken{lit: data[p]})
			p++
			continue
		}
		slot, extra := e.slot(uint32(offset))
		tokens = append(tokens, plainToken{length: n, slot: slot, extra: extra})
		p += n
	}
	return tokens
}

func (e *plainEncoder) slot(offset uint32) (slot, extra uint32) {
	for i, r := range e.recent {
		if r == offset {
			e.recent[0], e.recent[i] = e.recent[i], e.recent[0]
			return uint32(i), 0
		}
	}
	e.recent = [3]uint32{offset, e.recent[0], e.recent[1]}
	slot = 3
	for slot < 49 && slotBase[slot+1] <= offset {
		slot++
	}
	return slot, offset - slotBase[slot]
}

func (t plainToken) mainSymbol() uint32 {
	if t.length == 0 {
		return uint32(t.lit)
	}
	return literals + t.slot<<3 + uint32(min(t.length-minMatch, 7))
}

// block writes codes and tokens.
func (e *plainEncoder) block(tokens []plainToken, aligned bool) {
	var mainFreq [maxMain]uint32
	var lengthFreq [lengthSymbols]uint32
	var alignedFreq [alignedSymbols]uint32
	for _, t := range tokens {
		mainFreq[t.mainSymbol()]++
		if t.length >= 7+minMatch {
			lengthFreq[t.length-7-minMatch]++
		}
		if t.length > 0 && slotBits[t.slot] >= 3 {
			alignedFreq[t.extra&7]++
		}
	}
	e.main.Make(mainFreq[:e.mainSymbols], 16)
	e.length.Make(lengthFreq[:], 16)
	e.aligned.Make(alignedFreq[:], 7)
	if aligned {
		for i := range alignedSymbols {
			e.bits(uint32(e.aligned.Lens[i]), 3)
		}
	}
	e.lens(e.main.Lens[:literals], e.prevMain[:literals])
	e.lens(e.main.Lens[literals:e.mainSymbols], e.prevMain[literals:e.mainSymbols])
	e.lens(e.length.Lens[:lengthSymbols], e.prevLength[:])
	for _, t := range tokens {
		s := t.mainSymbol()
		e.bits(uint32(e.main.Codes[s]), uint(e.main.Lens[s]))
		if t.length >= 7+minMatch {
			s := t.length - 7 - minMatch
			e.bits(uint32(e.length.Codes[s]), uint(e.length.Lens[s]))
		}
		if t.length == 0 {
			continue
		}
		n := uint(slotBits[t.slot])
		if aligned && n >= 3 {
			e.bits(t.extra>>3, n-3)
			e.bits(uint32(e.aligned.Codes[t.extra&7]), uint(e.aligned.Lens[t.extra&7]))
		} else {
			e.bits(t.extra, n)
		}
	}
}

// lens writes codeword lengths as differences from those before, with runs where there are any.
func (e *plainEncoder) lens(now, prev []uint8) {
	type op struct{ sym, arg, argBits, then uint32 }
	var ops []op
	var freq [preSymbols]uint32
	delta := func(i int) uint32 { return (uint32(prev[i]) + 17 - uint32(now[i])) % 17 }
	for i := 0; i < len(now); {
		run := 1
		for i+run < len(now) && now[i+run] == now[i] {
			run++
		}
		switch {
		case now[i] == 0 && run >= 20:
			run = min(run, 51)
			ops = append(ops, op{18, uint32(run - 20), 5, 99})
		case now[i] == 0 && run >= 4:
			run = min(run, 19)
			ops = append(ops, op{17, uint32(run - 4), 4, 99})
		case run >= 4:
			run = min(run, 5)
			ops = append(ops, op{19, uint32(run - 4), 1, delta(i)})
			freq[delta(i)]++
		default:
			run = 1
			ops = append(ops, op{delta(i), 0, 0, 99})
		}
		freq[ops[len(ops)-1].sym]++
		i += run
	}
	copy(prev, now)
	var pre huffman.Encoder
	pre.Make(freq[:], 15)
	for i := range preSymbols {
		e.bits(uint32(pre.Lens[i]), 4)
	}
	for _, o := range ops {
		e.bits(uint32(pre.Codes[o.sym]), uint(pre.Lens[o.sym]))
		e.bits(o.arg, uint(o.argBits))
		if o.then != 99 {
			e.bits(uint32(pre.Codes[o.then]), uint(pre.Lens[o.then]))
		}
	}
}
