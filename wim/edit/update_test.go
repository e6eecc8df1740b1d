package edit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

var errBroken = errors.New("the disk is broken")

// brokenSource is a stream that breaks off.
type brokenSource struct{ content }

func (b *brokenSource) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", 300_000)), errReader{})), nil
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errBroken }

func parse(t *testing.T, text string) []Command {
	t.Helper()
	cmds, err := ParseCommands(text)
	must(t, err)
	return cmds
}

// scanSketch reads what a command adds from a sketch: what stands behind the colon, or one file.
func scanSketch() Scan {
	return func(_ context.Context, path string, _ AddOptions) (*wim.Image, error) {
		name, words, ok := strings.Cut(path, ":")
		if name == "missing" {
			return nil, fs.ErrNotExist
		}
		if !ok {
			img := one()
			img.Root.Streams = []wim.Stream{{Kind: wim.StreamData, Source: &content{path, []byte("one file named " + path)}}}
			return img, nil
		}
		img := sketch(words)
		_ = img.Walk(func(d *wim.Dentry) error {
			if !d.IsDir() {
				d.Streams = []wim.Stream{{Kind: wim.StreamData, Source: &content{path, []byte("content of " + name + d.Path())}}}
			}
			return nil
		})
		return img, nil
	}
}

func TestUpdate(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	src := makeWIM(t, rng, wim.WriterOptions{Compression: wim.LZX, Check: true, BootIndex: 1}, 5000, twoImages...)
	for _, rebuild := range []bool{false, true} {
		path := clone(t, src)
		before := look(t, path)
		var told []string
		opts := UpdateOptions{
			Scan: scanSketch(), Rebuild: rebuild, Before: func(c Command) { told = append(told, c.String()) },
			Options: Options{Time: someTime},
		}
		cmds := parse(t, "add 'tree: d/ d/b new' /\ndelete x\nadd file /deep/er/file\nrename d/e moved\ndelete --force nothing\nrename a d/b")
		stats, err := Update(bg, path, 1, cmds, opts)
		must(t, err)
		if len(told) != 6 || stats.Images != 2 {
			t.Errorf("told of %q, and %+v", told, stats)
		}
		got := look(t, path)
		if got, want := paths(t, treeOf(t, path, 1)), "d d/b deep deep/er deep/er/file moved moved/c new y"; got != want {
			t.Errorf("the image has %s, want %s", got, want)
		}
		if got.Images[0].Files["d/b"] != before.Images[0].Files["a"] {
			t.Error("the renamed file is another one")
		}
		if !got.Integrity || got.Boot != 1 {
			t.Errorf("the file has %+v", got)
		}
		before.Images[0], before.Resources = got.Images[0], got.Resources
		equal(t, "all else", before, got)
		info := openWIM(t, path).Images()[0]
		if info.FileCount != 5 || info.DirCount != 5 || info.Modified != wim.FiletimeOf(someTime) {
			t.Errorf("the description is %+v", info)
		}
		if v, _ := info.Property("UNKNOWN/ELEMENT"); v == "" {
			t.Error("an unknown element is lost")
		}
		if d := treeOf(t, path, 1).HardLinks(); len(d) != 0 {
			t.Errorf("%d groups of links are left", len(d))
		}
	}
}

