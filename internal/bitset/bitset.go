// Package bitset is a fixed set of small numbers: blocks of a cast. New makes one; Next and NextMissing walk it a word at a
// time, so a walk costs the words passed and not the numbers.
package bitset

import "math/bits"

// Set is a set of the numbers 0..n-1 for the n it was made with. Numbers outside must not be given.
type Set []uint64

// New returns an empty set for the numbers 0..n-1.
func New(n int) Set { return make(Set, (n+63)/64) }

// Has says whether i is in s.
func (s Set) Has(i uint32) bool { return s[i>>6]>>(i&63)&1 == 1 }

// Add puts i into s.
func (s Set) Add(i uint32) { s[i>>6] |= 1 << (i & 63) }

// Remove takes i out of s.
func (s Set) Remove(i uint32) { s[i>>6] &^= 1 << (i & 63) }

// Next returns the smallest member of s that is at least from and below to.
func (s Set) Next(from, to uint32) (uint32, bool) { return s.next(from, to, 0) }

// NextMissing returns the smallest number that is at least from, below to, and not in s.
func (s Set) NextMissing(from, to uint32) (uint32, bool) { return s.next(from, to, ^uint64(0)) }

func (s Set) next(from, to uint32, flip uint64) (uint32, bool) {
	if from >= to {
		return 0, false
	}
	w := int(from >> 6)
	word := (s[w] ^ flip) &^ (1<<(from&63) - 1)
	for word == 0 {
		w++
		if uint32(w)<<6 >= to {
			return 0, false
		}
		word = s[w] ^ flip
	}
	i := uint32(w)<<6 + uint32(bits.TrailingZeros64(word))
	return i, i < to
}

// Len counts the members of s.
func (s Set) Len() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}
