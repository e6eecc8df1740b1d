package wimcast_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maximum matches the names of constants that bound something: maxConns, MaxName, claimsMax. What is only the
// default of a setting that has bounds of its own, as DefaultFetchMax, is none.
var maximum = regexp.MustCompile(`^[mM]ax[A-Z]|[a-z]Max$`)

// untestedMaxima are those that no test of their package names, with the reason.
var untestedMaxima = map[string]string{
	"apply.maxJournal":                "1 GiB: what is behind it is read as a journal that was cut there, as tests cut it",
	"apply.maxRecord":                 "1 GiB: a list's length is bounded by the bytes that are left, as tests of the journal show",
	"apply.readyMax":                  "when what is ready is written: nothing is refused or cut",
	"bench/lab.maxHosts":              "ends the test that asks for more",
	"capture.maxNames":                "4 GiB of names",
	"catalog.manifestHeadMax":         "a size: the test of MaxManifest adds it up",
	"chunk/disk.maxIndexSize":         "64 GiB: more records than a store can hold",
	"cmd/internal/wim.maxCommandFile": "256 MiB: read by readUpTo, which has its test",
	"cmd/internal/wim.maxList":        "64 MiB: read by readUpTo, which has its test",
	"internal/ntfs3g.MaxReparse":      "apply holds to it, and its tests meet it",
	"internal/vfs.MaxXattr":           "Linux holds to it; that no more is kept is tested in apply",
	"netsim.classesMax":               "a yardstick of the simulator's, which TestSwarmsOfMixedSpeeds applies",
	"netsim.imagesMax":                "a yardstick of the simulator's, which TestSwarmsOfMixedSpeeds applies",
	"netsim.uselessMax":               "a yardstick of the simulator's, which TestSwarmsOfMixedSpeeds applies",
	"node/mesh.failuresMax":           "when it begins to pause between failures",
	"wim/internal/huffman.MaxSymbols": "the size of arrays; the alphabets of the three codecs are smaller",
	"wim/lzms.maxMatches":             "how hard the encoder tries",
	"wim/lzms.maxNice":                "how hard the encoder tries",
	"wim/lzms.maxOffset2":             "how hard the encoder tries",
	"wim/lzms.maxOffset3":             "how hard the encoder tries",
	"wim/lzx.maxAlignedCode":          "of the format: the oracle decodes what is encoded with it",
	"wim/lzx.maxCode":                 "of the format: the oracle decodes what is encoded with it",
	"wim/lzx.maxHashBits":             "how hard the encoder tries",
	"wim/lzx.maxMatch":                "of the format: the oracle decodes what is encoded with it",
	"wim/lzx.maxOffset3":              "how hard the encoder tries",
	"wim/lzx.maxPreCode":              "of the format: the oracle decodes what is encoded with it",
	"wim/lzx.maxPriced":               "how hard the encoder tries",
	"wim/lzx.maxSlots":                "of the format: the oracle decodes what is encoded with it",
	"wim/xpress.maxMatch":             "how hard the encoder tries: what is longer becomes two matches",
	"wim/xpress.maxOffset3":           "how hard the encoder tries",
}

// checkMaxima finds maxima that no test of their package names, and exceptions that are none.
func checkMaxima(all []source, except map[string]string) (out []string) {
	named := map[string]bool{} // by tests: package.name
	for _, s := range all {
		if !strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				named[s.pkg()+"."+id.Name] = true
			}
			return true
		})
	}
	left := maps.Clone(except)
	for _, s := range all {
		if s.isTest() {
			continue
		}
		for _, id := range constants(s.file) {
			name := s.pkg() + "." + id.Name
			if !maximum.MatchString(id.Name) || strings.HasPrefix(id.Name, "Default") || named[name] {
				continue
			}
			if _, ok := except[name]; !ok {
				out = append(out, fmt.Sprintf("%v: no test of its package names %s: a bound that nobody has met is often off by one, or not there. "+
					"Test what is at it and one past it (limits_test.go), or say in untestedMaxima why not.", s.at(id.Pos()), id.Name))
			}
			delete(left, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		out = append(out, fmt.Sprintf("untestedMaxima has %s, which a test names or which does not exist: take it out", name))
	}
	return out
}

// constants are a file's, those in functions not counted.
func constants(f *ast.File) (out []*ast.Ident) {
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			for _, spec := range g.Specs {
				out = append(out, spec.(*ast.ValueSpec).Names...)
			}
		}
	}
	return out
}

func TestEveryMaximumHasItsTest(t *testing.T) {
	for _, f := range checkMaxima(goSources(t), untestedMaxima) {
		t.Error(f)
	}
}

// TestMaximaWithoutTestsAreFound: by both forms of their names, and exceptions that are out of date too.
func TestMaximaWithoutTestsAreFound(t *testing.T) {
	file := func(path, code string) source {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, "package x\n"+code, 0)
		if err != nil {
			t.Fatal(err)
		}
		return source{path: path, file: f, fset: fset}
	}
	code := file("a/x.go", "const maxA = 1\nconst (\n\tb, queueMax = 1, 2\n\tMaxC = 3\n\tDefaultDMax = 4\n\tmaximal = 5\n\tmaxE = 6\n)")
	found := strings.Join(checkMaxima([]source{code, file("a/x_test.go", "var _ = MaxC"), file("b/x_test.go", "var _ = maxA")},
		map[string]string{"a.maxE": "why", "a.MaxC": "why", "a.gone": "why"}), "\n")
	for _, want := range []string{"a/x.go:2:7: no test of its package names maxA", "names queueMax", "has a.MaxC", "has a.gone"} {
		if !strings.Contains(found, want) {
			t.Errorf("%s\n\twant %q", found, want)
		}
	}
	if n := strings.Count(found, "\n") + 1; n != 4 {
		t.Errorf("%d findings, want 4:\n%s", n, found)
	}
}
