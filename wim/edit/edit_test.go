package edit

import (
	"bytes"
	"context"
	"crypto/sha1"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/wim"
)

var (
	bg       = context.Background()
	seedFlag = flag.Uint64("seed", 0, "replay this seed")
	someTime = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
)

// content is a stream that is in memory.
type content struct {
	path string
	data []byte
}

func (c *content) Path() string                 { return c.path }
func (c *content) Size() int64                  { return int64(len(c.data)) }
func (c *content) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.data)), nil }

// fill gives the files of a sketch contents: half of them shared between images, half of them compressible.
func fill(m *wim.Image, rng *rand.Rand, size int) *wim.Image {
	i := 0
	_ = m.Walk(func(d *wim.Dentry) error {
		d.Created, d.Modified, d.Accessed = wim.FiletimeOf(someTime), wim.FiletimeOf(someTime), wim.FiletimeOf(someTime)
		if d.IsDir() {
			return nil
		}
		i++
		data := bytes.Repeat([]byte(d.Path()+" is shared by all that have the path. "), 1+size/50)
		if i%2 == 0 {
			for at := 0; at < len(data); at += 2 {
				data[at] = byte(rng.Uint32())
			}
		}
		d.Streams = []wim.Stream{{Kind: wim.StreamData, Source: &content{d.Path(), data}}}
		return nil
	})
	return m
}

// makeWIM writes a file with images of sketches, named by what comes before a colon.
func makeWIM(t *testing.T, rng *rand.Rand, opts wim.WriterOptions, size int, sketches ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.wim")
	f, err := os.Create(path)
	must(t, err)
	opts.Time = someTime
	w, err := wim.Create(f, opts)
	must(t, err)
	for _, s := range sketches {
		name, words, _ := strings.Cut(s, ":")
		img := fill(sketch(words), rng, size)
		img.Info.Name = name
		must(t, img.Info.SetProperty("UNKNOWN/ELEMENT", "kept & <safe>"))
		must(t, w.Image(img, nil))
	}
	_, err = w.Finish(bg)
	must(t, err)
	must(t, f.Close())
	return path
}

// twoImages is what most tests change.
var twoImages = []string{"first: a d/ d/b d/e/ d/e/c x=1 y=1", "second: a d/ d/b only"}

// state is what a file says and holds.
type state struct {
	Images    []imageState
	Resources map[wim.SHA1]uint32 // references; image metadata not among them
	Boot      int
	Integrity bool
	Kind      wim.Compression
	PieceSize int
	Solid     bool
}

type imageState struct {
	Name, Description string
	Metadata          wim.SHA1
	Files             map[string]string // path: attributes and hashes
}

// look reads and verifies a file; the references in its table must be those that its images have.
func look(t *testing.T, path string) state {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	f, err := wim.Open(bytes.NewReader(b), int64(len(b)))
	must(t, err)
	must(t, f.Verify(bg, nil))
	return lookAt(t, f)
}

func lookAt(t *testing.T, f *wim.File) state {
	t.Helper()
	h := f.Header
	s := state{
		Resources: make(map[wim.SHA1]uint32), Boot: h.BootIndex, Integrity: h.Integrity.Size > 0, Kind: h.Compression, PieceSize: h.PieceSize,
		Solid: solidRun(f) != nil,
	}
	refs := make(map[wim.SHA1]uint32)
	for _, info := range f.Images() {
		img, err := f.Image(info.Index)
		must(t, err)
		tree, err := f.Tree(info.Index)
		must(t, err)
		anything := func(*wim.Dentry, wim.At) error { return nil }
		must(t, tree.Walk(&wim.Rules{AllowCaseClash: true, AllowWindowsNames: true}, anything, anything))
		res, err := f.MetadataOf(info.Index)
		must(t, err)
		is := imageState{info.Name, info.Description, res.Hash, make(map[string]string)}
		_ = img.Walk(func(d *wim.Dentry) error {
			var hashes []string
			for _, st := range d.Streams {
				hashes = append(hashes, st.Name+st.Hash.String())
				if !st.Hash.IsZero() {
					refs[st.Hash]++
				}
			}
			is.Files[d.Path()] = fmt.Sprintf("%#x %d %s", d.Attributes, d.Modified, strings.Join(hashes, " "))
			return nil
		})
		s.Images = append(s.Images, is)
	}
	for _, r := range f.Resources() {
		if !r.IsMetadata() {
			s.Resources[r.Hash] = r.Refs
			if r.Refs != refs[r.Hash] {
				t.Errorf("resource %s has %d references, the table says %d", r.Hash, refs[r.Hash], r.Refs)
			}
		}
	}
	return s
}

// equal compares two states.
func equal(t *testing.T, what string, want, got state) {
	t.Helper()
	if len(want.Images) != len(got.Images) {
		t.Errorf("%s: %d images, want %d", what, len(got.Images), len(want.Images))
		return
	}
	for i := range want.Images {
		w, g := want.Images[i], got.Images[i]
		difference(t, fmt.Sprintf("%s: image %d", what, i+1), w.Files, g.Files)
		w.Files, g.Files = nil, nil
		if !reflect.DeepEqual(w, g) {
			t.Errorf("%s: image %d is %+v, want %+v", what, i+1, g, w)
		}
	}
	difference(t, what, want.Resources, got.Resources)
	want.Images, got.Images, want.Resources, got.Resources = nil, nil, nil, nil
	if !reflect.DeepEqual(want, got) {
		t.Errorf("%s: the file has %+v, want %+v", what, got, want)
	}
}

// difference tells in what two tables differ.
func difference[K, V comparable](t *testing.T, what string, want, got map[K]V) {
	t.Helper()
	for k, w := range want {
		if g, ok := got[k]; !ok || g != w {
			t.Errorf("%s: %v is %v, want %v", what, k, g, w)
		}
	}
	for k, g := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%s: %v is %v, and should not be there", what, k, g)
		}
	}
}

// clone copies a file under another name.
func clone(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	out := filepath.Join(t.TempDir(), "clone.wim")
	must(t, os.WriteFile(out, b, 0o640))
	return out
}

// digest is a file's content, in short.
func digest(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return fmt.Sprintf("%x", sha1.Sum(b))
}

// alone says that nothing but the named files is in their folder: no temporary ones.
func alone(t *testing.T, paths ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(paths[0]))
	must(t, err)
	for _, e := range entries {
		known := false
		for _, p := range paths {
			known = known || filepath.Base(p) == e.Name()
		}
		if !known {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

// openWIM opens a file for reading, for as long as the test runs.
func openWIM(t *testing.T, paths ...string) *wim.File {
	t.Helper()
	var inputs []wim.Input
	for _, p := range paths {
		f, err := os.Open(p)
		must(t, err)
		t.Cleanup(func() { f.Close() })
		info, err := f.Stat()
		must(t, err)
		inputs = append(inputs, wim.Input{R: f, Size: info.Size(), Name: p})
	}
	w, err := wim.OpenSet(inputs[0], inputs[1:]...)
	must(t, err)
	return w
}

// must1 is must for a function with a result that is of no interest.
func must1(t *testing.T) func(any, error) {
	return func(_ any, err error) { t.Helper(); must(t, err) }
}

// second gives the error of a function with a result that is of no interest.
func second[T any](_ T, err error) error { return err }

// treeOf reads an image.
func treeOf(t *testing.T, path string, n int) *wim.Image {
	t.Helper()
	img, err := openWIM(t, path).Image(n)
	must(t, err)
	return img
}
