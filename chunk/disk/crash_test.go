package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

// ledger is what a script has been promised so far.
type ledger struct {
	durable map[int]bool // synced, and alive in every gc
	step    func(func() error) error
}

func plainLedger() *ledger {
	return &ledger{durable: map[int]bool{}, step: func(f func() error) error { return f() }}
}

// storeScript uses every part of a store that writes. Blobs with i%3 == 0 die in the gc.
func storeScript(fsys vfs.FS, l *ledger) error {
	var s *Store
	open := func() (err error) {
		s, err = OpenStore(fsys, testDir, small)
		return err
	}
	put := func(from, to, batch int) error {
		for i := from; i < to; i++ {
			if err := l.step(func() error { return put(s, i) }); err != nil {
				return err
			}
			if (i+1)%batch == 0 {
				if err := l.step(s.Sync); err != nil {
					return err
				}
				for j := i + 1 - batch; j <= i; j++ {
					l.durable[j] = true
				}
			}
		}
		return nil
	}
	gc := func() error {
		for i := range l.durable {
			if i%3 == 0 {
				delete(l.durable, i)
			}
		}
		_, err := s.GC(context.Background(), func(id chunk.ID) bool { return !condemned[id] })
		return err
	}
	for _, phase := range []func() error{
		func() error { return l.step(open) },
		func() error { return put(0, 8, 1) },
		func() error { return put(8, 16, 4) },
		func() error { return l.step(gc) },
		func() error { return put(16, 20, 2) },
		func() error { return l.step(s.Close) },
		func() error { return l.step(open) },
		func() error { return put(20, 24, 2) },
		func() error { return l.step(gc) },
		func() error { return put(0, 4, 4) },
		func() error { return l.step(s.Close) },
	} {
		if err := phase(); err != nil {
			return err
		}
	}
	return nil
}

const scriptBlobs = 24

var condemned = func() map[chunk.ID]bool {
	m := map[chunk.ID]bool{}
	for i := 0; i < scriptBlobs; i += 3 {
		id, _ := blob(i)
		m[id] = true
	}
	return m
}()

// audit opens a store after a crash and compares it with what was promised.
func audit(fsys *vfs.Mem, l *ledger) error {
	s, err := OpenStore(fsys, testDir, small)
	if err != nil {
		return err
	}
	held := map[int]bool{}
	for i := range scriptBlobs {
		id, data := blob(i)
		held[i] = s.Has(id)
		if l.durable[i] && !held[i] {
			return fmt.Errorf("blob %d was synced and is gone", i)
		}
		if got, err := s.Get(context.Background(), id, nil); held[i] && (err != nil || !bytes.Equal(got, data)) {
			return fmt.Errorf("blob %d is held and cannot be read: %w", i, err)
		}
	}
	again, err := OpenStore(fsys.CrashClone(0), testDir, small)
	if err != nil {
		return fmt.Errorf("second crash: %w", err)
	}
	for i := range scriptBlobs {
		if id, _ := blob(i); held[i] && !again.Has(id) {
			return fmt.Errorf("blob %d was said to be held and is gone after a second crash", i)
		}
	}
	return errors.Join(again.Close(), s.Close())
}

// crashEverywhere runs a script with a crash at each call that writes, and audits what each seed leaves.
func crashEverywhere(wrap func(vfs.FS) vfs.FS, script func(vfs.FS, *ledger) error, audit func(*vfs.Mem, *ledger) error) (points int, err error) {
	for at := 1; ; at++ {
		for _, short := range []bool{false, true} {
			mem := vfs.NewMem()
			fsys := vfs.Fault(mem, vfs.Plan{At: at, Ops: vfs.OpMutate, Err: vfs.ErrCrashed, Short: short})
			l := plainLedger()
			err := script(wrap(fsys), l)
			if err == nil && !fsys.Hit() {
				return at - 1, nil
			}
			for seed := range uint64(10) {
				if err := audit(mem.CrashClone(seed), l); err != nil {
					return at, fmt.Errorf("crash at call %d, short %v, seed %d: %w", at, short, seed, err)
				}
			}
		}
	}
}

func same(fsys vfs.FS) vfs.FS { return fsys }

