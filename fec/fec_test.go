package fec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/reedsolomon"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/wire"
)

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// collect feeds the symbols with the given indices to a fresh block and decodes it.
func collect(t *testing.T, data, parity []byte, indices []int) []byte {
	t.Helper()
	b, err := NewBlock(len(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range indices {
		if _, err := b.Add(wire.Symbol(i), Symbol(data, parity, wire.Symbol(i))); err != nil {
			t.Fatal(err)
		}
	}
	got, err := b.Decode()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Every k, with a last symbol of one byte, of all bytes and of some, each under several random choices of k symbols.
func TestAnyKSymbolsGiveTheChunkBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for k := 1; k <= wire.MaxSource; k++ {
		for _, last := range []int{1, wire.SymbolSize, 1 + rng.IntN(wire.SymbolSize)} {
			size := min((k-1)*wire.SymbolSize+last, chunk.MaxSize)
			data := randomBytes(rng, size)
			parity, err := Parity(nil, data)
			if err != nil {
				t.Fatal(err)
			}
			if got := collect(t, data, parity, rng.Perm(k + wire.ParitySymbols)[:k]); !bytes.Equal(got, data) {
				t.Fatalf("k %d, size %d: wrong chunk", k, size)
			}
		}
	}
}

// Chosen patterns of loss on a small and the largest block: each single loss, the first and last runs, all parity.
func TestLossPatterns(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, k := range []int{2, 64, 65, 93, wire.MaxSource} {
		data := randomBytes(rng, k*wire.SymbolSize-5)
		if k == wire.MaxSource {
			data = data[:chunk.MaxSize]
		}
		parity, err := Parity(nil, data)
		if err != nil {
			t.Fatal(err)
		}
		check := func(name string, lost func(i int) bool) {
			var kept []int
			for i := range k + wire.ParitySymbols {
				if !lost(i) && len(kept) < k {
					kept = append(kept, i)
				}
			}
			if got := collect(t, data, parity, kept); !bytes.Equal(got, data) {
				t.Fatalf("k %d, lost %s: wrong chunk", k, name)
			}
		}
		check("nothing", func(int) bool { return false })
		for one := range k {
			check(fmt.Sprint(one), func(i int) bool { return i == one })
		}
		for n := 1; n <= wire.ParitySymbols; n += 7 {
			check(fmt.Sprintf("the first %d", n), func(i int) bool { return i < n })
			check(fmt.Sprintf("%d from the middle", n), func(i int) bool { return i >= k/2 && i < k/2+n })
			check(fmt.Sprintf("the first %d parity and as many source", n/2), func(i int) bool {
				return i < n/2 || i >= k && i < k+n/2
			})
		}
	}
}

// What the code must be on every platform: the plain Leopard code over whole, padded shards.
func TestParityIsTheCodeOfPaddedSymbols(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	dirty := bytes.Repeat([]byte{0xff}, ParityBytes)
	for _, size := range []int{1, 1407, 1408, 1409, 100_000, chunk.MaxSize} {
		data := randomBytes(rng, size)
		k := Source(size)
		code, err := reedsolomon.New(k, wire.ParitySymbols, reedsolomon.WithLeopardGF(true),
			reedsolomon.WithAVX2(false), reedsolomon.WithSSSE3(false), reedsolomon.WithAVX512(false), reedsolomon.WithGFNI(false),
			reedsolomon.WithAVXGFNI(false))
		if err != nil {
			t.Fatal(err)
		}
		padded := make([]byte, (k+wire.ParitySymbols)*wire.SymbolSize)
		copy(padded, data)
		shards := make([][]byte, k+wire.ParitySymbols)
		for i := range shards {
			shards[i] = padded[i*wire.SymbolSize : (i+1)*wire.SymbolSize]
		}
		if err := code.Encode(shards); err != nil {
			t.Fatal(err)
		}
		got, err := Parity(dirty, data)
		if err != nil || !bytes.Equal(got, padded[k*wire.SymbolSize:]) {
			t.Errorf("size %d: other parity, %v", size, err)
		}
	}
}

// The parity of a fixed chunk, so that a change of the code is noticed: peers of other versions must agree.
func TestParityGolden(t *testing.T) {
	data := make([]byte, 10_000)
	for i := range data {
		data[i] = byte(i * i >> 3)
	}
	parity, err := Parity(nil, data)
	if err != nil {
		t.Fatal(err)
	}
	const want = "e8959d3a0d27b611027b98b74e37573c5250622472f7c7fca64d486b4ce41dc1"
	if got := chunk.Sum(parity).String(); got != want {
		t.Errorf("parity hashes to %s, want %s", got, want)
	}
}

func TestBlockTakesEachSymbolOnceAndNoMoreThanItNeeds(t *testing.T) {
	data := randomBytes(rand.New(rand.NewPCG(7, 8)), 3*wire.SymbolSize)
	parity, _ := Parity(nil, data)
	b, _ := NewBlock(len(data))
	add := func(i wire.Symbol, want bool) {
		t.Helper()
		if got, err := b.Add(i, Symbol(data, parity, i)); got != want || err != nil {
			t.Errorf("symbol %d: %v, %v", i, got, err)
		}
	}
	add(66, true)
	add(66, false)
	add(1, true)
	add(1, false)
	if b.Need() != 1 || !b.Has(66) || b.Has(0) {
		t.Errorf("need %d", b.Need())
	}
	if _, err := b.Decode(); err == nil {
		t.Error("decoded with a symbol missing")
	}
	add(3, true)
	add(0, false) // needs none
	got, err := b.Decode()
	if err != nil || !bytes.Equal(got, data) {
		t.Error("wrong chunk", err)
	}
	if _, err := b.Decode(); err == nil {
		t.Error("decoded twice")
	}
}

func TestBadSymbolsAreRefused(t *testing.T) {
	b, _ := NewBlock(wire.SymbolSize + 10) // k = 2
	full := make([]byte, wire.SymbolSize+1)
	for _, c := range []struct {
		i wire.Symbol
		n int
	}{
		{0, 0},
		{0, wire.SymbolSize - 1},
		{0, wire.SymbolSize + 1},
		{1, 9},
		{1, 11},
		{1, wire.SymbolSize},
		{2, 10},
		{2 + wire.ParitySymbols, wire.SymbolSize},
		{65535, wire.SymbolSize},
	} {
		if ok, err := b.Add(c.i, full[:c.n]); ok || err == nil {
			t.Errorf("symbol %d of %d bytes was taken", c.i, c.n)
		}
	}
	if b.Need() != 2 {
		t.Errorf("need %d", b.Need())
	}
	for _, size := range []int{-1, 0, chunk.MaxSize + 1} {
		if _, err := NewBlock(size); err == nil {
			t.Errorf("a block of %d bytes was made", size)
		}
		if _, err := Parity(nil, make([]byte, max(size, 0))); err == nil {
			t.Errorf("parity of %d bytes was made", size)
		}
	}
	if Symbol(full, nil, 2) != nil || Symbol(nil, nil, 0) != nil || Symbol(full, full, 2+wire.ParitySymbols) != nil {
		t.Error("a symbol that does not exist was returned")
	}
}

// A buffer that is used again must not leak its old bytes into the chunk.
func TestResetWithAUsedBuffer(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	var b Block
	buf := bytes.Repeat([]byte{0xff}, BufferSize(chunk.MaxSize))
	for range 50 {
		data := randomBytes(rng, 1+rng.IntN(20_000))
		parity, _ := Parity(nil, data)
		if err := b.Reset(len(data), buf); err != nil {
			t.Fatal(err)
		}
		k := Source(len(data))
		for _, i := range rng.Perm(k + wire.ParitySymbols)[:k] {
			if _, err := b.Add(wire.Symbol(i), Symbol(data, parity, wire.Symbol(i))); err != nil {
				t.Fatal(err)
			}
		}
		got, err := b.Decode()
		if err != nil || !bytes.Equal(got, data) || &got[0] != &buf[0] {
			t.Fatal("wrong chunk", err)
		}
	}
}

func FuzzBlock(f *testing.F) {
	f.Add(uint32(1409), uint64(1), []byte{0, 1, 2, 65, 200})
	f.Fuzz(func(t *testing.T, size uint32, seed uint64, indices []byte) {
		if size == 0 || size > chunk.MaxSize {
			return
		}
		data := randomBytes(rand.New(rand.NewPCG(seed, 0)), int(size))
		parity, err := Parity(nil, data)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := NewBlock(len(data))
		for _, i := range indices {
			if int(i) >= b.Source()+wire.ParitySymbols {
				continue
			}
			if _, err := b.Add(wire.Symbol(i), Symbol(data, parity, wire.Symbol(i))); err != nil {
				t.Fatal(err)
			}
		}
		if b.Need() == 0 {
			if got, err := b.Decode(); err != nil || !bytes.Equal(got, data) {
				t.Fatal("wrong chunk", err)
			}
		}
	})
}

func BenchmarkParity(b *testing.B) {
	data := randomBytes(rand.New(rand.NewPCG(1, 1)), chunk.MaxSize)
	dst := make([]byte, ParityBytes)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parity(dst, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, lost := range []int{0, 2, 20, 64} {
		b.Run(fmt.Sprintf("lost=%d", lost), func(b *testing.B) {
			data := randomBytes(rand.New(rand.NewPCG(1, 1)), chunk.MaxSize)
			parity, _ := Parity(nil, data)
			buf := make([]byte, BufferSize(len(data)))
			var blk Block
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := blk.Reset(len(data), buf); err != nil {
					b.Fatal(err)
				}
				for i := lost; blk.Need() > 0; i++ {
					if _, err := blk.Add(wire.Symbol(i), Symbol(data, parity, wire.Symbol(i))); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := blk.Decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The last symbol of the largest block is there to be asked for and added, and the one behind it is not.
func TestSymbolsAtAndOnePast(t *testing.T) {
	data := randomBytes(rand.New(rand.NewPCG(3, 4)), chunk.MaxSize)
	parity, err := Parity(nil, data)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewBlock(chunk.MaxSize)
	if err != nil {
		t.Fatal(err)
	}
	last := Symbol(data, parity, maxShards-1)
	if ok, err := b.Add(maxShards-1, last); !ok || err != nil || !b.Has(maxShards-1) {
		t.Errorf("the last symbol: %v, %v", ok, err)
	}
	if ok, err := b.Add(maxShards, last); ok || err == nil || b.Has(maxShards) || Symbol(data, parity, maxShards) != nil {
		t.Errorf("one past the last: %v, %v", ok, err)
	}
}
