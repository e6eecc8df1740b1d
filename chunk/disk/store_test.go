package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

const testDir = "node/store"

// small makes packs and commits happen often.
var small = StoreConfig{PackSize: 3000, MaxPending: chunk.MaxSize}

func openStore(t *testing.T, fsys vfs.FS, cfg StoreConfig) *Store {
	t.Helper()
	s, err := OpenStore(fsys, testDir, cfg)
	no(t, err)
	return s
}

func no(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// noise returns n bytes that depend on seed only.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)}).Read(b)
	return b
}

// blob is the i-th test chunk, 500 to 1500 bytes long.
func blob(i int) (chunk.ID, []byte) {
	b := noise(uint64(i), 500+i*37%1000)
	return chunk.Sum(b), b
}

func putBlobs(t *testing.T, s *Store, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		no(t, put(s, i))
	}
	no(t, s.Sync())
}

// wantBlobs checks that exactly the blobs for which held says true, of the first n, are there, intact.
func wantBlobs(t *testing.T, s *Store, n int, held func(i int) bool) {
	t.Helper()
	for i := range n {
		id, data := blob(i)
		got, err := s.Get(t.Context(), id, nil)
		switch {
		case s.Has(id) != held(i):
			t.Errorf("blob %d: held is %v, want %v", i, s.Has(id), held(i))
		case held(i) && (err != nil || !bytes.Equal(got, data)):
			t.Errorf("blob %d: %v", i, err)
		case !held(i) && !errors.Is(err, chunk.ErrNotHeld):
			t.Errorf("blob %d: error %v, want ErrNotHeld", i, err)
		}
	}
}

func below(n int) func(int) bool { return func(i int) bool { return i < n } }

func TestStoreKeepsChunksAcrossReopen(t *testing.T) {
	dir, err := vfs.OS(t.TempDir())
	no(t, err)
	defer dir.Close()
	for name, fsys := range map[string]vfs.FS{"mem": vfs.NewMem(), "os": dir} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, fsys, small)
			no(t, put(s, 0))
			wantBlobs(t, s, 1, below(0)) // not durable, so not held
			putBlobs(t, s, 0, 20)
			putBlobs(t, s, 10, 30)
			wantBlobs(t, s, 40, below(30))
			st := s.Stats()
			if st.Chunks != 30 || st.Disk != st.Bytes+int64(st.Packs)*packHeader || st.Packs < 2 {
				t.Errorf("a chunk is stored twice, or packs do not end: %+v", st)
			}
			no(t, s.Close())
			for range 3 {
				s = openStore(t, fsys, small)
				if got := s.Stats(); got != st {
					t.Errorf("stats after reopen %+v, want %+v", got, st)
				}
				no(t, s.Close())
			}
			s = openStore(t, fsys, small)
			putBlobs(t, s, 30, 50)
			wantBlobs(t, s, 60, below(50))
			no(t, s.Close())
			no(t, s.Close())
			if err := put(s, 55); !errors.Is(err, fs.ErrClosed) {
				t.Errorf("put after close: %v", err)
			}
		})
	}
}

