package disk

import (
	"context"
	"io/fs"
	"os"
	"testing"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

// fullFS is on a disk that is full as long as full is set: what is there can be written over, and nothing becomes longer.
type fullFS struct {
	vfs.FS
	full bool
}

type fullFile struct {
	vfs.File
	fs *fullFS
}

func (f *fullFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	if _, err := f.Lstat(name); f.full && flag&os.O_CREATE != 0 && err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: vfs.NoSpace}
	}
	file, err := f.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return fullFile{file, f}, nil
}

func (f fullFile) WriteAt(p []byte, off int64) (int, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if f.fs.full && off+int64(len(p)) > info.Size() {
		return 0, vfs.NoSpace
	}
	return f.File.WriteAt(p, off)
}

func (f fullFile) Punch(off, size int64) error { return vfs.Punch(f.File, off, size) }

// alive makes a predicate of GC from one on the numbers of blobs.
func alive(n int, lives func(i int) bool) func(chunk.ID) bool {
	m := map[chunk.ID]bool{}
	for i := range n {
		id, _ := blob(i)
		m[id] = lives(i)
	}
	return func(id chunk.ID) bool { return m[id] }
}

// On a full disk every kind of garbage goes: whole packs, the ends of packs, and what lies between chunks that live. What lives stays, also
// after the store is opened again, and what went can be put again.
func TestGCNeedsNoRoomToGiveRoomBack(t *testing.T) {
	const n = 40
	for name, lives := range map[string]func(i int) bool{
		"whole packs": below(4),
		"the end":     below(n - 1),
		"between":     func(i int) bool { return i%2 == 0 || i == n-1 },
		"beginnings":  func(i int) bool { return i%4 == 3 || i == n-1 },
		"everything":  below(0),
		"all of it":   func(i int) bool { return i%5 == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			disk := &fullFS{FS: mem}
			s := openStore(t, disk, small)
			putBlobs(t, s, 0, n)
			for ; ; disk.full = true { // the disk fills up in the middle of a commit
				if err := put(s, n); err != nil {
					t.Fatal(err)
				}
				if s.Sync() != nil {
					break
				}
				id, _ := blob(n)
				no(t, s.Discard(t.Context(), func(gone chunk.ID) bool { return gone == id }))
			}
			var dead int64
			for i := range n {
				if _, data := blob(i); !lives(i) {
					dead += int64(len(data))
				}
			}
			st, err := s.GC(t.Context(), alive(n, lives))
			no(t, err)
			if freed := st.BytesBefore - st.BytesAfter; freed < dead/2 {
				t.Errorf("%d bytes freed of %d: %+v", freed, dead, st)
			}
			held := s.Stats().Chunks
			for i := range n {
				if id, _ := blob(i); lives(i) && !s.Has(id) {
					t.Errorf("blob %d lives and is gone", i)
				}
			}
			id, _ := blob(n)
			no(t, s.Discard(t.Context(), func(gone chunk.ID) bool { return gone == id }))
			no(t, s.Close())
			disk.full = false
			s = openStore(t, disk, small)
			if got := s.Stats().Chunks; got != held {
				t.Errorf("%d chunks are held after it was opened again, want %d", got, held)
			}
			putBlobs(t, s, 0, n+20)
			wantBlobs(t, s, n+20, below(n+20))
			no(t, s.Close())
			s = openStore(t, disk, small)
			wantBlobs(t, s, n+20, below(n+20))
			no(t, s.Close())
		})
	}
}

// What was put in vain is gone without a trace: nothing of it is written later, and the disk holds what it held before.
func TestDiscardLeavesNothing(t *testing.T) {
	disk := &fullFS{FS: vfs.NewMem()}
	s := openStore(t, disk, StoreConfig{MaxPending: chunk.MaxSize})
	putBlobs(t, s, 0, 10)
	before := s.Stats()
	putBlobs(t, s, 10, 20)
	for i := 20; i < 25; i++ {
		no(t, put(s, i))
	}
	disk.full = true
	if s.Sync() == nil {
		t.Fatal("the disk is not full")
	}
	kept := alive(30, below(10))
	no(t, s.Discard(t.Context(), func(id chunk.ID) bool { return !kept(id) }))
	if st := s.Stats(); st != before {
		t.Errorf("%+v, before %+v", st, before)
	}
	no(t, s.Sync())
	wantBlobs(t, s, 25, below(10))
	disk.full = false
	putBlobs(t, s, 10, 12)
	no(t, s.Close())
	s = openStore(t, disk, small)
	wantBlobs(t, s, 25, below(12))
	no(t, s.Close())
}

// fullScript is storeScript on a disk that is full while the garbage is collected.
func fullScript(fsys vfs.FS, l *ledger) error {
	disk := fsys.(*fullFS)
	s, err := OpenStore(disk, testDir, small)
	if err != nil {
		return err
	}
	for i := range scriptBlobs {
		if err := put(s, i); err != nil {
			return err
		}
		if err := s.Sync(); err != nil {
			return err
		}
		l.durable[i] = true
	}
	for i := range l.durable {
		if i%3 == 0 {
			delete(l.durable, i)
		}
	}
	disk.full = true
	if _, err := s.GC(context.Background(), func(id chunk.ID) bool { return !condemned[id] }); err != nil {
		return err
	}
	disk.full = false
	for _, i := range []int{0, 3, 6} {
		if err := put(s, i); err != nil {
			return err
		}
	}
	if err := s.Sync(); err != nil {
		return err
	}
	for _, i := range []int{0, 3, 6} {
		l.durable[i] = true
	}
	return s.Close()
}

func TestGCOnAFullDiskSurvivesACrashAtEveryCall(t *testing.T) {
	wrap := func(fsys vfs.FS) vfs.FS { return &fullFS{FS: fsys} }
	points, err := crashEverywhere(wrap, fullScript, audit)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d crash points", points)
	lazy := func(fsys vfs.FS) vfs.FS { return &fullFS{FS: lazyFS{fsys, "index"}} }
	if _, err := crashEverywhere(lazy, fullScript, audit); err == nil {
		t.Error("the index is not synced before holes are made, and nothing was noticed")
	}
}
