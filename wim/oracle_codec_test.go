//go:build unix

package wim

import (
	"fmt"
	"go/build"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
)

// codecContents are what codecs meet: this test's own code, text, both with noise and zeros between, of sizes around those of pieces.
func codecContents(t *testing.T, rng *rand.Rand) (all [][]byte) {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	code, err := os.ReadFile(exe)
	must(t, err)
	text, err := os.ReadFile(filepath.Join(build.Default.GOROOT, "src/net/http/h2_bundle.go"))
	must(t, err)
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	mixed := append(append(append(append([]byte(nil), text[:70_000]...), noise...), make([]byte, 70_000)...), code[len(code)/2:][:90_000]...)
	all = [][]byte{code[:300_001], text[:200_000], mixed, noise[:32768], make([]byte, 32768), text[:1], code[len(code)/3:][:32769]}
	for range 20 {
		n := 1 + rng.IntN(5000)
		at := rng.IntN(len(text) - n)
		all = append(all, text[at:at+n])
	}
	return all
}

// wimlib must decode what the encoders make, at all windows and kinds of levels.
func TestWimlibDecodesWhatIsEncoded(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	contents := codecContents(t, rng)
	for _, c := range []struct {
		codec  Compression
		sizes  []int
		levels []int
	}{
		{XPRESS, []int{12, 15, 16}, []int{1, 30, 50, 100}},
		{LZX, []int{15}, []int{1, 34, 35, 50, 100}},
		{LZX, []int{16, 17, 18, 19, 20, 21}, []int{20, 50}},
	} {
		for _, order := range c.sizes {
			for _, level := range c.levels {
				t.Run(fmt.Sprintf("%s %d level %d", c.codec, 1<<order, level), func(t *testing.T) {
					img := &Image{Info: ImageInfo{Name: "codec"}, Root: newDir("")}
					for i, b := range contents {
						d := &Dentry{Name: fmt.Sprint(i), Attributes: AttrArchive, SecurityID: -1, Parent: img.Root}
						d.Streams = []Stream{{Kind: StreamData, Source: &memSource{path: d.Name, data: b}}}
						img.Root.Children = append(img.Root.Children, d)
					}
					b, _ := writeWIM(t, WriterOptions{Compression: c.codec, PieceSize: 1 << order, Level: level}, img)
					path := filepath.Join(t.TempDir(), "x.wim")
					must(t, os.WriteFile(path, b, 0o644))
					wimtest.Wimlib(t, "verify", path)
				})
			}
		}
	}
}
