package apply

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/ntfs3g/ntfstest"
	"github.com/wimcast/wimcast/internal/wimtest"
)

// TestNTFSExtractKeepsEverything extracts all that stands in the root of an image that wimlib captured to another volume, and compares what wimlib
// captures of that. The root itself is the volume's own.
func TestNTFSExtractKeepsEverything(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	src := captured(t, seed, ntfstest.FillOptions{Files: 80, NoEAs: true}, "--compress=LZX")
	wf := openFile(t, src)
	img, err := wf.Image(1)
	if err != nil {
		t.Fatal(err)
	}
	var picks []Pick
	for _, c := range img.Root.Children {
		picks = append(picks, Pick{Path: c.Path()})
	}
	tree, err := wf.Tree(1)
	if err != nil {
		t.Fatal(err)
	}
	part, none, err := Select(tree, picks, SelectOptions{Literal: true})
	if err != nil || len(none) > 0 {
		t.Fatalf("not found: %v, %v", none, err)
	}
	v, fsys := ntfsTarget(t, "streams_interface=windows")
	fsys.Close()
	rep, err := Extract(bg, wf, 1, part, v.Dir, FileOptions{StrictACLs: true})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Lost != (Lost{}) {
		t.Errorf("not kept: %v", rep.Lost.Lines())
	}
	v.Unmount()
	again := filepath.Join(t.TempDir(), "again.wim")
	wimtest.Wimlib(t, "capture", v.Image, again, "--compress=none")
	root := func(line string) bool { return strings.HasPrefix(line, `"" `) }
	sameLines(t, slices.DeleteFunc(describe(t, openFile(t, again)), root), slices.DeleteFunc(describe(t, wf), root))
}
