package apply

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

var (
	hostileTrees = flag.Int("hostile", 10_000, "hostile trees to apply")
	hostileSeed  = flag.Uint64("seed", 1, "seed of the first one")
)

// watched is the real file system that syncs nothing, for speed, and notes every path that is written through.
type watched struct {
	vfs.FS
	links  map[string]bool // symlinks made
	wrong  []string
	writes int
}

func (w *watched) look(op, name string) {
	w.writes++
	if !filepath.IsLocal(name) || path.Clean(name) != name || strings.ContainsRune(name, 0) {
		w.wrong = append(w.wrong, fmt.Sprintf("%s %q", op, name))
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if w.links[dir] {
			w.wrong = append(w.wrong, fmt.Sprintf("%s %q through a link", op, name))
		}
		if len(dir) < 2 {
			break
		}
	}
}

func (w *watched) OpenFile(name string, flags int, perm fs.FileMode) (vfs.File, error) {
	if flags&(os.O_WRONLY|os.O_RDWR|os.O_CREATE) != 0 {
		w.look("open", name)
		if w.links[name] {
			w.wrong = append(w.wrong, "write to the link "+name)
		}
	}
	f, err := w.FS.OpenFile(name, flags, perm)
	if err != nil {
		return nil, err
	}
	return unsynced{f}, nil
}

func (w *watched) Mkdir(name string, perm fs.FileMode) error {
	w.look("mkdir", name)
	return w.FS.Mkdir(name, perm)
}

func (w *watched) Rename(from, to string) error {
	w.look("rename", to)
	return w.FS.Rename(from, to)
}

func (w *watched) Link(from, to string) error {
	w.look("link", to)
	return w.FS.Link(from, to)
}

func (w *watched) Symlink(target, name string) error {
	w.look("symlink", name)
	w.links[name] = true
	return w.FS.Symlink(target, name)
}

func (w *watched) Chmod(name string, perm fs.FileMode) error {
	w.look("chmod", name)
	return w.FS.Chmod(name, perm)
}

func (w *watched) Chtimes(name string, a, m time.Time) error {
	w.look("chtimes", name)
	return w.FS.Chtimes(name, a, m)
}

func (w *watched) SyncAll([]string) error { return nil }
func (w *watched) SyncDir(string) error   { return nil }

type unsynced struct{ vfs.File }

func (unsynced) Sync() error { return nil }

// hostileNames are what a careless program writes elsewhere, or twice.
var hostileNames = []string{
	"..", ".", "", "/", "/etc/passwd", "../sentinel", "..\\sentinel", "x/../../sentinel", "C:", "C:\\x", "a:b", "CON", "nul.txt", "aux",
	"a\x00b", "\x00", "a\\b", "trailing.", "trailing ", "x\n", markerName, workName, strings.ToUpper(workName), "\uff0e\uff0e", "\u2024\u2024",
	strings.Repeat("n", 255), strings.Repeat("n", 300), "COM1", "LPT9.x", "sentinel", "con ", "*", "?", "|",
}

var plainNames = []string{"a", "A", "b", "dir", "DIR", "link", "Link", "file.txt", "é", "日本", "x", "lost+found", "part-0", "spool"}

var linkTargets = []string{"..", "../sentinel", "/", "/etc", "../../..", "dir", "a", "..\\sentinel", "C:\\Windows", "", "../outside"}

// hostileTree draws a tree, about half of them with something wrong.
func hostileTree(rng *rand.Rand) *testNode {
	evil := rng.IntN(2) == 0
	var all []*testNode
	pick := func(names []string) string { return names[rng.IntN(len(names))] }
	var dir func(name string, depth int) *testNode
	node := func(depth int) *testNode {
		name := pick(plainNames)
		if evil && rng.IntN(4) == 0 {
			name = pick(hostileNames)
		}
		var n *testNode
		switch k := rng.IntN(10); {
		case k < 3 && depth < 4:
			n = dir(name, depth+1)
		case k < 5:
			n = testLink(name, pick(linkTargets), rng.IntN(2) == 0)
			if rng.IntN(2) == 0 {
				n.attrs |= wim.AttrDirectory
			}
			if rng.IntN(4) == 0 {
				n.tag = wim.TagMountTree
			}
			if evil && rng.IntN(4) == 0 {
				n.reparse = n.reparse[:rng.IntN(len(n.reparse)+1)]
			}
			if evil && rng.IntN(3) == 0 {
				n.children = dir("", depth+1).children
			}
		default:
			n = testFile(name, bytes.Repeat([]byte{byte(rng.IntN(4))}, rng.IntN(50)))
			n.link = uint64(rng.IntN(3))
			if evil && rng.IntN(20) == 0 {
				n.children = []*testNode{testFile("below", []byte("x"))}
			}
			if rng.IntN(10) == 0 {
				n.streams = map[string][]byte{pick(hostileNames): []byte("stream")}
			}
		}
		if evil && rng.IntN(15) == 0 {
			n.short = pick(hostileNames)
		}
		if evil && rng.IntN(40) == 0 && len(all) > 0 {
			n.below = all[rng.IntN(len(all))]
		}
		all = append(all, n)
		return n
	}
	dir = func(name string, depth int) *testNode {
		d := testDir(name)
		for range rng.IntN(6) {
			d.children = append(d.children, node(depth))
		}
		return d
	}
	return dir("", 0)
}

