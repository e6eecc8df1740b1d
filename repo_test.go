// The tests of this folder keep the house in order: what may import and call what, how long files are, what documents may
// mention. A failure names the rule, its reason and what to do instead.
package wimcast_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxLines is how long a Go file may be. Generated tables and files named in longFiles are exempt.
const maxLines = 600

// longFiles may be longer than maxLines, each for the reason beside it.
var longFiles = map[string]string{}

// goSources parses every Go file of the module.
func goSources(t *testing.T) []source {
	t.Helper()
	var all []source
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || p == "tools" || p == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(p) != ".go" {
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		all = append(all, source{path: filepath.ToSlash(p), file: f, fset: fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("found %d Go files: the test does not run in the root of the repository", len(all))
	}
	return all
}

func TestPackagesImportWhatTheirRoomsSay(t *testing.T) {
	all := goSources(t)
	for _, s := range all {
		for _, f := range checkImports(s) {
			t.Error(f)
		}
	}
	for _, difference := range checkRooms(all) {
		t.Error(difference)
	}
}

func TestMachinesReachNoSystem(t *testing.T) {
	for _, f := range checkReach(goSources(t)) {
		t.Error(f)
	}
}

func TestBannedCallsAreNotMade(t *testing.T) {
	for _, s := range goSources(t) {
		if s.pkg() == "." {
			continue
		}
		for _, f := range checkCalls(s) {
			t.Error(f)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	found := map[string]int{}
	for _, s := range goSources(t) {
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		if _, ok := found[s.pkg()]; !ok {
			found[s.pkg()] = 0
		}
		if s.file.Doc == nil {
			continue
		}
		found[s.pkg()]++
		want := "Package " + s.file.Name.Name + " "
		if s.file.Name.Name == "main" {
			want = "Command " + path.Base(s.pkg()) + " "
		}
		if !strings.HasPrefix(s.file.Doc.Text(), want) {
			t.Errorf("%s: the package comment must start with %q, as go doc shows it. Instead of: %.40q", s.path, want, s.file.Doc.Text())
		}
	}
	for pkg, n := range found {
		switch {
		case n == 0:
			t.Errorf("package %s has no comment: a reader starts there. Write doc.go: what it is, the two calls to start with, the contract.", pkg)
		case n > 1:
			t.Errorf("package %s has %d package comments: go doc joins them in no useful order. Keep the one in doc.go.", pkg, n)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	for _, s := range goSources(t) {
		b, err := os.ReadFile(filepath.FromSlash(s.path))
		if err != nil {
			t.Fatal(err)
		}
		n := bytes.Count(b, []byte("\n"))
		_, exempt := longFiles[s.path]
		generated := bytes.Contains(b[:min(len(b), 200)], []byte("DO NOT EDIT"))
		if n > maxLines && !exempt && !generated {
			t.Errorf("%s has %d lines, over %d: nobody reads it top-down. Split it by concern, one type's story a file (or name it in longFiles with a reason).", s.path, n, maxLines)
		}
	}
}

// docColumns is how long a line of a doc.go may be, tables and drawings of bytes too.
const docColumns = 100

func TestPackageCommentsAreNarrow(t *testing.T) {
	for _, name := range tracked(t) {
		if path.Base(name) != "doc.go" {
			continue
		}
		b, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(b), "\n") {
			if len([]rune(line)) > docColumns {
				t.Errorf("%s:%d has %d columns, over %d: whoever reads go doc in a terminal has no more. Break it.", name, i+1, len([]rune(line)), docColumns)
			}
		}
	}
}

// tracked lists the files under version control, or every file when there is no repository (a source archive).
func tracked(t *testing.T) []string {
	t.Helper()
	if out, err := exec.Command("git", "ls-files", "-z").Output(); err == nil && len(out) > 0 {
		return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	}
	var files []string
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if p = filepath.ToSlash(p); err == nil && d.Type().IsRegular() && !strings.HasPrefix(p, ".git/") {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// machineWords are paths of one machine and names of servers; written in halves so that this file does not match itself.
var machineWords = regexp.MustCompile(strings.Join([]string{
	`(^|[^\w.$}/-])/wor` + `k/`, `(^|[^\w.$}/-])/tm` + `p/`, `/hom` + `e/\w`, `/roo` + `t/`,
	`proxy\.golan` + `g`, `debian\.or` + `g/debian`, `npmj` + `s\.`, `pypi\.or` + `g`,
}, "|"))

func TestNothingNamesOneMachine(t *testing.T) {
	for _, name := range tracked(t) {
		b, err := os.ReadFile(filepath.FromSlash(name))
		if os.IsNotExist(err) || name == "go.sum" || strings.HasSuffix(name, "/go.sum") {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(b[:min(len(b), 8000)], 0) >= 0 || strings.Contains(name, "testdata/fuzz/") {
			continue
		}
		for i, line := range strings.Split(string(b), "\n") {
			if m := machineWords.FindString(line); m != "" {
				t.Errorf("%s:%d names %q: the project must work on any machine. Use a relative path, t.TempDir(), $WORK in scripts, or leave the server to the tool's configuration.", name, i+1, strings.TrimSpace(m))
			}
		}
	}
}

var markdownLink = regexp.MustCompile(`\]\(([^)#: ]+)(#[^)]*)?\)`)

func TestDocumentsLinkToWhatExists(t *testing.T) {
	for _, name := range tracked(t) {
		if path.Ext(name) != ".md" {
			continue
		}
		b, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			continue // deleted, not yet committed
		}
		for _, m := range markdownLink.FindAllStringSubmatch(string(b), -1) {
			if _, err := os.Stat(filepath.FromSlash(path.Join(path.Dir(name), m[1]))); err != nil {
				t.Errorf("%s links to %s, which does not exist: correct the link or write the document", name, m[1])
			}
		}
	}
}

// TestRulesCatchWhatTheyForbid shows that the checker checks: every snippet breaks one rule.
func TestRulesCatchWhatTheyForbid(t *testing.T) {
	cases := []struct{ path, code, want string }{
		{"peer/x.go", `import _ "github.com/wimcast/wimcast/distributor"`, "meet in wire"},
		{"distributor/x.go", `import _ "github.com/wimcast/wimcast/catalog"`, "names, signatures, stores and sockets are its driver's"},
		{"chunk/x.go", `import _ "github.com/wimcast/wimcast/peer"`, "names bytes for everyone"},
		{"internal/vfs/x.go", `import _ "github.com/wimcast/wimcast/chunk"`, "below the whole flow"},
		{"internal/vfs/x_test.go", `import _ "github.com/wimcast/wimcast/chunk"`, "below the whole flow"},
		{"apply/x.go", `import _ "github.com/wimcast/wimcast/wire"`, "knows nothing of casts"},
		{"bench/lab/x.go", `import _ "github.com/wimcast/wimcast/node"`, "runs the real binary"},
		{"node/x.go", `import _ "github.com/wimcast/wimcast/netsim"`, "knows no simulator"},
		{"netsim/x.go", `import _ "github.com/wimcast/wimcast/node/transport"`, "knows no sockets"},
		{"node/x.go", `import _ "github.com/wimcast/wimcast/api"`, "knows no simulator"},
		{"node/x.go", `import _ "encoding/json"`, "api's alone"},
		{"strange/x.go", `import _ "github.com/wimcast/wimcast/wim"`, "has no room"},
		{"node/send/x.go", `import _ "github.com/wimcast/wimcast/peer"`, "neither folders nor sessions"},
		{"netsim/x.go", `import _ "net/netip"`, "deterministic"},
		{"netsim/x.go", `import _ "os"`, "deterministic"},
		{"distributor/x.go", `import _ "sync"`, "a machine has no socket"},
		{"peer/x.go", `import _ "math/rand"`, "a machine has no socket"},
		{"peer/x.go", `import "time"; var t = time.Now()`, "time comes in from the driver"},
		{"peer/x.go", `import r "math/rand/v2"; var n = r.IntN(3)`, "cannot be replayed"},
		{"peer/x.go", `func f() { go f() }`, "must not start goroutines"},
		{"node/x.go", `import "os"; func f() { os.Exit(1) }`, "only cmd/wimcast may end"},
		{"node/x.go", `import "os"; var e = os.Getenv("X")`, "hidden settings"},
		{"wim/x.go", `import "fmt"; func f() { fmt.Println() }`, "standard output is data"},
		{"wim/x.go", `func f() { panic("TODO") }`, "not done yet"},
		{"wim/x.go", `func f() { println() }`, "for debugging"},
		{"wim/x_test.go", `import "time"; func f() { time.Sleep(1) }`, "a sleep is either"},
	}
	for _, c := range cases {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, c.path, "package x\n"+c.code, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := source{path: c.path, file: f, fset: fset}
		found := slices.Concat(checkImports(s), checkCalls(s))
		if len(found) == 0 || !strings.Contains(found[0].String(), c.want) {
			t.Errorf("%s: %s\n\tgave %v, want a finding with %q", c.path, c.code, found, c.want)
		}
	}
}

// TestReachCatchesWhatAMachineCouldNotReplay adds one import to the project's own files, far from the machine.
func TestReachCatchesWhatAMachineCouldNotReplay(t *testing.T) {
	all := goSources(t)
	for _, c := range []struct{ path, imports, want string }{
		{"distributor/x.go", "os", "distributor must not reach os (distributor -> os)"},
		{"chunk/x.go", "os", "distributor must not reach os (distributor -> chunk -> os)"},
		{"fec/x.go", "net", "peer must not reach net (peer -> fec -> net)"},
		{"wire/x.go", "net/http", "peer must not reach net/http (peer -> wire -> net/http)"},
		{"wire/x_windows.go", "syscall", "(distributor -> wire -> syscall)"},
		{"internal/bitset/x.go", "log/slog", "(distributor -> internal/bitset -> log/slog)"},
		{"internal/machine/x.go", "crypto/rand", "internal/machine must not reach crypto/rand"},
		{"fec/x.go", "go.etcd.io/bbolt", "(peer -> fec -> go.etcd.io/bbolt)"},
		{"wire/x.go", "github.com/zeebo/blake3", "(distributor -> wire -> github.com/zeebo/blake3)"},
		{"fec/x.go", module + "/internal/vfs", "(peer -> fec -> internal/vfs -> os)"},
		{"wire/x.go", module + "/catalog", "(distributor -> wire -> catalog)"},
		{"wire/x.go", module + "/node/mesh", "(distributor -> wire -> node/mesh)"},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), c.path, "package x\nimport _ \""+c.imports+"\"", 0)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, f := range checkReach(append(slices.Clip(all), source{path: c.path, file: f, fset: token.NewFileSet()})) {
			found = append(found, f.String())
		}
		if text := strings.Join(found, "\n"); !strings.Contains(text, c.want) || !strings.Contains(text, unreachableWhy) {
			t.Errorf("%s imports %s\n\tgave %v, want a finding with %q and the reason", c.path, c.imports, found, c.want)
		}
	}
	for _, path := range []string{"wire/x_test.go", "netsim/x.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), path, `package x; import _ "os"`, 0)
		if err != nil {
			t.Fatal(err)
		}
		if found := checkReach(append(slices.Clip(all), source{path: path, file: f, fset: token.NewFileSet()})); len(found) > 0 {
			t.Errorf("%s: %v: no machine needs it", path, found)
		}
	}
}

// TestRoomsAreThoseThatThereAre moves one package, and takes from another the code that imports something.
func TestRoomsAreThoseThatThereAre(t *testing.T) {
	all := goSources(t)
	for i := range all {
		all[i].path = strings.Replace(all[i].path, "fec/", "strange/", 1)
	}
	all = slices.DeleteFunc(all, func(s source) bool { return s.pkg() == "internal/ntfs3g" && path.Base(s.path) != "doc.go" })
	differences := strings.Join(checkRooms(all), "\n")
	for _, want := range []string{
		"package strange has no room", "rooms has fec, which does not exist", "rooms lets internal/ntfs3g import internal/vfs, which it does not",
	} {
		if !strings.Contains(differences, want) {
			t.Errorf("%s\n\twant %q", differences, want)
		}
	}
}

// TestRulesLetPassWhatIsFine is the other side: none of these breaks a rule.
func TestRulesLetPassWhatIsFine(t *testing.T) {
	cases := []struct{ path, code string }{
		{"peer/x.go", `import ("math/rand/v2"; "time"); var r = rand.New(rand.NewPCG(1, 2)); var d time.Duration; func f(*rand.Rand) {}`},
		{"peer/x.go", `import _ "github.com/wimcast/wimcast/wire"; import _ "github.com/wimcast/wimcast/internal/machine"`},
		{"cmd/wimcast/x.go", `import "os"; import _ "github.com/wimcast/wimcast/netsim"; func f() { os.Exit(1) }`},
		{"wim/x_test.go", `import ("time"; _ "testing/synctest"); func f() { time.Sleep(1) }`},
		{"wim/x_test.go", `import "os"; var ci = os.Getenv("CI")`},
		{"node/x.go", `import ("crypto/rand"; _ "github.com/wimcast/wimcast/node/mesh"); var _, _ = rand.Read(nil)`},
	}
	for _, c := range cases {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, c.path, "package x\n"+c.code, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := source{path: c.path, file: f, fset: fset}
		if found := slices.Concat(checkImports(s), checkCalls(s)); len(found) > 0 {
			t.Errorf("%s: %s\n\tgave %v, want nothing", c.path, c.code, found)
		}
	}
}
