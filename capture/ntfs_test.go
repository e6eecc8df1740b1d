//go:build unix

package capture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/internal/ntfs3g/ntfstest"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

// writeWIM captures a directory to a new file, and gives what was warned of.
func writeWIM(t *testing.T, dir string, opts Options) (path string, warned []string) {
	t.Helper()
	opts.Warn = func(path, what string) { warned = append(warned, path+" "+what) }
	img, _, err := Scan(context.Background(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "t.wim")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := wim.Create(out, wim.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Image(img, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(context.Background()); err != nil {
		t.Fatal(err)
	}
	return path, warned
}

// describeFile says all that an image's tree says of its files but some attributes, a line for each, in the order of their paths.
func describeFile(t *testing.T, path string, but uint32) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	wf, err := wim.Open(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
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
		if d.SecurityID < 0 {
			t.Errorf("%s has no security descriptor", d.Path())
			return nil
		}
		var streams []string
		for _, s := range d.Streams {
			streams = append(streams, fmt.Sprintf("%d:%s:%s", s.Kind, s.Name, s.Hash))
		}
		slices.Sort(streams)
		lines = append(lines, fmt.Sprintf("%q short %q attributes %#x link %q tag %#x reserved %d flags %d times %d %d %d items %x streams %q security %x",
			d.Path(), strings.ToUpper(d.ShortName), d.Attributes&^but, first[d], d.ReparseTag, d.ReparseReserved, d.ReparseFlags,
			d.Created, d.Accessed, d.Modified, d.Tagged, streams, m.Security[d.SecurityID]))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

func sameLines(t *testing.T, got, want []string) {
	t.Helper()
	for i, bad := 0, 0; i < max(len(got), len(want)) && bad < 5; i++ {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			bad++
			t.Errorf("got\n%s\nwant\n%s", g, w)
		}
	}
}

// TestNTFSCapturedAsByWimlib captures a random volume from where ntfs-3g has mounted it, and compares with what wimlib reads from the image
// file itself. Extended attributes, which wimlib does not read, are left out, and so is what ntfs-3g does not show.
func TestNTFSCapturedAsByWimlib(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	v := ntfstest.New(t, os.Getenv("CI") != "", 64<<20)
	v.Mount("streams_interface=windows")
	ntfstest.Fill(t, v.Dir, rand.New(rand.NewPCG(seed, 1)), ntfstest.FillOptions{Files: 120, NoEAs: true, NoHeld: true})
	v.Unmount()
	theirs := filepath.Join(t.TempDir(), "theirs.wim")
	wimtest.Wimlib(t, "capture", v.Image, theirs, "--compress=none")
	v.Mount("ro,streams_interface=windows")
	ours, warned := writeWIM(t, v.Dir, Options{FixLinks: true})
	sameLines(t, describeFile(t, ours, 0), without(describeFile(t, theirs, 0), v.Dir, warned))
}

// without takes away the lines of files that were left out because ntfs-3g does not show what they hold.
func without(lines []string, dir string, warned []string) []string {
	return slices.DeleteFunc(lines, func(line string) bool {
		return slices.ContainsFunc(warned, func(w string) bool {
			for _, why := range []string{" has the reparse tag 0x99,", " has the reparse tag 0x80000017,", " is a system file of one byte,"} {
				if path, _, ok := strings.Cut(strings.TrimPrefix(w, dir+"/"), why); ok && strings.HasPrefix(line, fmt.Sprintf("%q ", path)) {
					return true
				}
			}
			return false
		})
	})
}

// TestNTFSThereAndBack captures a random volume, applies that to another one, with this program and with wimlib, and captures these again.
func TestNTFSThereAndBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range 3 {
		eas, options := i < 2, "streams_interface=windows"
		if i == 0 {
			options += ",efs_raw"
		}
		v := ntfstest.New(t, os.Getenv("CI") != "", 64<<20)
		v.Mount(options)
		ntfstest.Fill(t, v.Dir, rand.New(rand.NewPCG(seed, 1)), ntfstest.FillOptions{
			Files: 70, NoEAs: !eas, NoHeld: true, Encrypted: i == 0,
			NoCompressed: !eas, // wimlib-imagex 1.13 writes wrong bytes into streams of compressed directories,
			NoTwins:      !eas, // and crashes where small ones of a file are the same
		})
		v.Unmount() // as it is on the volume, times too
		v.Mount("ro," + options)
		ours, _ := writeWIM(t, v.Dir, Options{})
		other := ntfstest.New(t, os.Getenv("CI") != "", 64<<20)
		but := uint32(0)
		if eas {
			other.Mount(options)
			applyTo(t, ours, other.Dir)
			other.Unmount()
		} else {
			wimtest.Wimlib(t, "apply", ours, other.Image)
			but = 0x200 // wimlib does not make every sparse file so
		}
		other.Mount("ro," + options)
		again, warned := writeWIM(t, other.Dir, Options{})
		if len(warned) > 0 {
			t.Errorf("not captured: %q", warned)
		}
		sameLines(t, describeFile(t, again, but), describeFile(t, ours, but))
		if t.Failed() {
			t.Fatalf("applied by wimlib: %v", !eas)
		}
	}
}

// applyTo applies the first image of a WIM file.
func applyTo(t *testing.T, wimFile, dir string) {
	t.Helper()
	f, err := os.Open(wimFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	wf, err := wim.Open(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	target, err := vfs.OS(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	rep, err := apply.File(context.Background(), wf, 1, target, apply.FileOptions{StrictACLs: true})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Lost != (apply.Lost{}) {
		t.Errorf("not kept: %q", rep.Lost.Lines())
	}
}

// TestNTFSWhatIsNoFileToLinux captures what ntfs-3g shows as pipes and links because Windows calls them system files, a short name that ntfs-3g
// does not tell, and what cannot be captured.
func TestNTFSWhatIsNoFileToLinux(t *testing.T) {
	v := ntfstest.New(t, os.Getenv("CI") != "", 16<<20)
	v.Mount("streams_interface=windows")
	at := func(name string) string { return filepath.Join(v.Dir, name) }
	vol, err := ntfs3g.DetectPath(v.Dir)
	if err != nil || vol == nil {
		t.Fatalf("no volume: %v", err)
	}
	for name, size := range map[string]int{"pipe": 0, "socket": 1, "plain": 2, "Program Files": 3, "encrypted": 4} {
		if err := os.WriteFile(at(name), make([]byte, size), 0o666); err != nil {
			t.Fatal(err)
		}
		if size < 3 {
			if err := vol.Node(at(name)).SetAttributes(wim.AttrSystem); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := vol.Node(at("Program Files")).SetShortName("PROGRA~1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(at("Program Files"), at("another name")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(at("socket"), at("socket again")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("dir/target", at("link")); err != nil {
		t.Fatal(err)
	}
	v.Unmount()
	theirs := filepath.Join(t.TempDir(), "theirs.wim")
	wimtest.Wimlib(t, "capture", v.Image, theirs, "--compress=none", "--norpfix")
	v.Mount("ro,streams_interface=windows")
	ours, warned := writeWIM(t, v.Dir, Options{})
	if len(warned) != 2 || !strings.Contains(warned[0], "/socket ") || !strings.Contains(warned[1], "/socket again ") {
		t.Errorf("warned of %q, want of both names of the socket alone", warned)
	}
	want := slices.DeleteFunc(describeFile(t, theirs, 0), func(line string) bool { return strings.HasPrefix(line, `"socket`) })
	sameLines(t, describeFile(t, ours, 0), want)
}
