package bitset_test

import (
	"math/rand/v2"
	"testing"

	"github.com/wimcast/wimcast/internal/bitset"
)

// The set agrees with a map at every boundary of a word.
func TestAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []uint32{1, 63, 64, 65, 128, 200} {
		s, want := bitset.New(int(n)), map[uint32]bool{}
		for range 300 {
			i := rng.Uint32N(n)
			if rng.IntN(2) == 0 {
				s.Add(i)
				want[i] = true
			} else {
				s.Remove(i)
				delete(want, i)
			}
		}
		if s.Len() != len(want) {
			t.Fatalf("n %d: Len %d, want %d", n, s.Len(), len(want))
		}
		for from := range n {
			for _, to := range []uint32{from, from + 1, n} {
				checkNext(t, s, want, from, to)
			}
		}
	}
}

func checkNext(t *testing.T, s bitset.Set, want map[uint32]bool, from, to uint32) {
	t.Helper()
	for _, member := range []bool{true, false} {
		i, ok := from, false
		for ; i < to && !ok; i++ {
			ok = want[i] == member
		}
		next := s.Next
		if !member {
			next = s.NextMissing
		}
		if got, gotOK := next(from, to); gotOK != ok || ok && got != i-1 {
			t.Fatalf("member %v from %d to %d: %d %v, want %d %v", member, from, to, got, gotOK, i-1, ok)
		}
	}
}
