package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

const (
	devicePath  = "device"
	journalPath = "node/device.journal"
)

// overlayRefs is assemblyContent with zeros between.
var overlayRefs = func() (refs []chunk.Ref) {
	zeros := chunk.Ref{ID: chunk.Sum(make([]byte, 900)), Size: 900}
	for i, r := range assemblyRefs {
		refs = append(refs, r)
		if i%3 == 0 {
			refs = append(refs, zeros, zeros)
		}
	}
	return refs
}()

func overlayContent() (b []byte) {
	byID := map[chunk.ID][]byte{chunk.Sum(make([]byte, 900)): make([]byte, 900)}
	for i := range assemblyBlobs {
		id, data := blob(i)
		byID[id] = data
	}
	for _, r := range overlayRefs {
		b = append(b, byID[r.ID]...)
	}
	return b
}

// device is a file that stands for a block device: it holds something, and has room behind the content.
func device(fsys vfs.FS) (vfs.File, error) {
	file, err := fsys.OpenFile(devicePath, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.Size() == 0 {
		_, err = file.WriteAt(bytes.Repeat([]byte("old"), len(overlayContent())), 0)
	}
	if err == nil {
		err = errors.Join(file.Sync(), fsys.SyncDir("."))
	}
	return file, err
}

func openOverlay(fsys vfs.FS) (*Overlay, error) {
	file, err := device(fsys)
	if err != nil {
		return nil, err
	}
	return OpenOverlay(file, devicePath, fsys, journalPath, overlayRefs, OverlayConfig{MaxPending: chunk.MaxSize})
}

// putOverlay puts a chunk of overlayRefs; number assemblyBlobs is the zeros.
func putOverlay(o *Overlay, i int) error {
	if i < assemblyBlobs {
		return put(o, i)
	}
	zeros := make([]byte, 900)
	return o.Put(context.Background(), chunk.Sum(zeros), zeros)
}

// overlayScript writes a device in two runs. Number -1 in the ledger is the finished device.
func overlayScript(fsys vfs.FS, l *ledger) error {
	var o *Overlay
	open := func() (err error) {
		o, err = openOverlay(fsys)
		return err
	}
	puts := func(numbers ...int) error {
		for _, i := range numbers {
			if err := l.step(func() error { return putOverlay(o, i) }); err != nil {
				return err
			}
		}
		err := l.step(func() error { return o.Sync() })
		for _, i := range numbers {
			l.durable[i] = err == nil
		}
		return err
	}
	for _, phase := range []func() error{
		func() error { return l.step(func() error { return fsys.MkdirAll("node", 0o755) }) },
		func() error { return l.step(func() error { return fsys.SyncDir(".") }) },
		func() error { return l.step(open) },
		func() error { return puts(3) },
		func() error { return puts(assemblyBlobs, 9, 0) },
		func() error { return l.step(o.Close) },
		func() error { return l.step(open) },
		func() error { return puts(1, 2, 4, 5, 6, 7, 8) },
		func() error { return l.step(func() error { return o.Check(context.Background(), nil, nil) }) },
		func() error { return l.step(o.Finish) },
		func() error { l.durable[-1] = true; return l.step(o.Close) },
	} {
		if err := phase(); err != nil {
			return err
		}
	}
	return nil
}

// auditOverlay goes on after a crash, to the end.
func auditOverlay(fsys *vfs.Mem, l *ledger) error {
	want := overlayContent()
	if l.durable[-1] {
		if got, err := readAll(fsys, devicePath); err != nil || !bytes.HasPrefix(got, want) {
			return fmt.Errorf("the finished device has other bytes: %w", err)
		}
	}
	if err := errors.Join(fsys.MkdirAll("node", 0o755), fsys.SyncDir(".")); err != nil {
		return err
	}
	o, err := openOverlay(fsys)
	if err != nil {
		return err
	}
	for i := range assemblyBlobs {
		id, _ := blob(i)
		if l.durable[i] && !l.durable[-1] && !finishedOverlay(fsys, want) && !o.Has(id) {
			return fmt.Errorf("chunk %d was synced and is gone", i)
		}
	}
	for i := range assemblyBlobs + 1 {
		if err := putOverlay(o, assemblyBlobs-i); err != nil {
			return err
		}
	}
	if err := o.Check(context.Background(), nil, nil); err != nil {
		return err
	}
	if err := o.Finish(); err != nil {
		return err
	}
	got, err := readAll(fsys.CrashClone(0), devicePath)
	if err != nil || !bytes.Equal(got[:len(want)], want) || !bytes.Equal(got[len(want):len(want)+3], []byte("old")) && len(want)%3 == 0 {
		return fmt.Errorf("the finished device has other bytes: %w", err)
	}
	return o.Close()
}

// finishedOverlay says whether all was written and the journal removed: a crash in Finish.
func finishedOverlay(fsys vfs.FS, want []byte) bool {
	got, err := readAll(fsys, devicePath)
	return err == nil && bytes.HasPrefix(got, want)
}

func TestOverlaySurvivesACrashAtEveryCall(t *testing.T) {
	points, err := crashEverywhere(same, overlayScript, auditOverlay)
	if err != nil {
		t.Fatal(err)
	}
	if points < 25 {
		t.Errorf("only %d crash points: the script does not write", points)
	}
	t.Logf("%d crash points", points)
}

func TestCrashAuditCatchesAnOverlayThatDoesNotSync(t *testing.T) {
	for _, lazy := range []string{devicePath, ".journal", "directory"} {
		wrap := func(fsys vfs.FS) vfs.FS { return lazyFS{fsys, lazy} }
		if _, err := crashEverywhere(wrap, overlayScript, auditOverlay); err == nil {
			t.Errorf("sync of %q left out, and nothing was noticed", lazy)
		}
	}
}

func TestOverlayGoesOnAfterEveryFailedCall(t *testing.T) {
	failEverywhere(t, overlayScript, auditOverlay)
}

func TestOverlayCheckNamesWhatDiffers(t *testing.T) {
	fsys := vfs.NewMem()
	no(t, fsys.MkdirAll("node", 0o755))
	o, err := openOverlay(fsys)
	no(t, err)
	if err := o.Check(t.Context(), nil, nil); !errors.Is(err, chunk.ErrIncomplete) {
		t.Errorf("check of nothing: %v", err)
	}
	for i := range assemblyBlobs + 1 {
		no(t, putOverlay(o, i))
	}
	no(t, o.Check(t.Context(), nil, nil))
	file, err := fsys.OpenFile(devicePath, os.O_RDWR, 0)
	no(t, err)
	for _, at := range []int{0, 3} { // data, zeros
		off := o.offs[at]
		if at == 3 {
			off = o.offs[2] + 5
		}
		old := make([]byte, 1)
		_, err = file.ReadAt(old, off)
		no(t, err)
		_, err = file.WriteAt([]byte{old[0] ^ 1}, off)
		no(t, err)
		damaged, ok := errors.AsType[*chunk.DamagedError](o.Check(t.Context(), nil, nil))
		if !ok || damaged.Off > off || damaged.Off < off-5 || damaged.File != devicePath {
			t.Errorf("a byte at %d changed: %v", off, damaged)
		}
		if err := o.Finish(); !errors.Is(err, chunk.ErrIncomplete) {
			t.Errorf("finish after damage: %v", err)
		}
		for i := range assemblyBlobs + 1 {
			no(t, putOverlay(o, i))
		}
	}
	no(t, o.Check(t.Context(), func() error { return nil }, nil))
	no(t, o.Finish())
	no(t, o.Close())
}

func TestZerosOfAnAssemblyTakeNoRoom(t *testing.T) {
	dir := t.TempDir()
	fsys, err := vfs.OS(dir)
	no(t, err)
	defer fsys.Close()
	zeros := make([]byte, chunk.MaxSize)
	refs := make([]chunk.Ref, 64)
	for i := range refs {
		refs[i] = chunk.Ref{ID: chunk.Sum(zeros), Size: chunk.MaxSize}
	}
	id, data := blob(1)
	refs = append(refs, chunk.Ref{ID: id, Size: uint32(len(data))})
	a := openAssembly(t, fsys, refs, AssemblyConfig{})
	no(t, a.Put(t.Context(), refs[0].ID, zeros))
	no(t, put(a, 1))
	no(t, a.Finish())
	no(t, a.Close())
	got, err := readAll(fsys, "win.wim")
	if err != nil || !bytes.Equal(got, append(make([]byte, 64*chunk.MaxSize), data...)) {
		t.Errorf("the file has other bytes: %v", err)
	}
	if room := allocated(t, dir+"/win.wim"); room > chunk.MaxSize {
		t.Errorf("a file of zeros takes %d bytes of disk", room)
	}
}
