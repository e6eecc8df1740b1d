package huffman

import "errors"

// RootBits is how many bits the first lookup takes.
const RootBits = 11

// MaxBits is the longest codeword there is.
const MaxBits = 16

const (
	subBits = MaxBits - RootBits
	// MaxSymbols is the largest alphabet.
	MaxSymbols = 1024
	// Entries is the size of a table: the root, and a second table for every root entry that is the start of longer codewords, of which there
	// are at most half as many as symbols, as a full subtree has two leaves.
	Entries = 1<<RootBits + MaxSymbols/2<<subBits
)

// Table decodes. An entry is symbol<<8 | codeword length; 0 when no codeword starts with those bits. A root entry
// with Sub set has the index of a second table of 1<<5 entries in the place of the symbol.
type Table [Entries]uint32

// Sub marks a root entry that leads to a second table.
const Sub = 1 << 31

// ErrOversubscribed says that the lengths are of no prefix code.
var ErrOversubscribed = errors.New("prefix code is oversubscribed")

// Build fills the table for codewords of those lengths, of at most MaxBits bits and MaxSymbols symbols. An incomplete code
// is taken; what it leaves free decodes to entry 0.
func Build(t *Table, lens []uint8) error {
	var count [MaxBits + 2]int
	for _, l := range lens {
		count[l]++
	}
	left := 1
	for l := 1; l <= MaxBits; l++ {
		left = left<<1 - count[l]
		if left < 0 {
			return ErrOversubscribed
		}
	}
	var sorted [MaxSymbols]uint16
	var start [MaxBits + 2]int
	for l := 1; l <= MaxBits; l++ {
		start[l+1] = start[l] + count[l]
	}
	used := start[MaxBits+1]
	for s, l := range lens {
		if l != 0 {
			sorted[start[l]&(MaxSymbols-1)] = uint16(s)
			start[l]++
		}
	}
	next := fillRoot(t, lens, sorted[:used])
	fillSub(t, lens, sorted[next:used], &count)
	return nil
}

// fillRoot enters the codewords of at most RootBits bits, and says how many symbols that were.
func fillRoot(t *Table, lens []uint8, sorted []uint16) int {
	at := 0
	for i, s := range sorted {
		l := lens[s]
		if l > RootBits {
			clear(t[at : 1<<RootBits])
			return i
		}
		n := 1 << (RootBits - l)
		entry := uint32(s)<<8 | uint32(l)
		run := t[at : at+n]
		for j := range run {
			run[j] = entry
		}
		at += n
	}
	clear(t[at : 1<<RootBits])
	return len(sorted)
}

// fillSub enters the codewords that are longer than RootBits.
func fillSub(t *Table, lens []uint8, sorted []uint16, count *[MaxBits + 2]int) {
	if len(sorted) == 0 {
		return
	}
	code := 0 // left-aligned in MaxBits bits
	for l := 1; l <= RootBits; l++ {
		code += count[l] << (MaxBits - l)
	}
	free, prefix, sub := 1<<RootBits, -1, 0
	for _, s := range sorted {
		l := int(lens[s])
		if p := code >> subBits; p != prefix {
			prefix, sub = p, free
			free += 1 << subBits
			clear(t[sub:free])
			t[p] = Sub | uint32(sub)<<8
		}
		at := sub + code&(1<<subBits-1)
		n := 1 << (MaxBits - l)
		for j := range n {
			t[at+j] = uint32(s)<<8 | uint32(l)
		}
		code += n
	}
}
