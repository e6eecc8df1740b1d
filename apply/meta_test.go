package apply

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// windowsTree has what a POSIX file system has no place for.
func windowsTree() []byte {
	f := testFile("file", []byte("contents"))
	f.attrs = wim.AttrReadOnly | wim.AttrHidden
	f.short = "FILE~1"
	f.security = 1
	f.streams = map[string][]byte{"zone": []byte("stream"), "none": nil}
	large := testFile("large", []byte("x"))
	large.streams = map[string][]byte{"big": make([]byte, vfs.MaxXattr+1)}
	odd := testFile("odd", nil)
	odd.attrs |= wim.AttrReparse
	odd.tag, odd.reparse = 0x80000017, []byte("reparse")
	dir := testDir("dir")
	dir.streams = map[string][]byte{"same": []byte("contents")} // shared with a file
	return buildWIM(testDir("", f, large, odd, dir, testLink("abs", "/etc", false)), []byte("descriptor"))
}

func applyFile(t *testing.T, image []byte, fsys vfs.FS, opts FileOptions) Report {
	t.Helper()
	rep, err := fileOf(image, 1, fsys, opts)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestWhatIsNotKeptIsCountedAndSaidOnce(t *testing.T) {
	fsys, dir := osTarget(t)
	var said []string
	rep := applyFile(t, windowsTree(), fsys, FileOptions{Events: func(e Event) {
		if e, ok := e.(NotKept); ok {
			said = append(said, e.Text)
		}
	}})
	want := Lost{Security: 1, NamedStreams: 4, ShortNames: 1, Attributes: 1, Reparse: 1, Absolute: 1}
	if rep.Lost != want {
		t.Errorf("lost %+v\nwant %+v", rep.Lost, want)
	}
	if len(said) != 6 || strings.Join(said, ";") != strings.Join(want.Lines(), ";") {
		t.Errorf("said: %q", said)
	}
	info, err := os.Stat(filepath.Join(dir, "file"))
	if err != nil || info.Mode().Perm()&0o200 == 0 {
		t.Errorf("read-only attribute changed the mode: %v, %v", info.Mode(), err)
	}
	if target, err := os.Readlink(filepath.Join(dir, "abs")); err != nil || target != "/etc" {
		t.Errorf("abs leads to %q, %v", target, err)
	}
}

func TestXattrsKeepIt(t *testing.T) {
	fsys, _ := osTarget(t)
	x, ok := fsys.(vfs.Xattrs)
	if ok {
		ok = x.Lsetxattr(".", "user.test", []byte("x")) == nil
	}
	if !ok {
		if os.Getenv("CI") != "" {
			t.Fatal("the temporary folder's file system has no xattrs: set TMPDIR to one that has")
		}
		t.Skip("the temporary folder's file system has no xattrs: set TMPDIR to one that has")
	}
	rep := applyFile(t, windowsTree(), fsys, FileOptions{UnixXattrs: true})
	if want := (Lost{NamedStreams: 1, Reparse: 1, Absolute: 1}); rep.Lost != want {
		t.Errorf("lost %+v\nwant %+v", rep.Lost, want)
	}
	created := binary.LittleEndian.AppendUint64(nil, 133500000012345670)
	for _, want := range []struct{ name, attr, data string }{
		{"file", xattrSecurity, "descriptor"},
		{"file", xattrShortName, "FILE~1"},
		{"file", xattrAttributes, "\x03\x00\x00\x00"},
		{"file", xattrCreated, string(created)},
		{"file", xattrStream + "zone", "stream"},
		{"file", xattrStream + "none", ""},
		{"dir", xattrStream + "same", "contents"},
	} {
		if got, err := x.Lgetxattr(want.name, want.attr); err != nil || string(got) != want.data {
			t.Errorf("%s of %s: %q, %v, want %q", want.attr, want.name, got, err, want.data)
		}
	}
	if _, err := x.Lgetxattr("large", xattrStream+"big"); !errors.Is(err, vfs.ErrNoXattr) {
		t.Errorf("stream that is too large: %v", err)
	}
}

// TestOwnersAndModesComeBack needs the right to change owners; without it owners are counted, which is checked instead.
func TestOwnersAndModesComeBack(t *testing.T) {
	src := t.TempDir()
	for name, mode := range map[string]os.FileMode{"plain": 0o640, "program": 0o755 | os.ModeSetuid} {
		if err := os.WriteFile(filepath.Join(src, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() == 0 {
			if err := os.Chown(filepath.Join(src, name), 12345, 54321); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Join(src, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	file := filepath.Join(t.TempDir(), "t.wim")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := capture.Write(bg, f, []capture.Source{{Dir: src}}, capture.WriteOptions{Scan: capture.Options{UnixData: true}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ReadFrom(io.NewSectionReader(f, 0, 1<<20)); err != nil {
		t.Fatal(err)
	}
	fsys, dir := osTarget(t)
	rep := applyFile(t, b.Bytes(), fsys, FileOptions{})
	diff, err := Compare(src, dir, true)
	if err != nil || len(diff) > 0 || rep.Lost.Owners > 0 {
		t.Errorf("%v, %v, %d owners not set", diff, err, rep.Lost.Owners)
	}
	mem := vfs.NewMem() // has no owners
	if rep := applyFile(t, b.Bytes(), mem, FileOptions{}); os.Geteuid() == 0 && rep.Lost.Owners != 2 {
		t.Errorf("%d owners not set in memory, want 2", rep.Lost.Owners)
	}
	if info, err := mem.Stat("program"); err != nil || os.Geteuid() == 0 && info.Mode() != 0o755 {
		t.Errorf("setuid for another owner: %v, %v", info.Mode(), err)
	}
}

func TestFileModeDropsSpecialBitsOfOthers(t *testing.T) {
	if m := fileMode(0o106755, false); m != 0o755 {
		t.Errorf("not owned: %v", m)
	}
	if m := fileMode(0o106755, true); m != 0o755|os.ModeSetuid|os.ModeSetgid {
		t.Errorf("owned: %v", m)
	}
}

func TestLinksThatAreNoneAreRefused(t *testing.T) {
	for what, data := range map[string][]byte{"empty": nil, "short": {1, 2, 3}, "large": make([]byte, ntfs3g.MaxReparse+1)} {
		l := testLink("l", "x", true)
		l.reparse = data
		image := buildWIM(testDir("", l))
		if _, err := fileOf(image, 1, vfs.NewMem(), FileOptions{}); !errors.Is(err, wim.ErrCorrupt) {
			t.Errorf("%s reparse data: %v", what, err)
		}
	}
}
