package disk

import (
	"errors"
	"os"
	"path"
	"testing"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

func TestConfigAtAndOnePast(t *testing.T) {
	for what, c := range map[string]struct{ at, past StoreConfig }{
		"pack":    {StoreConfig{PackSize: maxPackSize}, StoreConfig{PackSize: maxPackSize + 1}},
		"pending": {StoreConfig{MaxPending: limitMaxPending}, StoreConfig{MaxPending: limitMaxPending + 1}},
		"least":   {StoreConfig{MaxPending: chunk.MaxSize}, StoreConfig{MaxPending: chunk.MaxSize - 1}},
	} {
		s, err := OpenStore(vfs.NewMem(), "store", c.at)
		if err != nil {
			t.Errorf("%s at the limit: %v", what, err)
			continue
		}
		no(t, s.Close())
		if _, err := OpenStore(vfs.NewMem(), "store", c.past); err == nil {
			t.Errorf("%s past the limit: accepted", what)
		}
	}
}

// TestRecordsAtAndOnePast: what a record of the index may say of a chunk's place.
func TestRecordsAtAndOnePast(t *testing.T) {
	for _, c := range []struct {
		l  loc
		ok bool
	}{
		{loc{size: chunk.MaxSize, off: packHeader}, true},
		{loc{size: chunk.MaxSize + 1, off: packHeader}, false},
		{loc{size: 1, off: 2 * maxPackSize}, true},
		{loc{size: 1, off: 2*maxPackSize + 1}, false},
	} {
		if _, err := parseRecord(record{kind: recordHeld, loc: c.l}.append(nil)); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.l, err)
		}
	}
}

// TestFullStore: it takes its last chunk, and what it has already, and no other.
func TestFullStore(t *testing.T) {
	s := openStore(t, vfs.NewMem(), StoreConfig{MaxChunks: 3})
	putBlobs(t, s, 0, 2)
	for _, when := range []string{"pending", "held"} {
		for _, i := range []int{0, 2, 2, 3} {
			id, data := blob(i)
			if err := s.Put(t.Context(), id, data); errors.Is(err, chunk.ErrFull) != (i == 3) {
				t.Errorf("chunk %d, the last one %s: %v", i, when, err)
			}
		}
		no(t, s.Sync())
	}
}

// TestOpenPacks: no more files than maxOpenPacks are kept open; the one used longest ago is closed, when nobody
// reads it.
func TestOpenPacks(t *testing.T) {
	fsys := vfs.NewMem()
	for n := range uint32(maxOpenPacks + 1) {
		f, err := fsys.OpenFile(path.Join("/", packName(n))[1:], os.O_RDWR|os.O_CREATE, 0o644)
		no(t, err)
		no(t, f.Close())
	}
	p := packFiles{fs: fsys, dir: ".", open: map[uint32]*packFile{}}
	var first *packFile
	for n := range uint32(maxOpenPacks + 1) {
		f, err := p.acquire(n)
		no(t, err)
		if n == 0 {
			first = f
			continue
		}
		p.release(f)
		if want := n == maxOpenPacks; first.doomed != want || len(p.open) != min(int(n)+1, maxOpenPacks) {
			t.Fatalf("after pack %d: %d are open, the first is given up: %v", n, len(p.open), first.doomed)
		}
	}
	if _, err := first.Stat(); err != nil {
		t.Errorf("closed while it is read: %v", err)
	}
	p.release(first)
	p.closeAll()
}
