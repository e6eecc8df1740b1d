//go:build unix

package capture

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

// pathsOf lists an image, in its order.
func pathsOf(img *wim.Image) []string {
	var out []string
	_ = img.Walk(func(d *wim.Dentry) error { // fn gives no error
		out = append(out, "/"+d.Path())
		return nil
	})
	return out
}

// globTree makes a tree of few different names, so that globs match often.
func globTree(t *testing.T, rng *rand.Rand, dir string, depth int) {
	t.Helper()
	for _, name := range []string{"a", "b", "ab", "aba", "A.txt", "b.txt", "[x]", "a b", "üabc"} { // wimlib-imagex counts bytes for ?, so no name may be told from another by that
		path := filepath.Join(dir, name)
		switch rng.IntN(4) {
		case 0:
			must(t, os.WriteFile(path, []byte(name), 0o644))
		case 1:
			if depth > 0 {
				must(t, os.Mkdir(path, 0o755))
				globTree(t, rng, path, depth-1)
			}
		}
	}
}

// randomGlob draws a line of a configuration.
func randomGlob(rng *rand.Rand) string {
	name := func() string {
		pick := []string{"a", "b", "ab", "*", "?", "a*", "*.txt", "*b*", "a?a", "[x]", "a b", "ü*", "??", "A.TXT", "a*b*a", "b.txt"}
		return pick[rng.IntN(len(pick))]
	}
	if rng.IntN(3) == 0 {
		return []string{"%s", "%s/", `"%s"`, " %s "}[rng.IntN(4)]
	}
	s := ""
	for range 1 + rng.IntN(3) {
		s += []string{"/", `\`, "//"}[rng.IntN(3)] + name()
	}
	return []string{"%s" + s, s, s + "/", `"` + s + `"`, "C:" + s}[1+rng.IntN(4)]
}

func randomConfig(rng *rand.Rand) string {
	var b strings.Builder
	for _, section := range []string{"[ExclusionList]", "[ExclusionException]", "[PrepopulateList]", "[ExclusionList]"} {
		fmt.Fprintln(&b, section)
		for range rng.IntN(3) {
			glob := randomGlob(rng)
			if strings.Contains(glob, "%s") {
				glob = fmt.Sprintf(glob, []string{"a", "*.txt", "?", "ab", "*b", "a b"}[rng.IntN(6)])
			}
			if strings.TrimSpace(glob) == "[x]" {
				glob = `"[x]"` // or it would be a section
			}
			fmt.Fprintln(&b, glob)
			if rng.IntN(4) == 0 {
				fmt.Fprintln(&b, []string{"# a", "; *", "", "   "}[rng.IntN(4)])
			}
		}
	}
	return b.String()
}

// What a configuration leaves out of a capture must be what wimlib-imagex leaves out.
func TestConfigsMeanWhatTheyMeanToWimlib(t *testing.T) {
	rng := wimtest.Seeded(t, *seedFlag)
	for range 3 {
		dir := t.TempDir()
		globTree(t, rng, dir, 3)
		for range 8 {
			text := randomConfig(rng)
			file, path := filepath.Join(t.TempDir(), "config"), filepath.Join(t.TempDir(), "theirs.wim")
			must(t, os.WriteFile(file, []byte(text), 0o644))
			wimtest.Wimlib(t, "capture", dir, path, "--compress=none", "--config="+file)
			c, err := ParseConfig([]byte(text))
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			img, _ := scan(t, dir, Options{Config: c})
			want := strings.Split(strings.TrimSpace(wimtest.Wimlib(t, "dir", path, "1")), "\n")
			got := pathsOf(img)
			slices.Sort(want) // wimlib-imagex lists in an order of its own
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("%s\nkeeps %q\nwant  %q", text, got, want)
			}
		}
	}
}
