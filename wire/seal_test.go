package wire

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func pair(t testing.TB) (*Sealer, *Opener) {
	t.Helper()
	key := DeriveRunKey(seq32(1), 1, seq32(2), [16]byte{1, 2, 3, 4})
	return NewSealer(key), NewOpener(key, 7, 0x01020304)
}

func mustSeal(t testing.TB, s *Sealer, seq Seq, payload []byte) []byte {
	t.Helper()
	b, err := s.Seal(nil, Header{Type: TypeSymbol, Symbol: 3, Cast: 7, Run: 0x01020304, Seq: seq, Block: 9}, payload)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpenGivesBackWhatSealTook(t *testing.T) {
	s, o := pair(t)
	want := bytes.Repeat([]byte{5}, SymbolSize)
	b := mustSeal(t, s, 1, want)
	if len(b) != MaxDatagram {
		t.Errorf("%d bytes", len(b))
	}
	h, got, err := o.Open(b)
	if err != nil || !bytes.Equal(got, want) || h.Seq != 1 || h.Block != 9 || h.Symbol != 3 {
		t.Errorf("%+v %v", h, err)
	}
}

func TestSealInPlace(t *testing.T) {
	s, o := pair(t)
	buf := make([]byte, MaxDatagram)
	payload := buf[HeaderSize : HeaderSize+100]
	copy(payload, "here already")
	b, err := s.Seal(buf, Header{Type: TypeSymbol, Cast: 7, Run: 0x01020304, Seq: 1}, payload)
	if err != nil || &b[0] != &buf[0] {
		t.Fatal("not in place", err)
	}
	if _, got, err := o.Open(b); err != nil || string(got[:12]) != "here already" {
		t.Error(err)
	}
}

func TestEveryFlippedBitAndEveryPrefixIsRefused(t *testing.T) {
	s, o := pair(t)
	b := mustSeal(t, s, 1, []byte("some symbol"))
	for i := range len(b) * 8 {
		c := bytes.Clone(b)
		c[i/8] ^= 1 << (i % 8)
		if _, _, err := o.Open(c); err == nil {
			t.Errorf("bit %d flipped: accepted", i)
		}
	}
	for n := range b {
		if _, _, err := o.Open(bytes.Clone(b[:n])); err == nil {
			t.Errorf("the first %d bytes: accepted", n)
		}
	}
	if _, _, err := o.Open(append(bytes.Clone(b), 0)); !errors.Is(err, ErrForged) {
		t.Errorf("a byte too many: %v", err)
	}
	if _, _, err := o.Open(b); err != nil {
		t.Errorf("forgeries used up the sequence: %v", err)
	}
}

func TestReplayOtherRunAndStaleEpochAreRefused(t *testing.T) {
	s, o := pair(t)
	b := mustSeal(t, s, 1, []byte("x"))
	again := bytes.Clone(b)
	if _, _, err := o.Open(b); err != nil {
		t.Fatal(err)
	}
	if _, _, err := o.Open(again); err != ErrReplay {
		t.Errorf("replay: %v", err)
	}
	stale := DeriveRunKey(seq32(1), 0, seq32(2), [16]byte{1, 2, 3, 4})
	if _, _, err := o.Open(mustSeal(t, NewSealer(stale), 2, []byte("x"))); err != ErrForged {
		t.Errorf("key of another epoch: %v", err)
	}
	other, err := s.Seal(nil, Header{Type: TypeSymbol, Cast: 7, Run: 5, Seq: 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := o.Open(other); err != ErrRun {
		t.Errorf("another run: %v", err)
	}
}

func TestSealerNeverUsesASequenceTwice(t *testing.T) {
	s, _ := pair(t)
	mustSeal(t, s, 5, nil)
	for _, seq := range []Seq{5, 4, 0, MaxSeq + 1} {
		if _, err := s.Seal(nil, Header{Type: TypeSymbol, Seq: seq}, nil); err == nil {
			t.Errorf("sequence %d after 5 was sealed", seq)
		}
	}
	if _, err := s.Seal(nil, Header{Type: TypeSymbol, Seq: 6}, make([]byte, SymbolSize+1)); err == nil {
		t.Error("a payload past the limit was sealed")
	}
	mustSeal(t, s, 6, make([]byte, SymbolSize))
	mustSeal(t, s, MaxSeq, nil)
}

// The window against a plain map.
func TestReplayWindowLikeAMap(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var w replayWindow
		seen := map[Seq]bool{}
		highest, at := Seq(0), Seq(1)
		for range 20_000 {
			switch rng.IntN(100) {
			case 0:
				at += Seq(rng.IntN(3 * ReplayWindow))
			default:
				at += Seq(rng.IntN(3))
			}
			seq := at
			if back := Seq(rng.IntN(ReplayWindow + 200)); rng.IntN(2) == 0 && back < at {
				seq = at - back
			}
			want := seq > 0 && !seen[seq] && (seq > highest || highest-seq < ReplayWindow)
			if got := w.fresh(seq); got != want {
				t.Fatalf("seed %d: fresh(%d) = %v with highest %d", seed, seq, got, highest)
			}
			if want {
				w.mark(seq)
				seen[seq] = true
				highest = max(highest, seq)
			}
		}
	}
}

func TestSealAndOpenAllocateNothing(t *testing.T) {
	s, o := pair(t)
	buf, payload := make([]byte, 0, MaxDatagram), make([]byte, SymbolSize)
	seq := Seq(0)
	if n := testing.AllocsPerRun(100, func() {
		seq++
		b, err := s.Seal(buf, Header{Type: TypeSymbol, Cast: 7, Run: 0x01020304, Seq: seq}, payload)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := o.Open(b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a datagram", n)
	}
}

func BenchmarkSeal(b *testing.B) {
	s, _ := pair(b)
	buf, payload := make([]byte, 0, MaxDatagram), make([]byte, SymbolSize)
	b.SetBytes(SymbolSize)
	for seq := Seq(1); b.Loop(); seq++ {
		if _, err := s.Seal(buf, Header{Type: TypeSymbol, Cast: 7, Run: 0x01020304, Seq: seq}, payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenForged(b *testing.B) {
	_, o := pair(b)
	forged := Header{Type: TypeSymbol, Cast: 7, Run: 0x01020304, Seq: 1}.Append(nil)
	forged = append(forged, make([]byte, SymbolSize+TagSize)...)
	b.SetBytes(SymbolSize)
	for b.Loop() {
		if _, _, err := o.Open(forged); err != ErrForged {
			b.Fatal(err)
		}
	}
}
