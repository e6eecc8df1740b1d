package huffman

import "errors"

// MaxBits is the longest codeword there is.
const MaxBits = 16

// MaxSymbols is the largest alphabet.
const MaxSymbols = 1024

// A decoding table is a slice of entries. The first 1<<rootBits of them are looked up with the next rootBits bits of the stream. An entry is the
// symbol's value plus the codeword's length, and 0 when no codeword starts with those bits. An entry with Sub set has in the place of the symbol
// the index of a second table, which is looked up with the next bits up to the longest codeword.
const (
	// Sub marks an entry that leads to a second table. Values do not have it.
	Sub = 1 << 29
	// LengthMask is the part of an entry that is the codeword's length, and whatever the value adds to it. A shift by as much needs no masking.
	LengthMask = 63
)

// Symbols are the values of an alphabet that needs no others: the symbol shifted by 8.
var Symbols = func() (v [MaxSymbols]uint32) {
	for s := range v {
		v[s] = uint32(s) << 8
	}
	return v
}()

// Errors of Build.
var (
	ErrOversubscribed = errors.New("prefix code is oversubscribed")
	ErrTooLong        = errors.New("prefix code has a codeword that is too long")
)

// TableSize is the number of entries of a table: the root, and a second table for every root entry that is the start of longer codewords. Those
// are at most half as many as symbols, as a full subtree has two leaves, and one, as the last one need not be full.
func TableSize(rootBits, maxBits, symbols int) int {
	if rootBits >= maxBits {
		return 1 << rootBits
	}
	return 1<<rootBits + (symbols/2+1)<<(maxBits-rootBits)
}

// Build fills the table for codewords of those lengths, of at most maxBits bits, which is at most MaxBits, and MaxSymbols symbols with a value
// each. The table must have TableSize entries. An incomplete code is accepted; what it leaves free decodes to entry 0.
func Build(t []uint32, rootBits, maxBits int, lens []uint8, values []uint32) error {
	var count, start [32]int
	for _, l := range lens {
		count[l&31]++
	}
	left := 1 << maxBits
	for l := 1; l <= maxBits; l++ {
		left -= count[l&31] << (maxBits - l)
		start[(l+1)&31] = start[l&31] + count[l&31]
	}
	if left < 0 {
		return ErrOversubscribed
	}
	used := start[(maxBits+1)&31]
	if used+count[0] != len(lens) {
		return ErrTooLong
	}
	var sorted [MaxSymbols]uint16 // symbols by length
	start[0] = MaxSymbols - 1     // those that do not occur go where none is that does, as they are fewer than all
	for s, l := range lens {
		at := &start[l&31]
		sorted[*at&(MaxSymbols-1)] = uint16(s)
		if l != 0 {
			*at++
		}
	}
	next := fillRoot(t[:1<<rootBits], rootBits, sorted[:used], values, &count)
	fillSub(t, rootBits, maxBits, sorted[next:used], values, &count)
	return nil
}

// fillRoot enters the codewords of at most rootBits bits, and says how many symbols that were.
func fillRoot(t []uint32, rootBits int, sorted []uint16, values []uint32, count *[32]int) int {
	at, done := 0, 0
	for l := 1; l <= rootBits; l++ {
		group := sorted[done : done+count[l]]
		done += len(group)
		n := 1 << (rootBits - l)
		for _, s := range group {
			entry := values[s] + uint32(l)
			run := t[at : at+n]
			at += n
			for j := range run {
				run[j] = entry
			}
		}
	}
	clear(t[at:])
	return done
}

// fillSub enters the codewords that are longer than rootBits.
func fillSub(t []uint32, rootBits, maxBits int, sorted []uint16, values []uint32, count *[32]int) {
	if len(sorted) == 0 {
		return
	}
	subBits := maxBits - rootBits
	code := 0 // left-aligned in maxBits bits
	for l := 1; l <= rootBits; l++ {
		code += count[l] << (maxBits - l)
	}
	free, prefix, sub := 1<<rootBits, -1, 0
	for l := rootBits + 1; l <= maxBits; l++ {
		group := sorted[:count[l]]
		sorted = sorted[len(group):]
		n := 1 << (maxBits - l)
		for _, s := range group {
			if p := code >> subBits; p != prefix {
				prefix, sub = p, free
				free += 1 << subBits
				clear(t[sub:free])
				t[p] = Sub | uint32(sub)<<8
			}
			entry := values[s] + uint32(l)
			at := sub + code&(1<<subBits-1)
			run := t[at : at+n]
			for j := range run {
				run[j] = entry
			}
			code += n
		}
	}
}
