package apply

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/internal/ntfs3g/ntfstest"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

const ntfsSize = 64 << 20 // of a test's volume

// ntfsTarget makes an empty volume and mounts it.
func ntfsTarget(t *testing.T, options string) (*ntfstest.Volume, vfs.FS) {
	t.Helper()
	v := ntfstest.New(t, os.Getenv("CI") != "", ntfsSize)
	v.Mount(options)
	return v, osAt(t, v.Dir)
}

// osAt opens a directory; it is closed before what was mounted there goes.
func osAt(t *testing.T, dir string) vfs.FS {
	t.Helper()
	fsys, err := vfs.OS(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	return fsys
}

// captured fills a volume at random and captures it with wimlib.
func captured(t *testing.T, seed uint64, opts ntfstest.FillOptions, args ...string) (wimFile string) {
	t.Helper()
	v := ntfstest.New(t, os.Getenv("CI") != "", ntfsSize)
	v.Mount("streams_interface=windows")
	ntfstest.Fill(t, v.Dir, rand.New(rand.NewPCG(seed, 1)), opts)
	v.Unmount()
	wimFile = filepath.Join(t.TempDir(), "t.wim")
	wimtest.Wimlib(t, append([]string{"capture", v.Image, wimFile}, args...)...)
	return wimFile
}

func openFile(t *testing.T, path string) *wim.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	wf, err := wim.Open(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return wf
}

// describe says all that an image's tree says of its files, a line for each, in the order of their paths.
func describe(t *testing.T, wf *wim.File) []string {
	t.Helper()
	m, err := wf.Image(1)
	if err != nil {
		t.Fatal(err)
	}
	first := map[*wim.Dentry]string{} // names of one file know each other
	for _, group := range m.HardLinks() {
		slices.SortFunc(group, func(a, b *wim.Dentry) int { return strings.Compare(a.Path(), b.Path()) })
		for _, d := range group {
			first[d] = group[0].Path()
		}
	}
	var lines []string
	err = m.Walk(func(d *wim.Dentry) error {
		var sd []byte
		if d.SecurityID >= 0 {
			sd = m.Security[d.SecurityID]
		}
		var streams []string
		for _, s := range d.Streams {
			streams = append(streams, fmt.Sprintf("%d:%s:%s", s.Kind, s.Name, s.Hash))
		}
		slices.Sort(streams)
		lines = append(lines, fmt.Sprintf("%q short %q attributes %#x link %q tag %#x reserved %d times %d %d %d items %x streams %q security %x",
			d.Path(), strings.ToUpper(d.ShortName), d.Attributes, first[d], d.ReparseTag, d.ReparseReserved,
			d.Created, d.Accessed, d.Modified, d.Tagged, streams, sd))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

// sameLines fails with the lines that differ.
func sameLines(t *testing.T, got, want []string) {
	t.Helper()
	bad := 0
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w && bad < 5 {
			bad++
			t.Errorf("got\n%s\nwant\n%s", g, w)
		}
	}
}

// TestNTFSKeepsEverything applies what wimlib captured of an NTFS volume to another one, and compares what wimlib captures of that.
func TestNTFSKeepsEverything(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	src := captured(t, seed, ntfstest.FillOptions{Files: 120, NoEAs: true, LinksShort: true}, "--compress=LZX")
	wf := openFile(t, src)
	v, fsys := ntfsTarget(t, "streams_interface=windows")
	rep, err := File(bg, wf, 1, fsys, FileOptions{StrictACLs: true})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Lost != (Lost{}) {
		t.Errorf("not kept: %v", rep.Lost.Lines())
	}
	fsys.Close()
	v.Unmount()
	again := filepath.Join(t.TempDir(), "again.wim")
	wimtest.Wimlib(t, "capture", v.Image, again, "--compress=none")
	sameLines(t, describe(t, openFile(t, again)), describe(t, wf))
}

// TestNTFSOverKeepsEverything applies over the same image and something else.
func TestNTFSOverKeepsEverything(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	src := captured(t, seed, ntfstest.FillOptions{Files: 120, NoEAs: true}, "--compress=LZX")
	wf := openFile(t, src)
	v, fsys := ntfsTarget(t, "streams_interface=windows")
	if _, err := File(bg, wf, 1, fsys, FileOptions{}); err != nil {
		t.Fatal(err)
	}
	fsys.Close()
	rep, err := Over(bg, wf, 1, v.Dir, FileOptions{StrictACLs: true})
	if err != nil {
		t.Fatal(err)
	}
	rep.Lost.NamedStreams = 0 // those of directories that were there
	if rep.Lost != (Lost{}) {
		t.Errorf("not kept: %v", rep.Lost.Lines())
	}
	v.Unmount()
	again := filepath.Join(t.TempDir(), "again.wim")
	wimtest.Wimlib(t, "capture", v.Image, again, "--compress=none")
	sameLines(t, describe(t, openFile(t, again)), describe(t, wf))
}

// TestNTFSCrashThenRestart ends applies at random calls that change the target, goes on, and compares what wimlib captures of it.
func TestNTFSCrashThenRestart(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	src := captured(t, seed, ntfstest.FillOptions{Files: 40, NoEAs: true, LinksShort: true}, "--compress=XPRESS")
	want := describe(t, openFile(t, src))
	image, err := os.ReadFile(src)
	if err != nil {
		t.Fatal(err)
	}
	c := cutRandom(image, rand.New(rand.NewPCG(seed, 2)), 10_000, 200_000)
	pro := prologueOf(t, image)
	_, fsys := ntfsTarget(t, "streams_interface=windows")
	count := vfs.Fault(fsys, vfs.Plan{Ops: vfs.OpMutate})
	if _, err := runAll(count, image, c, pro, 1); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 3))
	for round := range 6 {
		v, fsys := ntfsTarget(t, "streams_interface=windows")
		at := 1 + rng.IntN(count.Calls())
		if round == 0 {
			at = count.Calls() - rng.IntN(40) // among what comes last
		}
		crashAndGoOn(t, fsys, at, image, c, pro, seed)
		fsys.Close()
		v.Unmount()
		again := filepath.Join(t.TempDir(), "again.wim")
		wimtest.Wimlib(t, "capture", v.Image, again, "--compress=none")
		sameLines(t, describe(t, openFile(t, again)), want)
		if t.Failed() {
			t.Fatalf("after a crash at call %d of %d", at, count.Calls())
		}
	}
}

// crashAndGoOn applies, with a crash at a call that changes the target, and goes on.
func crashAndGoOn(t *testing.T, fsys vfs.FS, at int, image []byte, c Content, pro *wim.File, seed uint64) {
	t.Helper()
	_, err := runAll(vfs.Fault(fsys, vfs.Plan{At: at, Ops: vfs.OpMutate, Err: vfs.ErrCrashed}), image, c, pro, seed)
	if !errors.Is(err, vfs.ErrCrashed) && err != nil {
		t.Fatalf("crash at call %d: %v", at, err)
	}
	if finished(fsys) {
		return
	}
	if _, err := runAll(fsys, image, c, pro, seed+1); err != nil {
		t.Fatalf("restart after a crash at call %d: %v", at, err)
	}
}

// volumeOf opens what was applied.
func volumeOf(t *testing.T, fsys vfs.FS) *ntfs3g.Volume {
	t.Helper()
	v, err := ntfs3g.Detect(fsys)
	if err != nil || v == nil {
		t.Fatalf("no volume: %v", err)
	}
	return v
}

func TestNTFSOptions(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	wf := openFile(t, captured(t, seed, ntfstest.FillOptions{Files: 40, NoEAs: true}, "--compress=none"))
	m, err := wf.Image(1)
	if err != nil {
		t.Fatal(err)
	}
	_, fsys := ntfsTarget(t, "streams_interface=windows")
	rep, err := File(bg, wf, 1, fsys, FileOptions{NoACLs: true, NoAttributes: true})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Lost != (Lost{}) {
		t.Errorf("what was not wanted counts as lost: %v", rep.Lost.Lines())
	}
	v := volumeOf(t, fsys)
	made, err := v.Node(m.Root.Children[0].Path()).Security()
	if err != nil {
		t.Fatal(err)
	}
	err = m.Walk(func(d *wim.Dentry) error {
		if d.Parent == nil {
			return nil
		}
		if sd, err := v.Node(d.Path()).Security(); err != nil || !bytes.Equal(sd, made) {
			t.Errorf("%s: security descriptor %x, %v, but none was to be set", d.Path(), sd, err)
		}
		if a, err := v.Node(d.Path()).Attributes(); err != nil || a&(wim.AttrHidden|wim.AttrSystem|wim.AttrReadOnly) != 0 {
			t.Errorf("%s: attributes %#x, %v, but none were to be set", d.Path(), a, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNTFSBadSecurity sets a descriptor that no one takes.
func TestNTFSBadSecurity(t *testing.T) {
	_, fsys := ntfsTarget(t, "streams_interface=windows")
	k := mounted{volumeOf(t, fsys)}
	if _, err := k.set(".", nil, &metadata{plain: true, strict: true, security: []byte("broken")}); err == nil {
		t.Error("a broken security descriptor was taken")
	}
	if lost, err := k.set(".", nil, &metadata{plain: true, security: []byte("broken")}); err != nil || lost != (Lost{Security: 1}) {
		t.Errorf("a broken security descriptor is not just counted: %v, %v", lost, err)
	}
}

func TestNTFSWithoutStreams(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	wf := openFile(t, captured(t, seed, ntfstest.FillOptions{Files: 60, NoEAs: true}, "--compress=none"))
	m, err := wf.Image(1)
	if err != nil {
		t.Fatal(err)
	}
	all, large := 0, 0
	seen := map[uint64]bool{0: false} // names of one file have the same streams
	err = m.Walk(func(d *wim.Dentry) error {
		if seen[d.HardLink] {
			return nil
		}
		seen[d.HardLink] = d.HardLink != 0
		for _, s := range d.Streams {
			if s.Kind == wim.StreamNamed {
				all++
				if r, ok := wf.Lookup(s.Hash); ok && r.Size > ntfs3g.MaxXattrStream {
					large++
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for option, want := range map[string]int{"xattr": large, "none": all} {
		_, fsys := ntfsTarget(t, "streams_interface="+option)
		rep, err := File(bg, wf, 1, fsys, FileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Lost != (Lost{NamedStreams: want}) {
			t.Errorf("%s: not kept: %v, want %d of %d streams", option, rep.Lost.Lines(), want, all)
		}
		for _, dir := range append([]string{"."}, dirsOf(m)...) {
			entries, err := fsys.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if strings.Contains(e.Name(), ":") {
					t.Errorf("%s: a stream became the file %s", option, e.Name())
				}
			}
		}
	}
}

func dirsOf(m *wim.Image) (dirs []string) {
	m.Walk(func(d *wim.Dentry) error {
		if d.IsDir() && !d.IsReparse() && d.Parent != nil {
			dirs = append(dirs, d.Path())
		}
		return nil
	})
	return dirs
}

func TestNTFSColonIsRefused(t *testing.T) {
	src := t.TempDir()
	if err := os.WriteFile(filepath.Join(src, "a:b"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "t.wim")
	wimtest.Wimlib(t, "capture", src, file, "--compress=none")
	for _, option := range []string{"windows", "xattr"} {
		_, fsys := ntfsTarget(t, "streams_interface="+option)
		_, err := File(bg, openFile(t, file), 1, fsys, FileOptions{Rules: wim.Rules{AllowWindowsNames: true, AllowCaseClash: true}})
		if !errors.Is(err, ErrHostile) {
			t.Errorf("%s: a name with a colon: %v", option, err)
		}
		if entries, err := fsys.ReadDir("."); err != nil || len(entries) > 0 {
			t.Errorf("%s: something was written: %v, %v", option, entries, err)
		}
	}
}
