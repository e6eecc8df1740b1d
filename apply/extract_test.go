package apply

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

func selectTree() *testNode {
	return testDir("",
		testDir("a", testFile("x", []byte("one")), testDir("b", testFile("deep", []byte("deep")))),
		testDir("c", testFile("x", []byte("two")), testFile("X", []byte("large x"))),
		testFile("f*", []byte("star")), testFile("file", []byte("plain")))
}

func TestSelect(t *testing.T) {
	image := buildWIM(selectTree())
	img, err := openWIM(t, image).Tree(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		picks string // those that begin with + keep the directories above
		opts  SelectOptions
		want  string
		none  int
	}{
		{"/ a", SelectOptions{}, "a a/x a/b a/b/deep c c/x c/X f* file", 0},
		{"a", SelectOptions{}, "a a/x a/b a/b/deep", 0},
		{"/a/b/ c/x", SelectOptions{}, "b b/deep x", 0},
		{`+\a\b\deep`, SelectOptions{}, "a a/b a/b/deep", 0},
		{"+a/x +a/b", SelectOptions{}, "a a/x a/b a/b/deep", 0},
		{"a/x c/x", SelectOptions{}, "x", 0},
		{"*/x", SelectOptions{}, "x", 0},
		{"*/?", SelectOptions{}, "x b b/deep X", 0},
		{"f*", SelectOptions{}, "f* file", 0},
		{"f*", SelectOptions{Literal: true}, "f*", 0},
		{"C/x", SelectOptions{}, "", 1},
		{"C/x", SelectOptions{FoldCase: true}, "x X", 0},
		{"C/x", SelectOptions{FoldCase: true, Literal: true}, "x", 0},
		{"C/F*", SelectOptions{FoldCase: true}, "", 1},
		{"a/x/y a nope", SelectOptions{}, "a a/x a/b a/b/deep", 2},
		{"a/.. ..", SelectOptions{}, "", 2},
	} {
		var picks []Pick
		for _, p := range strings.Fields(c.picks) {
			path, keep := strings.CutPrefix(p, "+")
			picks = append(picks, Pick{path, keep})
		}
		part, none, err := Select(img, picks, c.opts)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		_ = part.Walk(func(d *wim.Dentry) error { // fn gives no error
			if d.Parent != nil {
				got = append(got, d.Path())
			}
			return nil
		})
		if s := strings.Join(got, " "); s != c.want || len(none) != c.none {
			t.Errorf("%s %+v: %q and %d of nothing, want %q and %d", c.picks, c.opts, s, len(none), c.want, c.none)
		}
	}
}

func TestMatchNameTakesNoExponentialTime(t *testing.T) {
	for pattern, names := range map[string][2]string{ // fits, does not
		"*": {"", "\x00"}, "a*b*c": {"aXbbYc", "acb"}, "?": {"é", "ab"}, "*.*": {"a.b", "ab"}, "a": {"a", "b"}, "**a": {"xa", "ax"},
	} {
		if !matchName(pattern, names[0]) || pattern != "*" && matchName(pattern, names[1]) {
			t.Errorf("%q: wrong about %q", pattern, names)
		}
	}
	if matchName(strings.Repeat("*a", 120)+"b", strings.Repeat("a", 255)) {
		t.Error("matches")
	}
}

