package match

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestCopyRepeatsByteByByte(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for offset := 1; offset <= 70; offset++ {
		for length := 1; length <= 300; length++ {
			op := offset + rng.IntN(20)
			dst := make([]byte, op+length+rng.IntN(40))
			for i := range dst {
				dst[i] = byte(rng.Uint32())
			}
			want := bytes.Clone(dst)
			for i := op; i < op+length; i++ {
				want[i] = want[i-offset]
			}
			Copy(dst, op, offset, length)
			if !bytes.Equal(dst[:op+length], want[:op+length]) {
				t.Fatalf("offset %d, length %d, %d bytes behind: differs", offset, length, len(dst)-op-length)
			}
		}
	}
}

func BenchmarkCopy(b *testing.B) {
	dst := make([]byte, 4096)
	for b.Loop() {
		for length := 3; length < 40; length++ {
			Copy(dst, 2000, 9+length, length)
		}
	}
}

func TestCopyNearCopiesWhatDoesNotOverlapNearby(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for offset := 1; offset <= 70; offset++ {
		for length := 1; length <= Near; length++ {
			if offset < 16 && offset < length {
				continue
			}
			op := offset + rng.IntN(20)
			dst := make([]byte, op+Near+1)
			for i := range dst {
				dst[i] = byte(rng.Uint32())
			}
			want := bytes.Clone(dst)
			for i := op; i < op+length; i++ {
				want[i] = want[i-offset]
			}
			CopyNear(dst, op, offset)
			if !bytes.Equal(dst[:op+length], want[:op+length]) || dst[op+Near] != want[op+Near] {
				t.Fatalf("offset %d, length %d: differs", offset, length)
			}
		}
	}
}

func TestCopyNearRefusesToLeaveItsSlice(t *testing.T) {
	for _, c := range []struct{ size, op, offset int }{{100, 69, 5}, {100, 10, 11}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v: no panic", c)
				}
			}()
			CopyNear(make([]byte, c.size), c.op, c.offset)
		}()
	}
}
