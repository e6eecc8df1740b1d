package disk

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

func openAssembly(t *testing.T, fsys vfs.FS, refs []chunk.Ref, cfg AssemblyConfig) *Assembly {
	t.Helper()
	a, err := OpenAssembly(fsys, "win.wim", refs, cfg)
	no(t, err)
	return a
}

func TestAssemblyWritesTheFile(t *testing.T) {
	dir, err := vfs.OS(t.TempDir())
	no(t, err)
	defer dir.Close()
	for name, fsys := range map[string]vfs.FS{"mem": vfs.NewMem(), "os": dir} {
		t.Run(name, func(t *testing.T) {
			a := openAssembly(t, fsys, assemblyRefs, AssemblyConfig{})
			if _, err := OpenAssembly(fsys, "win.wim", assemblyRefs, AssemblyConfig{}); !errors.Is(err, vfs.ErrLocked) {
				t.Fatalf("second open: %v", err)
			}
			for i := assemblyBlobs - 1; i >= 0; i-- {
				if err := a.Finish(); !errors.Is(err, chunk.ErrIncomplete) || a.Missing() != i+1 {
					t.Errorf("finish with %d missing: %v", a.Missing(), err)
				}
				no(t, put(a, i))
			}
			if _, err := fsys.Stat("win.wim"); err == nil {
				t.Error("the final name is there before Finish")
			}
			no(t, a.Finish())
			no(t, a.Finish())
			id, data := blob(3)
			if got, err := a.Get(t.Context(), id, nil); err != nil || !bytes.Equal(got, data) {
				t.Errorf("get after finish: %v", err)
			}
			no(t, a.Close())
			got, err := readAll(fsys, "win.wim")
			if err != nil || !bytes.Equal(got, assemblyContent()) {
				t.Errorf("the file has other bytes: %v", err)
			}
			entries, err := fsys.ReadDir(".")
			if err != nil || len(entries) != 1 {
				t.Errorf("left beside the file: %v, %v", entries, err)
			}
		})
	}
}

func TestAssemblyServesItsContentAsAView(t *testing.T) {
	a := openAssembly(t, vfs.NewMem(), assemblyRefs, AssemblyConfig{})
	for i := range assemblyBlobs {
		no(t, put(a, i))
	}
	no(t, a.Sync())
	v, err := chunk.NewView(t.Context(), a, assemblyRefs)
	no(t, err)
	got, err := io.ReadAll(io.NewSectionReader(v, 0, v.Size()))
	if err != nil || !bytes.Equal(got, assemblyContent()) {
		t.Errorf("view: %v", err)
	}
}

func TestAssemblyReplacesOnlyWhenTold(t *testing.T) {
	fsys := vfs.NewMem()
	file, err := fsys.OpenFile("win.wim", os.O_WRONLY|os.O_CREATE, 0o644)
	no(t, err)
	_, err = io.WriteString(file, "mine")
	no(t, errors.Join(err, file.Close()))
	if _, err := OpenAssembly(fsys, "win.wim", assemblyRefs, AssemblyConfig{}); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("open over a file: %v", err)
	}
	a := openAssembly(t, fsys, assemblyRefs, AssemblyConfig{Replace: true})
	if got, _ := readAll(fsys, "win.wim"); string(got) != "mine" {
		t.Error("the old file is gone before Finish")
	}
	no(t, a.Close())
	if _, err := OpenAssembly(fsys, "win.wim", assemblyRefs, AssemblyConfig{}); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("open over a file, with a partial one beside it: %v", err)
	}
	a = openAssembly(t, fsys, assemblyRefs, AssemblyConfig{Replace: true})
	for i := range assemblyBlobs {
		no(t, put(a, i))
	}
	no(t, a.Finish())
	if got, _ := readAll(fsys, "win.wim"); !bytes.Equal(got, assemblyContent()) {
		t.Error("the file was not replaced")
	}
}

func TestAssemblyVerifiesWhatItTakesUp(t *testing.T) {
	fsys := vfs.NewMem()
	a := openAssembly(t, fsys, assemblyRefs, AssemblyConfig{})
	for i := range 5 {
		no(t, put(a, i))
	}
	no(t, a.Sync())
	second := a.offs[3] // where blob 1 is for the second time
	no(t, a.Close())
	file, err := fsys.OpenFile(".win.wim.partial", os.O_WRONLY, 0)
	no(t, err)
	_, err = file.WriteAt([]byte("rot"), second)
	no(t, errors.Join(err, file.Close()))
	a = openAssembly(t, fsys, assemblyRefs, AssemblyConfig{})
	for i := range assemblyBlobs {
		id, _ := blob(i)
		if want := i < 5 && i != 1; a.Has(id) != want {
			t.Errorf("blob %d: held is %v, want %v", i, a.Has(id), want)
		}
	}
	no(t, a.Close())
	other := openAssembly(t, fsys, assemblyRefs[:6], AssemblyConfig{})
	if other.Missing() != 5 {
		t.Errorf("the parts of another content count: %d missing", other.Missing())
	}
	no(t, other.Close())
}

func TestAssemblyRefusesWhatIsNotInTheContent(t *testing.T) {
	a := openAssembly(t, vfs.NewMem(), assemblyRefs, AssemblyConfig{})
	if err := put(a, 50); !errors.Is(err, chunk.ErrMismatch) {
		t.Errorf("a chunk of another content: %v", err)
	}
	id, data := blob(0)
	if err := a.Put(t.Context(), id, data[1:]); !errors.Is(err, chunk.ErrMismatch) {
		t.Errorf("wrong bytes: %v", err)
	}
	bad := []chunk.Ref{{ID: id, Size: 10}, {ID: id, Size: 11}}
	if _, err := OpenAssembly(vfs.NewMem(), "f", bad, AssemblyConfig{}); err == nil {
		t.Error("a chunk of two sizes was accepted")
	}
	wrong := openAssembly(t, vfs.NewMem(), []chunk.Ref{{ID: id, Size: 10}}, AssemblyConfig{})
	if err := wrong.Put(t.Context(), id, data); err == nil {
		t.Error("a chunk longer than the content says was accepted")
	}
	if _, err := OpenAssembly(vfs.NewMem(), "f", nil, AssemblyConfig{MaxPending: 1}); err == nil {
		t.Error("a limit below one chunk was accepted")
	}
	empty := openAssembly(t, vfs.NewMem(), nil, AssemblyConfig{})
	no(t, empty.Finish())
}

func FuzzScanJournal(f *testing.F) {
	head := journalHeader(assemblyRefs)
	f.Add([]byte{})
	f.Add(head)
	f.Add(journalEntry(journalEntry(head[:journalHead:journalHead], 3), 1<<20))
	f.Add(journalEntry(head[:journalHead:journalHead], 0)[:70])
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, end, err := scanJournal(bytes.NewReader(b), assemblyRefs, func(i int) {
			if i < 0 || i >= len(assemblyRefs) {
				t.Errorf("index %d", i)
			}
		})
		if err != nil || ours != bytes.HasPrefix(b, head) || end > int64(len(b)) {
			t.Errorf("ours %v, end %d, %v", ours, end, err)
		}
	})
}