// extractAll extracts picks from an image into a directory.
func extractAll(t *testing.T, image []byte, dir string, picks ...Pick) error {
	t.Helper()
	f := openWIM(t, image)
	img, err := f.Tree(1)
	if err != nil {
		t.Fatal(err)
	}
	part, _, err := Select(img, picks, SelectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Extract(bg, f, 1, part, dir, FileOptions{Rules: wim.Rules{AllowCaseClash: true, AllowWindowsNames: true}})
	return err
}

func listDir(t *testing.T, dir string) []string {
	t.Helper()
	l, err := listTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l.names
}

func TestExtractLeavesNothingHalf(t *testing.T) {
	image := buildWIM(selectTree())
	bad := bytes.Clone(image)
	bad[bytes.Index(bad, []byte("deep"))] ^= 1
	dir := t.TempDir()
	old := filepath.Join(dir, "a", "x")
	if err := os.MkdirAll(filepath.Dir(old), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := listDir(t, dir)
	if err := extractAll(t, bad, dir, Pick{Path: "/"}); !errors.Is(err, wim.ErrHash) {
		t.Fatalf("a damaged image: %v", err)
	}
	if b, _ := os.ReadFile(old); string(b) != "old" || !slices.Equal(listDir(t, dir), before) {
		t.Errorf("a failed extract left %q", listDir(t, dir))
	}
	if err := extractAll(t, image, dir, Pick{Path: "a", Keep: true}); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(old); string(b) != "one" {
		t.Errorf("a/x is %q", b)
	}
	want := []string{".", "a", "a/b", "a/b/deep", "a/x"}
	if got := listDir(t, dir); !slices.Equal(got, want) {
		t.Errorf("extracted %q, want %q", got, want)
	}
}

// TestExtractGoesThroughNoLink has a link in the target where the image has a directory.
func TestExtractGoesThroughNoLink(t *testing.T) {
	image := buildWIM(selectTree())
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "a")); err != nil {
		t.Skip("no symbolic links here")
	}
	if err := extractAll(t, image, dir, Pick{Path: "a"}); !errors.Is(err, ErrInTheWay) {
		t.Errorf("a link in the way: %v", err)
	}
	if got := listDir(t, outside); len(got) != 1 {
		t.Errorf("written through the link: %q", got)
	}
	if err := os.Symlink(filepath.Join(outside, "f"), filepath.Join(dir, "file")); err != nil {
		t.Fatal(err)
	}
	if err := extractAll(t, image, dir, Pick{Path: "file"}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(filepath.Join(dir, "file")); err != nil || !info.Mode().IsRegular() || len(listDir(t, outside)) != 1 {
		t.Errorf("a link that is replaced: %v %v", info, err)
	}
}

// readCounter counts the bytes that are read.
type readCounter struct {
	r *bytes.Reader
	n int64
}

func (c *readCounter) ReadAt(p []byte, off int64) (int, error) {
	c.n += int64(len(p))
	return c.r.ReadAt(p, off)
}

// TestExtractReadsOnlyNeededPieces takes one small file out of a solid run of big pieces.
func TestExtractReadsOnlyNeededPieces(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	sampleTree(t, src, 5, 8_000_000)
	image := solidOf(t, wimOf(t, src, wim.XPRESS), wim.XPRESS, 65536, 1)
	c := &readCounter{r: bytes.NewReader(image)}
	f, err := wim.Open(c, int64(len(image)))
	if err != nil {
		t.Fatal(err)
	}
	img, err := f.Image(1)
	if err != nil {
		t.Fatal(err)
	}
	var path string
	_ = img.Walk(func(d *wim.Dentry) error { // fn gives no error
		if d.Name == "file3" {
			path = d.Path()
		}
		return nil
	})
	tree, err := img.Tree()
	if err != nil {
		t.Fatal(err)
	}
	part, _, err := Select(tree, []Pick{{Path: path}}, SelectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.n = 0
	mem := vfs.NewMem()
	if _, err := File(bg, f, 1, mem, FileOptions{part: part}); err != nil {
		t.Fatal(err)
	}
	if len(dump(t, mem)) != 1 || c.n > 300_000 || c.n == 0 {
		t.Errorf("%d bytes of %d were read for %v", c.n, len(image), dump(t, mem))
	}
}

// TestRecoverWritesWhatIsDamaged has one file damaged where it is stored plain, one where a piece no longer decodes.
func TestRecoverWritesWhatIsDamaged(t *testing.T) {
	src := t.TempDir()
	text := []byte(strings.Repeat("what is written here can be compressed, ", 10_000))
	for name, content := range map[string][]byte{"text": text, "good": []byte("good"), "noise": noiseBytes(50_000)} {
		if err := os.WriteFile(filepath.Join(src, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	image := wimOf(t, src, wim.XPRESS)
	for _, r := range openWIM(t, image).Layout().Runs {
		switch {
		case r.Size == 50_000:
			image[r.Offset+100] ^= 1
		case r.Size == int64(len(text)):
			at := r.Offset + r.PieceTableSize()
			copy(image[at:], bytes.Repeat([]byte{0xff}, 256)) // the code lengths of piece 0
		}
	}
	mem := vfs.NewMem()
	if _, err := File(bg, openWIM(t, image), 1, mem, FileOptions{}); err == nil {
		t.Fatal("damage went unseen")
	}
	mem = vfs.NewMem()
	told := 0
	rep, err := File(bg, openWIM(t, image), 1, mem, FileOptions{Recover: true, Workers: 1, Events: func(e Event) {
		if _, ok := e.(Damaged); ok {
			told++
		}
	}})
	if err != nil || rep.Lost.Damaged != 2 || told != 2 {
		t.Fatalf("%+v, %d told, %v", rep.Lost, told, err)
	}
	got := map[string][]byte{}
	for _, name := range []string{"text", "good", "noise"} {
		f, err := mem.OpenFile(name, os.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got[name], err = io.ReadAll(f); err != nil {
			t.Fatal(err)
		}
	}
	if string(got["good"]) != "good" || len(got["noise"]) != 50_000 || len(got["text"]) != len(text) {
		t.Errorf("%d, %d, %d bytes", len(got["good"]), len(got["noise"]), len(got["text"]))
	}
	if !bytes.Equal(got["text"][:32768], make([]byte, 32768)) || !bytes.Equal(got["text"][32768:], text[32768:]) {
		t.Error("what decodes is not as it was, or what does not is no zeros")
	}
}

func noiseBytes(n int) []byte {
	b, x := make([]byte, n), uint64(1)
	for i := range b {
		x = x*6364136223846793005 + 1442695040888963407
		b[i] = byte(x >> 56)
	}
	return b
}
