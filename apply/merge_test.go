package apply

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

var anyNames = FileOptions{Rules: wim.Rules{AllowCaseClash: true, AllowWindowsNames: true}}

// fill makes what is listed below dir, in order: "name" is a file with its name in it, "name/" a directory, "name>target" a link.
func fill(t *testing.T, dir, list string) {
	t.Helper()
	for _, name := range strings.Fields(list) {
		name, target, link := strings.Cut(name, ">")
		full := filepath.Join(dir, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		switch {
		case err != nil:
		case link:
			err = os.Symlink(target, full)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(full, 0o755)
		default:
			err = os.WriteFile(full, []byte("old "+name), 0o444)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// checkOver checks that selectTree was applied over what `fill "a/x a/mine b file>../outside c/"` made.
func checkOver(t *testing.T, dir string) {
	t.Helper()
	want := map[string]string{
		"a/x": "one", "a/mine": "old a/mine", "a/b/deep": "deep", "b": "old b", "c/x": "two", "c/X": "large x", "f*": "star", "file": "plain",
	}
	files := 0
	for _, name := range listDir(t, dir) {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			continue
		}
		files++
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() || string(b) != want[name] {
			t.Errorf("%s has %q, %v, want %q", name, b, err, want[name])
		}
	}
	if files != len(want) {
		t.Errorf("the target has %q", listDir(t, dir))
	}
}

const overTarget = "a/x a/mine b file>../outside c/"

func TestOverKeepsWhatTheImageHasNot(t *testing.T) {
	image := buildWIM(selectTree())
	root := t.TempDir()
	dir := filepath.Join(root, "target")
	fill(t, root, "outside")
	fill(t, dir, overTarget)
	for range 2 { // also over itself
		if _, err := Over(bg, openWIM(t, image), 1, dir, anyNames); err != nil {
			t.Fatal(err)
		}
		checkOver(t, dir)
	}
	if b, _ := os.ReadFile(filepath.Join(root, "outside")); string(b) != "old outside" {
		t.Errorf("what a replaced link led to has %q", b)
	}
}

func TestOverMixesNoDirectoryWithSomethingElse(t *testing.T) {
	image := buildWIM(selectTree())
	for _, list := range []string{"a", "a>b b/", "a/b>.", "c/x/ f*", "file/mine a/x"} {
		dir := t.TempDir()
		fill(t, dir, list)
		before := listDir(t, dir)
		if _, err := Over(bg, openWIM(t, image), 1, dir, anyNames); !errors.Is(err, ErrInTheWay) {
			t.Errorf("over %s: %v", list, err)
		}
		if got := listDir(t, dir); !slices.Equal(got, before) {
			t.Errorf("over %s: %q was left of %q", list, got, before)
		}
	}
}

// TestOverGoesOnAfterEveryFault has each call in turn fail that changes something, in the stage or in the target.
func TestOverGoesOnAfterEveryFault(t *testing.T) {
	image := buildWIM(selectTree())
	hits := 0
	for _, inStage := range []bool{true, false} {
		for at, hit := 1, true; hit; at++ {
			root := t.TempDir()
			dir := filepath.Join(root, "target")
			fill(t, root, "outside")
			fill(t, dir, overTarget)
			hit = faultyOver(t, image, dir, at, inStage)
			if hit {
				hits++
			}
			if _, err := Over(bg, openWIM(t, image), 1, dir, anyNames); err != nil {
				t.Fatalf("after fault %d (in the stage: %v): %v", at, inStage, err)
			}
			checkOver(t, dir)
		}
	}
	if hits < 20 {
		t.Errorf("only %d calls failed", hits)
	}
}

// faultyOver is an Over that ends, as if killed, at a call.
func faultyOver(t *testing.T, image []byte, dir string, at int, inStage bool) (hit bool) {
	t.Helper()
	into, err := vfs.OS(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer into.Close()
	if err := into.Mkdir(overName, 0o700); err != nil {
		t.Fatal(err)
	}
	m, err := openMerger(into, dir, overName)
	if err != nil {
		t.Fatal(err)
	}
	defer m.stage.Close()
	plan := vfs.Plan{At: at, Ops: vfs.OpMutate, Err: vfs.ErrCrashed}
	faulty := vfs.Fault(into, plan)
	if m.into = faulty; inStage {
		faulty = vfs.Fault(m.stage, plan)
		m.into, m.stage = into, faulty
	}
	opts := anyNames
	opts.Workers = 1
	if _, err := m.run(bg, openWIM(t, image), 1, opts); (err != nil) != faulty.Hit() {
		t.Fatalf("fault %d: %v", at, err)
	}
	return faulty.Hit()
}

// TestOverGivesUpWhatAnotherImageBegan is a second image applied after a first one that was interrupted.
func TestOverGivesUpWhatAnotherImageBegan(t *testing.T) {
	first, second := buildWIM(testDir("", testFile("first", []byte("1")))), buildWIM(selectTree())
	dir := t.TempDir()
	fill(t, dir, "a/x a/mine b c/")
	ctx, cancel := context.WithCancel(bg)
	opts := anyNames
	opts.Progress = func(int64, int64) { cancel() }
	if _, err := Over(ctx, openWIM(t, first), 1, dir, opts); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := Over(bg, openWIM(t, second), 1, dir, anyNames); err != nil {
		t.Fatal(err)
	}
	checkOver(t, dir)
}

// TestOverIsAnOrdinaryApplyWhereNothingStands also goes on with one.
func TestOverIsAnOrdinaryApplyWhereNothingStands(t *testing.T) {
	image := buildWIM(selectTree())
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(bg)
	opts := anyNames
	opts.Progress = func(int64, int64) { cancel() }
	if _, err := Over(ctx, openWIM(t, image), 1, dir, opts); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if got := listDir(t, dir); !slices.Contains(got, markerName) || slices.Contains(got, overName) {
		t.Fatalf("begun in an empty directory: %q", got)
	}
	if _, err := Over(bg, openWIM(t, image), 1, dir, anyNames); err != nil {
		t.Fatal(err)
	}
	if got := listDir(t, dir); len(got) != 10 {
		t.Errorf("%q", got)
	}
}