func TestStoreRefusesBadChunks(t *testing.T) {
	s := openStore(t, vfs.NewMem(), StoreConfig{MaxChunks: 3})
	id, data := blob(1)
	if err := s.Put(t.Context(), id, data[1:]); !errors.Is(err, chunk.ErrMismatch) || !strings.Contains(err.Error(), id.String()) {
		t.Errorf("wrong bytes: %v", err)
	}
	for _, n := range []int{0, chunk.MaxSize + 1} {
		b := make([]byte, n)
		if err := s.Put(t.Context(), chunk.Sum(b), b); err == nil {
			t.Errorf("%d bytes were accepted", n)
		}
	}
	big := noise(5, chunk.MaxSize)
	no(t, s.Put(t.Context(), chunk.Sum(big), big))
	no(t, put(s, 1))
	no(t, put(s, 2))
	for _, sync := range []bool{true, false} {
		if err := put(s, 3); !errors.Is(err, chunk.ErrFull) {
			t.Errorf("one more than the limit: %v", err)
		}
		if sync {
			no(t, s.Sync())
		}
	}
	no(t, put(s, 2))
	for _, cfg := range []StoreConfig{{PackSize: -1}, {PackSize: maxPackSize + 1}, {MaxChunks: -1}, {MaxPending: chunk.MaxSize - 1}, {MaxPending: limitMaxPending + 1}} {
		if _, err := OpenStore(vfs.NewMem(), ".", cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

func TestStoreIsLockedAgainstASecondOne(t *testing.T) {
	fsys := vfs.NewMem()
	s := openStore(t, fsys, small)
	if _, err := OpenStore(fsys, testDir, small); !errors.Is(err, vfs.ErrLocked) {
		t.Fatalf("second open: %v", err)
	}
	no(t, s.Close())
	no(t, openStore(t, fsys, small).Close())
}

// flip damages one byte of the pack that holds a chunk.
func flip(t *testing.T, fsys vfs.FS, s *Store, id chunk.ID) {
	t.Helper()
	l := s.held[id]
	file, err := fsys.OpenFile(path.Join(testDir, packName(l.pack)), os.O_RDWR, 0)
	no(t, err)
	b := []byte{0}
	_, err = file.ReadAt(b, l.off+7)
	no(t, err)
	b[0] ^= 0x10
	_, err = file.WriteAt(b, l.off+7)
	no(t, err)
	no(t, file.Sync())
	no(t, file.Close())
}

func TestStoreSetsDamagedChunksAside(t *testing.T) {
	fsys := vfs.NewMem()
	s := openStore(t, fsys, small)
	putBlobs(t, s, 0, 20)
	id, _ := blob(7)
	flip(t, fsys, s, id)
	_, err := s.Get(t.Context(), id, nil)
	damaged, ok := errors.AsType[*chunk.DamagedError](err)
	if !ok || damaged.ID != id || !strings.HasPrefix(damaged.File, testDir+"/pack-") {
		t.Fatalf("read of a damaged chunk: %v", err)
	}
	wantBlobs(t, s, 20, func(i int) bool { return i != 7 })
	no(t, s.Close())
	s = openStore(t, fsys, small)
	wantBlobs(t, s, 20, func(i int) bool { return i != 7 })
	putBlobs(t, s, 7, 8)
	no(t, s.Close())
	s = openStore(t, fsys, small)
	wantBlobs(t, s, 20, below(20))
}

func TestScrubFindsEveryDamagedChunk(t *testing.T) {
	fsys := vfs.NewMem()
	s := openStore(t, fsys, small)
	putBlobs(t, s, 0, 30)
	want := map[chunk.ID]bool{}
	for _, i := range []int{3, 11, 29} {
		id, _ := blob(i)
		flip(t, fsys, s, id)
		want[id] = true
	}
	no(t, s.Scrub(context.Background(), func(d *chunk.DamagedError) {
		if !want[d.ID] {
			t.Errorf("scrub reported %v", d)
		}
		delete(want, d.ID)
	}))
	if len(want) > 0 || s.Stats().Chunks != 27 {
		t.Errorf("scrub missed %d of 3, %d chunks held", len(want), s.Stats().Chunks)
	}
}

func TestGCTakesTheDeadAndKeepsTheLiving(t *testing.T) {
	fsys := vfs.NewMem()
	s := openStore(t, fsys, small)
	putBlobs(t, s, 0, 60)
	alive := map[chunk.ID]bool{}
	for i := range 60 {
		id, _ := blob(i)
		alive[id] = i%7 == 0 && i < 40 || i == 59
	}
	damaged, _ := blob(14)
	flip(t, fsys, s, damaged)
	before := s.Stats()
	st, err := s.GC(context.Background(), func(id chunk.ID) bool { return alive[id] })
	no(t, err)
	if st.Damaged != 1 || st.Chunks != 60-7 || st.BytesBefore != before.Disk || st.BytesAfter > before.Disk/4 {
		t.Errorf("gc %+v of %+v", st, before)
	}
	held := func(i int) bool { id, _ := blob(i); return alive[id] && i != 14 }
	wantBlobs(t, s, 60, held)
	no(t, s.Close())
	s = openStore(t, fsys, small)
	wantBlobs(t, s, 60, held)
	putBlobs(t, s, 0, 60)
	wantBlobs(t, s, 60, below(60))
	if st, err := s.GC(context.Background(), func(chunk.ID) bool { return true }); err != nil || st.Chunks != 0 {
		t.Errorf("gc with nothing dead: %+v, %v", st, err)
	}
	wantBlobs(t, s, 60, below(60))
}

func TestGCKeepsChunksSomeoneCameToCountOn(t *testing.T) {
	s := openStore(t, vfs.NewMem(), small)
	putBlobs(t, s, 0, 40)
	asked, _ := blob(3)
	again, data := blob(4)
	calls := 0
	st, err := s.GC(context.Background(), func(chunk.ID) bool {
		if calls++; calls == 20 {
			if !s.Has(asked) {
				t.Error("asked too late")
			}
			no(t, s.Put(t.Context(), again, data))
			putBlobs(t, s, 50, 55)
		}
		return false
	})
	no(t, err)
	if st.Chunks != 38 {
		t.Errorf("gc removed %d chunks, want 38", st.Chunks)
	}
	wantBlobs(t, s, 60, func(i int) bool { return i == 3 || i == 4 || i >= 50 && i < 55 })
}

func TestGCStopsWhenTold(t *testing.T) {
	s := openStore(t, vfs.NewMem(), small)
	putBlobs(t, s, 0, 10)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.GC(ctx, func(chunk.ID) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("gc: %v", err)
	}
	wantBlobs(t, s, 10, below(10))
}

func TestStoreServesManyAtOnce(t *testing.T) {
	s := openStore(t, vfs.NewMem(), small)
	const writers, each = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := w * each; i < (w+1)*each; i++ {
				id, data := blob(i)
				if err := errors.Join(s.Put(t.Context(), id, data), s.Sync()); err != nil {
					t.Error(err)
				}
				if got, err := s.Get(t.Context(), id, nil); err != nil || !bytes.Equal(got, data) {
					t.Errorf("blob %d after sync: %v", i, err)
				}
				if i%10 == 0 {
					if _, err := s.GC(context.Background(), func(chunk.ID) bool { return true }); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	wantBlobs(t, s, writers*each, below(writers*each))
}

func TestStoreRewritesAnIndexFullOfOldRecords(t *testing.T) {
	fsys := vfs.NewMem()
	s := openStore(t, fsys, StoreConfig{})
	for round := range 4 {
		putBlobs(t, s, 0, 600)
		if round < 3 {
			_, err := s.GC(context.Background(), func(chunk.ID) bool { return false })
			no(t, err)
		}
	}
	no(t, s.Close())
	s = openStore(t, fsys, StoreConfig{})
	wantBlobs(t, s, 600, below(600))
	info, err := fsys.Stat(testDir + "/" + indexName)
	no(t, err)
	if most := int64((2*600 + slackRecords + 1) * recordSize); info.Size() > most {
		t.Errorf("the index has %d bytes, want at most %d", info.Size(), most)
	}
}

func TestOpenNamesADamagedIndexHead(t *testing.T) {
	fsys := vfs.NewMem()
	no(t, openStore(t, fsys, small).Close())
	for _, content := range []string{"", "short", strings.Repeat("x", 200)} {
		file, err := fsys.OpenFile(testDir+"/index", os.O_WRONLY|os.O_TRUNC, 0)
		no(t, err)
		_, err = io.WriteString(file, content)
		no(t, errors.Join(err, file.Close()))
		if _, err := OpenStore(fsys, testDir, small); err == nil || !strings.Contains(err.Error(), testDir+"/index") {
			t.Errorf("index of %d bytes: %v", len(content), err)
		}
	}
}

func TestViewReadsTheWholeContent(t *testing.T) {
	s := openStore(t, vfs.NewMem(), small)
	var content []byte
	var refs []chunk.Ref
	for _, i := range []int{1, 2, 1, 3, 3, 0, 2} {
		id, data := blob(i)
		no(t, s.Put(t.Context(), id, data))
		content = append(content, data...)
		refs = append(refs, chunk.Ref{ID: id, Size: uint32(len(data))})
	}
	no(t, s.Sync())
	v, err := chunk.NewView(t.Context(), s, refs)
	no(t, err)
	got, err := io.ReadAll(io.NewSectionReader(v, 0, v.Size()))
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("read %d bytes, want %d: %v", len(got), len(content), err)
	}
	for off := 0; off <= len(content)+1; off += 97 {
		p := make([]byte, 1000)
		n, err := v.ReadAt(p, int64(off))
		want := content[min(off, len(content)):min(off+1000, len(content))]
		if !bytes.Equal(p[:n], want) || (n < len(p)) != (err == io.EOF) {
			t.Errorf("read at %d: %d bytes, %v", off, n, err)
		}
	}
	if _, err := v.ReadAt(nil, -1); err == nil {
		t.Error("negative offset")
	}
	refs[2].ID[0] ^= 1
	if _, err := v.ReadAt(make([]byte, len(content)), 0); !errors.Is(err, chunk.ErrNotHeld) {
		t.Errorf("a missing chunk: %v", err)
	}
	refs[1].Size++
	if _, err := v.ReadAt(make([]byte, 2000), 0); err == nil {
		t.Error("a wrong size went unnoticed")
	}
	if _, err := chunk.NewView(t.Context(), s, []chunk.Ref{{Size: chunk.MaxSize + 1}}); err == nil {
		t.Error("an oversized chunk was accepted")
	}
}

func FuzzScanIndex(f *testing.F) {
	head := indexHead(3)
	rec := record{recordHeld, chunk.ID{1}, loc{2, 1000, packHeader}}.append(nil)
	f.Add(head)
	f.Add(append(head[:recordSize:recordSize], rec...))
	f.Add(append(append(head[:recordSize:recordSize], make([]byte, recordSize)...), rec[:40]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		scan, err := scanIndex(bytes.NewReader(b), "index", func(r record) {
			n++
			if again, err := parseRecord(r.append(nil)); err != nil || again != r {
				t.Errorf("%+v written and read is %+v, %v", r, again, err)
			}
		})
		if err == nil && (n != scan.records || scan.end > int64(len(b)) || n+scan.damaged > len(b)/recordSize) {
			t.Errorf("%d records: %+v", n, scan)
		}
	})
}

func BenchmarkStorePutSync(b *testing.B) {
	fsys, err := vfs.OS(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer fsys.Close()
	s, err := OpenStore(fsys, "s", StoreConfig{})
	if err != nil {
		b.Fatal(err)
	}
	data := noise(1, chunk.AvgSize)
	b.SetBytes(chunk.AvgSize)
	i := 0
	for b.Loop() {
		copy(data, fmt.Sprint(i))
		i++
		if err := s.Put(context.Background(), chunk.Sum(data), data); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// put puts blob i into a store of any kind.
func put(s chunk.Store, i int) error {
	id, data := blob(i)
	return s.Put(context.Background(), id, data)
}

// TestStoresHaveAnEnd: what has not begun when its context ends does not begin.
func TestStoresHaveAnEnd(t *testing.T) {
	fsys := vfs.NewMem()
	s, err := OpenStore(fsys, "s", StoreConfig{})
	no(t, err)
	defer s.Close()
	id, data := blob(1)
	a, err := OpenAssembly(fsys, "out", []chunk.Ref{{ID: id, Size: uint32(len(data))}}, AssemblyConfig{})
	no(t, err)
	defer a.Close()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for name, st := range map[string]chunk.Store{"store s": s, "output file out": a} {
		if st.String() != name {
			t.Errorf("%T calls itself %q, want %q", st, st, name)
		}
		if err := st.Put(over, id, data); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: put: %v", st, err)
		}
		no(t, st.Put(context.Background(), id, data))
		no(t, st.Sync())
		if _, err := st.Get(over, id, nil); !errors.Is(err, context.Canceled) || !st.Has(id) {
			t.Errorf("%s: get: %v", st, err)
		}
	}
}