func TestStoreSurvivesACrashAtEveryCall(t *testing.T) {
	points, err := crashEverywhere(same, storeScript, audit)
	if err != nil {
		t.Fatal(err)
	}
	if points < 100 {
		t.Errorf("only %d crash points: the script does not write", points)
	}
	t.Logf("%d crash points", points)
}

// lazyFS says that a file or directory is synced without doing it, so that what comes after is published too early.
type lazyFS struct {
	vfs.FS
	lazy string // in the name
}

type lazyFile struct{ vfs.File }

func (lazyFile) Sync() error { return nil }

func (f lazyFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	file, err := f.FS.OpenFile(name, flag, perm)
	if err == nil && strings.Contains(path.Base(name), f.lazy) {
		return lazyFile{file}, nil
	}
	return file, err
}

func (f lazyFS) SyncDir(name string) error {
	if f.lazy == "directory" {
		return nil
	}
	return f.FS.SyncDir(name)
}

func TestCrashAuditCatchesABrokenOrder(t *testing.T) {
	for _, lazy := range []string{"pack-", "index", "directory"} {
		wrap := func(fsys vfs.FS) vfs.FS { return lazyFS{fsys, lazy} }
		if _, err := crashEverywhere(wrap, storeScript, audit); err == nil {
			t.Errorf("sync of %q left out, and nothing was noticed", lazy)
		}
	}
	for _, lazy := range []string{".partial", ".journal", "directory"} {
		wrap := func(fsys vfs.FS) vfs.FS { return lazyFS{fsys, lazy} }
		if _, err := crashEverywhere(wrap, assemblyScript, auditAssembly); err == nil {
			t.Errorf("assembly: sync of %q left out, and nothing was noticed", lazy)
		}
	}
}

// namesPathAndAction checks that an error tells a user what failed where.
func namesPathAndAction(err error, cause error) error {
	pe, ok := errors.AsType[*fs.PathError](err)
	if !ok || pe.Op == "" || pe.Path == "" || !errors.Is(err, cause) || !strings.Contains(err.Error(), pe.Path) {
		return fmt.Errorf("error %q does not name path and action", err)
	}
	return nil
}

// failEverywhere runs a script with one failing call after the other. Each failed step is tried again when the cause is gone, and
// must then succeed.
func failEverywhere(t *testing.T, script func(vfs.FS, *ledger) error, audit func(*vfs.Mem, *ledger) error) {
	t.Helper()
	for _, plan := range []vfs.Plan{
		{Err: vfs.NoSpace, Ops: vfs.OpMutate, Short: true},
		{Err: vfs.NoSpace, Ops: vfs.OpMutate, Sticky: true},
		{Err: vfs.IOError},
	} {
		for plan.At = 1; ; plan.At++ {
			mem := vfs.NewMem()
			fsys := vfs.Fault(mem, plan)
			l := plainLedger()
			l.step = func(f func() error) error {
				err := f()
				if err == nil {
					return nil
				}
				fsys.Heal()
				if bad := namesPathAndAction(err, plan.Err); bad != nil {
					return bad
				}
				return f()
			}
			err := script(fsys, l)
			if err == nil {
				err = audit(mem.CrashClone(0), l)
			}
			if err != nil {
				t.Fatalf("%v at call %d, sticky %v: %v", plan.Err, plan.At, plan.Sticky, err)
			}
			if !fsys.Hit() {
				break
			}
		}
	}
}

func TestStoreGoesOnAfterEveryFailedCall(t *testing.T) { failEverywhere(t, storeScript, audit) }

const outPath = "out/win.wim"

// assemblyRefs is a content in which chunks repeat.
var assemblyRefs = func() (refs []chunk.Ref) {
	for _, i := range []int{0, 1, 2, 1, 3, 4, 5, 0, 6, 7, 8, 9} {
		id, data := blob(i)
		refs = append(refs, chunk.Ref{ID: id, Size: uint32(len(data))})
	}
	return refs
}()

const assemblyBlobs = 10

func assemblyContent() (b []byte) {
	byID := map[chunk.ID][]byte{}
	for i := range assemblyBlobs {
		id, data := blob(i)
		byID[id] = data
	}
	for _, r := range assemblyRefs {
		b = append(b, byID[r.ID]...)
	}
	return b
}