// TestNothingIsWrittenOutsideTheTarget applies many trees and looks at what stands beside the target.
func TestNothingIsWrittenOutsideTheTarget(t *testing.T) {
	t.Parallel()
	t.Logf("-seed %d -hostile %d", *hostileSeed, *hostileTrees)
	top := memoryDir(t)
	for _, d := range []string{"outside", "target"} {
		if err := os.Mkdir(filepath.Join(top, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(top, "sentinel"), []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Unix(1e9, 0)
	for _, n := range []string{"sentinel", "outside", "."} {
		if err := os.Chtimes(filepath.Join(top, n), old, old); err != nil {
			t.Fatal(err)
		}
	}
	real, err := vfs.OS(filepath.Join(top, "target"))
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	applied, refused := 0, 0
	for i := range *hostileTrees {
		seed := *hostileSeed + uint64(i)
		rng := rand.New(rand.NewPCG(seed, 10))
		image := buildWIM(hostileTree(rng))
		if rng.IntN(8) == 0 { // damage
			image[rng.IntN(len(image))] ^= 1 << rng.IntN(8)
		}
		w := &watched{FS: real, links: map[string]bool{}}
		rules := wim.Rules{AllowCaseClash: rng.IntN(2) == 0, AllowWindowsNames: rng.IntN(2) == 0}
		_, err := fileOf(image, 1, w, FileOptions{Rules: rules, Workers: 1})
		if err == nil {
			applied++
		} else {
			refused++
		}
		if len(w.wrong) > 0 {
			t.Fatalf("seed %d: %v", seed, w.wrong)
		}
		checkSentinel(t, top, old, seed)
		empty(t, real, seed)
	}
	t.Logf("%d applied, %d refused", applied, refused)
	if n := *hostileTrees; n >= 1000 && (applied < n/5 || refused < n/5) {
		t.Errorf("%d applied and %d refused: the trees test too little", applied, refused)
	}
}

// memoryDir gives a folder in memory where there is one, as it is several times as fast.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "apply")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// checkSentinel looks for anything new or changed beside the target. The times of the folder tell of names made and removed.
func checkSentinel(t *testing.T, top string, old time.Time, seed uint64) {
	t.Helper()
	mode := fs.FileMode(0o644)
	if runtime.GOOS == "windows" {
		mode = 0o666 // of every file that may be written
	}
	for _, n := range []string{"sentinel", "outside", "."} {
		info, err := os.Lstat(filepath.Join(top, n))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !info.ModTime().Equal(old) || (n == "sentinel" && (info.Size() != 9 || info.Mode().Perm() != mode)) {
			t.Fatalf("seed %d: %s was changed at %v", seed, n, info.ModTime())
		}
	}
}

// empty clears the target.
func empty(t *testing.T, fsys vfs.FS, seed uint64) {
	t.Helper()
	entries, err := fsys.ReadDir(".")
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for _, e := range entries {
		if err := fsys.RemoveAll(e.Name()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestHostileNamesAreRefusedBeforeAnyWrite names what must never get to the target, with the strictest and the loosest rules.
func TestHostileNamesAreRefusedBeforeAnyWrite(t *testing.T) {
	below := testLink("link", "../outside", true)
	below.attrs |= wim.AttrDirectory
	below.children = []*testNode{testFile("through", []byte("x"))}
	cycle := testDir("cycle", testFile("f", nil))
	cycle.children = append(cycle.children, &testNode{name: "again", attrs: wim.AttrDirectory, below: cycle})
	always := map[string]*testNode{
		"dot dot": testFile("..", []byte("x")), "absolute": testFile("/etc/x", []byte("x")), "slash": testDir("a/b"), "NUL": testFile("a\x00b", nil),
		"children of a link": below, "cycle": cycle, "our mark": testFile(markerName, []byte("x")), "our folder": testDir(workName),
	}
	strict := map[string]*testNode{
		"drive": testFile("C:", nil), "stream": testFile("a:b", nil), "device": testFile("CON", nil), "device with suffix": testFile("nul.txt", nil),
		"backslash": testFile("..\\x", nil),
	}
	check := func(what string, n *testNode, rules wim.Rules) {
		fsys, dir := osTarget(t)
		w := &watched{FS: fsys, links: map[string]bool{}}
		image := buildWIM(testDir("", testFile("good", []byte("good")), n))
		if _, err := fileOf(image, 1, w, FileOptions{Rules: rules}); err == nil {
			t.Errorf("%s was not refused", what)
		}
		if entries, _ := os.ReadDir(dir); len(entries) > 0 || w.writes > 0 {
			t.Errorf("%s: %d writes before it was refused, left %v", what, w.writes, entries)
		}
	}
	for what, n := range always {
		check(what, n, wim.Rules{AllowCaseClash: true, AllowWindowsNames: true})
		check(what, n, wim.Rules{})
	}
	for what, n := range strict {
		check(what, n, wim.Rules{})
	}
	fsys, _ := osTarget(t)
	image := buildWIM(testDir("", testFile("Same", []byte("1")), testFile("same", []byte("2"))))
	if _, err := fileOf(image, 1, fsys, FileOptions{}); err == nil {
		t.Error("names that clash in case were not refused")
	}
}
