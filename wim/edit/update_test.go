package edit

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

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
func scanSketch(rng interface{ Uint32() uint32 }) Scan {
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
	rng := seeded(t)
	src := makeWIM(t, rng, wim.WriterOptions{Compression: wim.LZX, Check: true, BootIndex: 1}, 5000, twoImages...)
	for _, rebuild := range []bool{false, true} {
		path := clone(t, src)
		before := look(t, path)
		var told []string
		opts := UpdateOptions{
			Scan: scanSketch(rng), Rebuild: rebuild, Before: func(c Command) { told = append(told, c.String()) },
			Options: Options{Time: someTime},
		}
		cmds := parse(t, "add 'tree: d/ d/b new' /\ndelete x\nadd file /deep/er/file\nrename d/e moved\ndelete --force nothing\nrename a d/b")
		stats, err := Update(bg, path, 1, cmds, opts)
		must(t, err)
		if len(told) != 6 || stats.Images != 2 {
			t.Errorf("told of %q, and %+v", told, stats)
		}
		got := look(t, path)
		if got, want := paths(t, tree(t, path, 1)), "d d/b deep deep/er deep/er/file moved moved/c new y"; got != want {
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
		if d := tree(t, path, 1).HardLinks(); len(d) != 0 {
			t.Errorf("%d groups of links are left", len(d))
		}
	}
}

// Commands are done in order; when one fails, none is, and the error says which.
func TestUpdateIsAllOrNothing(t *testing.T) {
	rng := seeded(t)
	path := makeWIM(t, rng, wim.WriterOptions{}, 1000, twoImages...)
	before := digest(t, path)
	for text, want := range map[string]string{
		"delete a\ndelete a":               "line 2: delete /a: file does not exist",
		"\n#\ndelete d":                    "line 3: delete /d: is a directory",
		"rename a d":                       "line 1: rename /a: to /d: is a directory",
		"delete a\nadd missing /x":         "line 2: file does not exist",
		"add --no-replace tree:a /":        "line 1: add /a: --no-replace: file already exists",
		"add file /":                       "line 1: add /: the root is a directory",
		"add tree:q /a":                    "line 1: add /a: it is not a directory",
		"add tree:q /a/b":                  `line 1: add /a/b: "a" is not a directory`,
		"delete --recursive d\nrename A b": "line 2: rename /A: file does not exist",
	} {
		_, err := Update(bg, path, 1, parse(t, text), UpdateOptions{Scan: scanSketch(rng)})
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
	if got := paths(t, tree(t, path, 1)); got != "" {
		t.Errorf("the image has %s", got)
	}
}