// assemblyScript writes a file in two runs. Blob -1 in the ledger is the finished file.
func assemblyScript(fsys vfs.FS, l *ledger) error {
	var a *Assembly
	open := func() (err error) {
		a, err = OpenAssembly(fsys, outPath, assemblyRefs, AssemblyConfig{MaxPending: chunk.MaxSize})
		return err
	}
	put := func(from, to, batch int) func() error {
		return func() error {
			for i := from; i < to; i++ {
				if err := l.step(func() error { return put(a, i) }); err != nil {
					return err
				}
				if (i+1)%batch == 0 {
					if err := l.step(a.Sync); err != nil {
						return err
					}
					for j := i + 1 - batch; j <= i; j++ {
						l.durable[j] = true
					}
				}
			}
			return nil
		}
	}
	finish := func() error {
		err := a.Finish()
		l.durable[-1] = err == nil
		return err
	}
	for _, phase := range []func() error{
		func() error { return l.step(func() error { return fsys.MkdirAll("out", 0o755) }) },
		func() error { return l.step(func() error { return fsys.SyncDir(".") }) },
		func() error { return l.step(open) },
		put(0, 4, 1),
		func() error { return l.step(a.Close) },
		func() error { return l.step(open) },
		put(4, 10, 3),
		put(9, 10, 1),
		func() error { return l.step(finish) },
		func() error { return l.step(a.Close) },
	} {
		if err := phase(); err != nil {
			return err
		}
	}
	return nil
}

// auditAssembly goes on with an assembly after a crash, to its end.
func auditAssembly(fsys *vfs.Mem, l *ledger) error {
	if err := errors.Join(fsys.MkdirAll("out", 0o755), fsys.SyncDir(".")); err != nil {
		return err
	}
	if data, err := readAll(fsys, outPath); err == nil && !bytes.Equal(data, assemblyContent()) {
		return errors.New("a half-written file has the final name")
	}
	if _, err := fsys.Lstat("out/.win.wim.journal"); l.durable[-1] && err == nil {
		return errors.New("the journal of a finished file is still there")
	}
	a, err := OpenAssembly(fsys, outPath, assemblyRefs, AssemblyConfig{})
	if errors.Is(err, fs.ErrExist) {
		return nil // finished: the bytes were compared above
	}
	if err != nil {
		return err
	}
	if l.durable[-1] {
		return errors.New("the finished file is gone")
	}
	for i := range assemblyBlobs {
		id, data := blob(i)
		if l.durable[i] && !a.Has(id) {
			return fmt.Errorf("blob %d was synced and is gone", i)
		}
		if got, err := a.Get(context.Background(), id, nil); a.Has(id) && (err != nil || !bytes.Equal(got, data)) {
			return fmt.Errorf("blob %d is held and cannot be read: %w", i, err)
		}
	}
	if err := auditSecondCrash(fsys.CrashClone(0), a); err != nil {
		return err
	}
	for i := range assemblyBlobs {
		if err := put(a, i); err != nil {
			return err
		}
	}
	if err := a.Finish(); err != nil {
		return err
	}
	if data, err := readAll(fsys.CrashClone(0), outPath); err != nil || !bytes.Equal(data, assemblyContent()) {
		return fmt.Errorf("the finished file has other bytes: %w", err)
	}
	return a.Close()
}

func auditSecondCrash(fsys *vfs.Mem, before *Assembly) error {
	if before.Missing() == 0 {
		return nil // it may be finished
	}
	a, err := OpenAssembly(fsys, outPath, assemblyRefs, AssemblyConfig{})
	if err != nil {
		return fmt.Errorf("second crash: %w", err)
	}
	for i := range assemblyBlobs {
		if id, _ := blob(i); before.Has(id) && !a.Has(id) {
			return fmt.Errorf("blob %d was said to be held and is gone after a second crash", i)
		}
	}
	return a.Close()
}

func readAll(fsys vfs.FS, name string) ([]byte, error) {
	file, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, info.Size())
	_, err = file.ReadAt(b, 0)
	return b, err
}

func TestAssemblySurvivesACrashAtEveryCall(t *testing.T) {
	points, err := crashEverywhere(same, assemblyScript, auditAssembly)
	if err != nil {
		t.Fatal(err)
	}
	if points < 40 {
		t.Errorf("only %d crash points: the script does not write", points)
	}
	t.Logf("%d crash points", points)
}

func TestAssemblyGoesOnAfterEveryFailedCall(t *testing.T) {
	failEverywhere(t, assemblyScript, auditAssembly)
}
