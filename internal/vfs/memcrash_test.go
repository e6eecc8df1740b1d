package vfs

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

const seeds = 200

// outcomes returns what a name holds after a power cut, for many seeds: each different thing once, sorted.
func outcomes(t *testing.T, m *Mem, name string) []string {
	var out []string
	for seed := range uint64(seeds) {
		got := get(t, m.CrashClone(seed), name)
		if strings.HasPrefix(got, "error:") {
			got = "gone"
		}
		out = append(out, got)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func want(t *testing.T, m *Mem, name string, outs ...string) {
	t.Helper()
	if got := outcomes(t, m, name); !slices.Equal(got, outs) {
		t.Errorf("%s after a power cut: %.60q, want %.60q", name, got, outs)
	}
}

func syncFile(t *testing.T, m *Mem, name string) {
	t.Helper()
	no(t, m.SyncAll([]string{name}))
}

func TestCrashKeepsWhatWasSynced(t *testing.T) {
	m := NewMem()
	put(t, m, "f", "data")
	want(t, m, "f", "", "\x00\x00\x00\x00", "data", "gone") // the size may get there before the bytes
	syncFile(t, m, "f")
	want(t, m, "f", "data", "gone")
	no(t, m.SyncDir("."))
	want(t, m, "f", "data")
}

func TestCrashTearsDataAtPages(t *testing.T) {
	m := NewMem()
	old, fresh := strings.Repeat("o", 3*pageSize), strings.Repeat("n", 3*pageSize)
	put(t, m, "f", old)
	no(t, m.SyncAll([]string{"f", "."}))
	file, err := m.OpenFile("f", os.O_RDWR, 0)
	no(t, err)
	_, err = io.WriteString(file, fresh)
	no(t, err)
	if got := outcomes(t, m, "f"); len(got) != 8 || got[0] != fresh || got[7] != old {
		t.Errorf("three pages overwritten: %d outcomes, want all 8", len(got))
	}
	no(t, file.Sync())
	want(t, m, "f", fresh)
	no(t, file.Truncate(5))
	if got := outcomes(t, m, "f"); len(got) != 9 || got[0] != fresh[:5] || got[8] != fresh {
		t.Errorf("truncated: %d outcomes, want the short file and 8 torn ones", len(got))
	}
}

func TestCrashRenameIsAtomicAndMayBeLost(t *testing.T) {
	m := NewMem()
	put(t, m, "f", "old")
	put(t, m, "tmp", "new")
	no(t, m.SyncAll([]string{"f", "tmp", "."}))
	no(t, m.Rename("tmp", "f"))
	want(t, m, "f", "new", "old")
	for seed := range uint64(seeds) {
		c := m.CrashClone(seed)
		_, err := c.Stat("tmp")
		if lost := get(t, c, "f") == "old"; lost != (err == nil) {
			t.Fatalf("seed %d: the rename happened by half", seed)
		}
	}
	no(t, m.SyncDir("."))
	want(t, m, "f", "new")
	no(t, m.Remove("f"))
	want(t, m, "f", "gone", "new")
}

func TestCrashAcrossDirectories(t *testing.T) {
	m := NewMem()
	no(t, m.Mkdir("a", 0o755))
	no(t, m.Mkdir("b", 0o755))
	no(t, m.SyncDir("."))
	put(t, m, "a/f", "x")
	syncFile(t, m, "a/f")
	no(t, m.Rename("a/f", "b/f"))
	no(t, m.SyncDir("b"))
	want(t, m, "b/f", "x")
	want(t, m, "a/f", "gone") // its creation must not come back after the rename that took it away
	no(t, m.Mkdir("c", 0o755))
	put(t, m, "c/g", "y")
	no(t, m.SyncAll([]string{"c/g", "c"}))
	want(t, m, "c/g", "gone", "y") // c itself was not synced
}

func TestCrashSeedsZeroAndOneAreTheExtremes(t *testing.T) {
	m := NewMem()
	data := bytes.Repeat([]byte("d"), 20*pageSize)
	put(t, m, "f", string(data))
	if _, err := m.CrashClone(0).Stat("f"); err == nil {
		t.Error("seed 0 kept a name that was not synced")
	}
	if got := get(t, m.CrashClone(1), "f"); got != string(data) {
		t.Errorf("seed 1 lost data")
	}
	for seed := range uint64(20) {
		a, b := m.CrashClone(seed), m.CrashClone(seed)
		if get(t, a, "f") != get(t, b, "f") {
			t.Fatalf("seed %d: two results", seed)
		}
	}
	if got := get(t, m, "f"); got != string(data) {
		t.Error("the clones harmed the original")
	}
}

func TestCrashCloneIsDurableItself(t *testing.T) {
	m := NewMem()
	put(t, m, "f", "data")
	c := m.CrashClone(1)
	want(t, c, "f", "data")
	put(t, c, "f", "changed")
	if got := get(t, m, "f"); got != "data" {
		t.Errorf("a change in the clone changed the original: %q", got)
	}
}
