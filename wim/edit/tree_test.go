package edit

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/wim"
)

// sketch makes an image: one path a word, directories with a slash behind them, files with "=group" in a group of hard links.
func sketch(words string) *wim.Image {
	m := &wim.Image{Root: &wim.Dentry{Attributes: wim.AttrDirectory, SecurityID: -1}}
	for _, w := range strings.Fields(words) {
		w, group, _ := strings.Cut(w, "=")
		dir, name := m.Root, strings.TrimSuffix(w, "/")
		if i := strings.LastIndex(name, "/"); i >= 0 {
			dir, name = (&tree{image: m}).find(name[:i]), name[i+1:]
		}
		d := &wim.Dentry{Name: name, SecurityID: -1, Attributes: wim.AttrNormal, Parent: dir}
		if strings.HasSuffix(w, "/") {
			d.Attributes = wim.AttrDirectory
		}
		if group != "" {
			d.HardLink = uint64(group[0])
		}
		dir.Children = append(dir.Children, d)
	}
	return m
}

// paths gives the paths of an image, sorted.
func paths(t *testing.T, m *wim.Image) string {
	var out []string
	_ = m.Walk(func(d *wim.Dentry) error {
		for _, c := range d.Children {
			if c.Parent != d {
				t.Errorf("%q does not know its parent", c.Name)
			}
		}
		if d != m.Root {
			out = append(out, d.Path())
		}
		return nil
	})
	slices.Sort(out)
	return strings.Join(out, " ")
}

const before = "a A2 d/ d/b d/e/ d/e/c empty/"

func TestRenameIsRename2(t *testing.T) {
	for _, c := range []struct {
		old, to string
		want    error
		after   string
	}{
		{"a", "A", nil, "A A2 d d/b d/e d/e/c empty"},
		{"a", "a", nil, "A2 a d d/b d/e d/e/c empty"},
		{"a", "d", ErrIsDir, ""},
		{"a", "/", ErrIsDir, ""},
		{"d", "a", ErrNotDir, ""},
		{"d", "d/e", ErrNotEmpty, ""},
		{"d", "d/e/f", ErrInside, ""},
		{"d/e", "d", ErrNotEmpty, ""},
		{"d/e", "/", ErrNotEmpty, ""},
		{"empty", "/", ErrNotEmpty, ""},
		{"/", "x", ErrInside, ""},
		{"", "", ErrInside, ""},
		{"a", "d/b", nil, "A2 d d/b d/e d/e/c empty"},
		{"a", `\d\q`, nil, "A2 d d/b d/e d/e/c d/q empty"},
		{"d", "empty", nil, "A2 a empty empty/b empty/e empty/e/c"},
		{"a", "nope/x", fs.ErrNotExist, ""},
		{"a", "A2/x", ErrNotDir, ""},
		{"nope", "x", fs.ErrNotExist, ""},
		{"a", "d/..", ErrBadName, ""},
		{"a", ".", ErrBadName, ""},
		{"a", "x\x00y", ErrBadName, ""},
		{"a", strings.Repeat("n", 256), ErrBadName, ""},
	} {
		tree := &tree{image: sketch(before)}
		err := tree.rename(c.old, c.to)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("rename %q %q: %v, want %v", c.old, c.to, err, c.want)
		}
		want := c.after
		if c.want != nil {
			want = paths(t, sketch(before))
		}
		if got := paths(t, tree.image); got != want {
			t.Errorf("rename %q %q: %s, want %s", c.old, c.to, got, want)
		}
	}
}

func TestRenameDropsTheShortName(t *testing.T) {
	tree := &tree{image: sketch(before)}
	tree.find("a").ShortName = "A~1"
	must(t, tree.rename("a", "longer"))
	if got := tree.find("longer").ShortName; got != "" {
		t.Errorf("the short name is %q", got)
	}
}

func TestDelete(t *testing.T) {
	for _, c := range []struct {
		path      string
		recursive bool
		want      error
		after     string
	}{
		{"a", false, nil, "A2 d d/b d/e d/e/c empty"},
		{"/a/", false, nil, "A2 d d/b d/e d/e/c empty"},
		{"d//b", false, nil, "A2 a d d/e d/e/c empty"},
		{"empty", false, ErrIsDir, ""},
		{"", false, ErrIsDir, ""},
		{"d", true, nil, "A2 a empty"},
		{"/", true, nil, ""},
		{"./a", true, fs.ErrNotExist, ""},
		{"d/../a", true, fs.ErrNotExist, ""},
		{"D/b", true, fs.ErrNotExist, ""},
		{"a/x", true, fs.ErrNotExist, ""},
	} {
		tree := &tree{image: sketch(before)}
		err := tree.delete(c.path, c.recursive)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("delete %q: %v, want %v", c.path, err, c.want)
		}
		want := c.after
		if c.want != nil {
			want = paths(t, sketch(before))
		}
		if got := paths(t, tree.image); got != want {
			t.Errorf("delete %q: %s, want %s", c.path, got, want)
		}
	}
}