// Commands are done in order; when one fails, none is, and the error says which.
func TestUpdateIsAllOrNothing(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	path := makeWIM(t, rng, wim.WriterOptions{}, 1000, twoImages...)
	before := digest(t, path)
	for text, want := range map[string]string{
		"delete a\ndelete a":               "line 2: delete /a: file does not exist",
		"\n#\ndelete d":                    "line 3: delete /d: is a directory",
		"rename a d":                       "line 1: rename /a: to /d: is a directory",
		"delete a\nadd missing /x":         "line 2: file does not exist",
		"add --no-replace tree:a /":        "line 1: add /a: --no-replace: file already exists",
		"add file /":                       "line 1: add /: what is added is not a directory, and the root is one",
		"add tree:q /a":                    "line 1: add /a: it is not a directory",
		"add tree:q /a/b":                  `line 1: add /a/b: "a" is not a directory`,
		"delete --recursive d\nrename A b": "line 2: rename /A: file does not exist",
	} {
		_, err := Update(bg, path, 1, parse(t, text), UpdateOptions{Scan: scanSketch()})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := Update(bg, path, 3, nil, UpdateOptions{}); err == nil {
		t.Error("an image is updated that is not there")
	}
	must1(t)(Update(bg, path, 1, nil, UpdateOptions{}))
	if digest(t, path) != before {
		t.Error("the file changed")
	}
	must1(t)(Update(bg, path, 1, parse(t, "rename A B"), UpdateOptions{IgnoreCase: true}))
	must1(t)(Update(bg, path, 1, parse(t, "delete --recursive /"), UpdateOptions{}))
	if got := paths(t, treeOf(t, path, 1)); got != "" {
		t.Errorf("the image has %s", got)
	}
}

// Whatever the commands: they fail, or give an image that is read back as it is.
func FuzzUpdate(f *testing.F) {
	f.Add("add tree:a d/ d/b x /\nrename a d/b\ndelete --recursive d/e", false)
	f.Add("rename d/e moved\nadd file /new/er\ndelete --force nothing\nrename X y", true)
	f.Add("delete --recursive /\nadd file a\nadd tree:q/ q/r A /", true)
	f.Fuzz(func(t *testing.T, text string, ignoreCase bool) {
		cmds, err := ParseCommands(text)
		if err != nil || len(cmds) > 50 {
			return
		}
		for _, c := range cmds {
			if strings.Contains(c.From, ":") && (strings.Count(c.From, "/") > 20 || !plainSketch(c.From)) {
				return // what is added is what a scan gives, not anything
			}
		}
		img := fill(sketch("a A2 d/ d/b d/e/ d/e/c x=1 y=1 empty/"), rand.New(rand.NewPCG(1, 2)), 10)
		if err := apply(bg, img, cmds, UpdateOptions{Scan: scanSketch(), IgnoreCase: ignoreCase}); err != nil {
			return
		}
		want := paths(t, img)
		var b buffer
		w, err := wim.Create(&b, wim.WriterOptions{Time: someTime, Threads: 1})
		must(t, err)
		must(t, w.Image(img, nil))
		_, err = w.Finish(bg)
		must(t, err)
		file, err := wim.Open(bytes.NewReader(b.data), int64(len(b.data)))
		must(t, err)
		back, err := file.Image(1)
		must(t, err)
		if got := paths(t, back); got != want {
			t.Fatalf("%q gives %q, read back as %q", text, want, got)
		}
	})
}

// plainSketch says whether sketch makes a tree of the words: every directory before what is in it, no name twice.
func plainSketch(s string) bool {
	_, words, _ := strings.Cut(s, ":")
	seen := map[string]bool{"": true}
	for _, w := range strings.Fields(words) {
		w, _, _ = strings.Cut(w, "=")
		name := strings.TrimSuffix(w, "/")
		dir := ""
		if i := strings.LastIndex(name, "/"); i >= 0 {
			dir = name[:i] + "/"
		}
		if !seen[dir] || name == "" || seen[name] || seen[name+"/"] || checkName(name[len(dir):]) != nil || strings.ContainsAny(name[len(dir):], `/\`) {
			return false
		}
		seen[w] = true
	}
	return true
}

// buffer is a file in memory.
type buffer struct {
	data []byte
	at   int
}

func (b *buffer) Write(p []byte) (int, error) {
	if n := b.at + len(p); n > len(b.data) {
		b.data = append(b.data, make([]byte, n-len(b.data))...)
	}
	copy(b.data[b.at:], p)
	b.at += len(p)
	return len(p), nil
}

func (b *buffer) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += int64(b.at)
	case io.SeekEnd:
		off += int64(len(b.data))
	}
	b.at = int(off)
	return off, nil
}

// rich gives the files of an image everything that an image keeps of a file.
func rich(m *wim.Image) *wim.Image {
	m.Security = [][]byte{[]byte("descriptor of directories"), []byte("descriptor of files.....")}
	n := 0
	_ = m.Walk(func(d *wim.Dentry) error {
		n++
		d.Created, d.Accessed = d.Modified+wim.Filetime(n), d.Modified+wim.Filetime(2*n)
		if d.IsDir() {
			d.SecurityID = 0
			return nil
		}
		d.SecurityID, d.ShortName = 1, fmt.Sprintf("SHORT~%d", n)
		d.Attributes = wim.AttrHidden | wim.AttrSystem
		d.Streams = append(d.Streams, wim.Stream{Kind: wim.StreamNamed, Name: "Zone.Identifier", Source: &content{d.Path() + ":z", []byte("[ZoneTransfer]")}})
		d.Tagged = wim.UnixData{UID: 1, GID: 2, Mode: 0o100644}.Item()
		return nil
	})
	if link := (&tree{image: m}).find("link"); link != nil {
		link.Attributes |= wim.AttrReparse
		link.ReparseTag, link.ReparseReserved, link.ReparseFlags = wim.TagSymlink, 7, 1
		link.Streams = []wim.Stream{{Kind: wim.StreamReparse, Source: &content{"link", []byte("reparse data")}}}
	}
	return m
}

// An update leaves everything of the files that it does not touch.
func TestUpdateKeepsAllOfAFile(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	path := filepath.Join(t.TempDir(), "rich.wim")
	f, err := os.Create(path)
	must(t, err)
	w, err := wim.Create(f, wim.WriterOptions{Compression: wim.LZX})
	must(t, err)
	must(t, w.Image(rich(fill(sketch("a d/ d/b d/e/ d/e/c link x=1 y=1 gone"), rng, 3000)), nil))
	must1(t)(w.Finish(bg))
	must(t, f.Close())
	before := treeOf(t, path, 1)
	for _, rebuild := range []bool{false, true} {
		path := clone(t, path)
		cmds := parse(t, "delete gone\nadd tree:new /\nrename a renamed\nrename d/e/c d/c")
		must1(t)(Update(bg, path, 1, cmds, UpdateOptions{Scan: scanSketch(), Rebuild: rebuild}))
		look(t, path)
		after := treeOf(t, path, 1)
		if !reflect.DeepEqual(before.Security, after.Security) {
			t.Errorf("the descriptors are %q", after.Security)
		}
		for was, is := range map[string]string{"": "", "a": "renamed", "d": "d", "d/b": "d/b", "d/e/c": "d/c", "link": "link", "x": "x", "y": "y"} {
			want, got := *(&tree{image: before}).find(was), *(&tree{image: after}).find(is)
			if was != is {
				want.Name, want.ShortName = got.Name, ""
			}
			want.Parent, got.Parent, want.Children, got.Children = nil, nil, nil, nil
			if !reflect.DeepEqual(want, got) {
				t.Errorf("%s became\n%+v, want\n%+v", was, got, want)
			}
		}
		if got := (&tree{image: after}).find("new").SecurityID; got != 0 {
			t.Errorf("the new file has descriptor %d, and not its directory's", got)
		}
	}
}
