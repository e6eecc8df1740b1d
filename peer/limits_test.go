package peer

import (
	"reflect"
	"testing"
	"time"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/fec"
	"github.com/wimcast/wimcast/wire"
)

// manyBlocks is a linked member that wants n blocks of a byte each, whose contents are of no matter.
func manyBlocks(t *testing.T, n int) *world {
	t.Helper()
	m, err := New(Config{Blocks: slicesOf(n, Block{Size: 1})})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Machine: m, t: t}
	m.Handle(0, Need{Final: true, Spans: []wire.Span{{To: wire.Block(n)}}})
	m.Handle(0, Link{Up: true, Run: 1})
	w.poll()
	return w
}

func slicesOf[T any](n int, v T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = v
	}
	return all
}

func TestConfigAtAndOnePast(t *testing.T) {
	one := []Block{{Size: 1}}
	for name, c := range map[string]struct{ at, past Config }{
		"blocks":           {Config{Blocks: make([]Block, chunk.MaxChunks)}, Config{Blocks: make([]Block, chunk.MaxChunks+1)}},
		"bytes of a block": {Config{Blocks: []Block{{Size: chunk.MaxSize}}}, Config{Blocks: []Block{{Size: chunk.MaxSize + 1}}}},
		"fetches":          {Config{Blocks: one, FetchMax: 256}, Config{Blocks: one, FetchMax: 257}},
		"partial blocks":   {Config{Blocks: one, PartialMax: 2 << 20}, Config{Blocks: one, PartialMax: 2<<20 - 1}},
		"backlog":          {Config{Blocks: one, BacklogMax: chunk.MaxSize}, Config{Blocks: one, BacklogMax: chunk.MaxSize - 1}},
		"patience":         {Config{Blocks: one, LostMax: time.Second}, Config{Blocks: one, LostMax: time.Second - 1}},
	} {
		if _, err := New(c.at); err != nil {
			t.Errorf("%s at the limit: %v", name, err)
		}
		if _, err := New(c.past); err == nil {
			t.Errorf("%s past the limit: accepted", name)
		}
	}
}

// Past claimsMax an announced block is not claimed, until a place is free and it is announced again.
func TestClaimsMax(t *testing.T) {
	w := manyBlocks(t, claimsMax+1)
	for i := range wire.Block(claimsMax + 1) {
		w.closed(wire.Closed{Block: i, Sent: 1}, 5)
	}
	last := wire.Block(claimsMax)
	if w.blocks[last-1].claim == 0 || w.blocks[last].claim != 0 || w.claimQ.Len() != claimsMax {
		t.Fatalf("claims of the last two blocks are %d and %d, %d in all", w.blocks[last-1].claim, w.blocks[last].claim, w.claimQ.Len())
	}
	w.unclaim(0)
	w.deficits()
	w.closed(wire.Closed{Block: last, Sent: 1}, 6)
	if w.blocks[last].claim == 0 || len(w.claims) != claimsMax {
		t.Errorf("with a place free: claim %d, of %d", w.blocks[last].claim, len(w.claims))
	}
}

// A report, a Held and a Want hold as many entries as their formats do; what is more goes into the next.
func TestEntriesOfAMessage(t *testing.T) {
	for past := range 2 {
		w := manyBlocks(t, 2*(wire.MaxSpans+1))
		for i := range wire.Block(wire.MaxDeficits + past) {
			w.closed(wire.Closed{Block: i, Sent: 1}, 5)
		}
		if n := len(w.deficits()); n != wire.MaxDeficits {
			t.Errorf("%d deficits of %d in a report", n, wire.MaxDeficits+past)
		}
		var spans []wire.Span
		for i := range wire.Block(wire.MaxSpans + past) {
			spans = appendBlock(spans, 2*i)
			w.news = append(w.news, 2*i)
		}
		w.sayWant(spans)
		w.tellHeld()
		outs := w.poll()
		wants, helds := streams[wire.Want](outs), streams[wire.Held](outs)
		if len(wants) != 1+past || len(helds) != 1+past || len(wants[0].Spans) != wire.MaxSpans || len(helds[0].Spans) != wire.MaxSpans {
			t.Fatalf("%d spans in %d Wants and %d Helds", wire.MaxSpans+past, len(wants), len(helds))
		}
		if !wants[past].Final || past == 1 && wants[0].Final {
			t.Errorf("%d spans: the last of %d Wants is to be final, and no other", wire.MaxSpans+past, 1+past)
		}
	}
}

// What is durable is told when there are newsMax blocks of it, and not before the next report when there is one less.
func TestNewsMax(t *testing.T) {
	w := manyBlocks(t, newsMax)
	for i := range wire.Block(newsMax) {
		w.blocks[i].state = storing
		w.storingN, w.backlog = w.storingN+1, w.backlog+1
	}
	for i := range wire.Block(newsMax) {
		w.stored(i)
		want := 0
		if i == newsMax-1 {
			want = 1
		}
		if helds := streams[wire.Held](w.poll()); len(helds) != want {
			t.Fatalf("%d messages after %d durable blocks, want %d", len(helds), i+1, want)
		}
	}
}

// No more than spareMax unused slots keep memory.
func TestSpareMax(t *testing.T) {
	var p pool
	for i := range wire.Block(spareMax + 1) {
		p.take(i, 1)
	}
	for s := range int32(spareMax + 1) {
		p.release(s)
	}
	kept := 0
	for i := range p.slots {
		if !reflect.DeepEqual(p.slots[i].fec, fec.Block{}) {
			kept++
		}
	}
	if kept != spareMax || len(p.spare) != spareMax+1 {
		t.Errorf("%d of %d unused slots keep memory, want %d", kept, len(p.spare), spareMax)
	}
}

// A block is fetched when it was wrong badMax times, and not one time earlier.
func TestBadMax(t *testing.T) {
	w := manyBlocks(t, 1)
	for times := 1; times <= badMax; times++ {
		w.badBlock(0)
		if w.fetchSet.Has(0) != (times == badMax) {
			t.Errorf("wrong %d times: to be fetched %v", times, w.fetchSet.Has(0))
		}
	}
}

// Pauses double up to backOffMax.
func TestBackOffMax(t *testing.T) {
	w := manyBlocks(t, 1)
	for _, c := range []struct{ before, want time.Duration }{{0, backOffMin}, {backOffMax / 2, backOffMax}, {backOffMax/2 + 1, backOffMax}, {backOffMax, backOffMax}} {
		w.backOff, w.pause = c.before, 0
		w.slowDown(0, "busy")
		if w.backOff != c.want {
			t.Errorf("after a pause of %v one of %v, want %v", c.before, w.backOff, c.want)
		}
	}
}