func TestCaseMattersOnlyWhenAskedFor(t *testing.T) {
	tree := &tree{image: sketch("Foo foo Dir/ Dir/x"), ignoreCase: true}
	must(t, tree.delete("foo", false))
	if got := paths(t, tree.image); got != "Dir Dir/x Foo" {
		t.Errorf("the equal name comes first, but what is left is %s", got)
	}
	must(t, tree.delete("FOO", false))
	must(t, tree.rename("DIR/X", "dir/X"))
	must(t, tree.add("dIR", sketch("x Y"), false, nil))
	if got := paths(t, tree.image); got != "Dir Dir/Y Dir/x" {
		t.Errorf("after all: %s", got)
	}
}

func TestAdd(t *testing.T) {
	for _, c := range []struct {
		path, from string
		noReplace  bool
		want       error
		after      string
	}{
		{"/", "z d/ d/b d/n", false, nil, "A2 a d d/b d/e d/e/c d/n empty z"},
		{"d", "z b", false, nil, "A2 a d d/b d/e d/e/c d/z empty"},
		{"new/x/y", "z", false, nil, "A2 a d d/b d/e d/e/c empty new new/x new/x/y new/x/y/z"},
		{"d", "b", true, fs.ErrExist, ""},
		{"d", "n", true, nil, "A2 a d d/b d/e d/e/c d/n empty"},
		{"a", "z", false, ErrNotDir, ""},
		{"a/x", "z", false, ErrNotDir, ""},
		{"d", "e", false, ErrIsDir, ""},
		{"d", "b/", false, ErrNotDir, ""},
		{"d/..", "z", false, ErrBadName, ""},
		{"../q", "z", false, ErrBadName, ""},
		{strings.Repeat("n/", wim.MaxDepth+1), "z", false, ErrBadName, ""},
	} {
		tree := &tree{image: sketch(before)}
		err := tree.add(c.path, sketch(c.from), c.noReplace, nil)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("add %q to %q: %v, want %v", c.from, c.path, err, c.want)
		}
		if got := paths(t, tree.image); c.want == nil && got != c.after {
			t.Errorf("add %q to %q: %s, want %s", c.from, c.path, got, c.after)
		}
	}
}

// one makes the image of a single file.
func one() *wim.Image {
	return &wim.Image{Root: &wim.Dentry{Attributes: wim.AttrArchive, SecurityID: -1}}
}

func TestAddOneFile(t *testing.T) {
	tree := &tree{image: sketch(before)}
	var told []string
	must(t, tree.add("d/b", one(), false, func(path string) { told = append(told, path) }))
	must(t, tree.add("d/n", one(), true, nil))
	if got := tree.find("d/b").Attributes; got != wim.AttrArchive {
		t.Errorf("the file was not replaced: attributes %#x", got)
	}
	if !slices.Equal(told, []string{"/d/b"}) {
		t.Errorf("told of %q", told)
	}
	for path, want := range map[string]error{"/": ErrNotDir, "d": ErrIsDir} {
		if err := tree.add(path, one(), false, nil); !errors.Is(err, want) {
			t.Errorf("add a file to %q: %v, want %v", path, err, want)
		}
	}
	if err := tree.add("d/b", one(), true, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("add --no-replace: %v", err)
	}
}

// A directory link keeps its own meaning: nothing is put below it.
func TestNothingIsAddedBelowALink(t *testing.T) {
	tree := &tree{image: sketch("link/")}
	tree.find("link").Attributes |= wim.AttrReparse
	for _, path := range []string{"link", "link/x"} {
		if err := tree.add(path, sketch("z"), false, nil); !errors.Is(err, ErrNotDir) {
			t.Errorf("add to %q: %v", path, err)
		}
	}
	if err := tree.rename("link", "link/x"); !errors.Is(err, ErrNotDir) {
		t.Errorf("rename: %v", err)
	}
}

func TestAddedTreesGetTheirSecurityAndLinks(t *testing.T) {
	m := sketch("d/ x=1 y=1")
	m.Security = [][]byte{[]byte("root"), []byte("dir")}
	m.Root.SecurityID, m.Root.Children[0].SecurityID = 0, 1
	tree := &tree{image: m}
	from := sketch("p=1 q=1 r/ r/s")
	from.Security = [][]byte{[]byte("own"), []byte("dir")}
	from.Root.Children[0].SecurityID, from.Root.Children[1].SecurityID = 0, 1
	must(t, tree.add("d/e/f", from, false, nil))
	if len(m.Security) != 3 || string(m.Security[2]) != "own" {
		t.Fatalf("security is %q", m.Security)
	}
	for path, want := range map[string]int32{"d": 1, "d/e": 1, "d/e/f": 1, "d/e/f/p": 2, "d/e/f/q": 1, "d/e/f/r": 1, "d/e/f/r/s": 1} {
		if got := tree.find(path).SecurityID; got != want {
			t.Errorf("%s has descriptor %d, want %d", path, got, want)
		}
	}
	x, p := tree.find("x").HardLink, tree.find("d/e/f/p").HardLink
	if x == p || x == 0 || p == 0 || p != tree.find("d/e/f/q").HardLink || x != tree.find("y").HardLink {
		t.Errorf("links are %d and %d", x, p)
	}
	must(t, tree.delete("x", false))
	tree.tidy()
	if tree.find("y").HardLink != 0 || tree.find("d/e/f/p").HardLink != p {
		t.Errorf("after one of two names went, the other is in group %d", tree.find("y").HardLink)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
