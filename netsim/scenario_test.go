package netsim

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

var (
	update = flag.Bool("update", false, "rewrite the reports in testdata")
	traced = flag.Bool("scenario-trace", false, "print what happens in each scenario")
)

// Every scenario meets its expectations, and its report is what it was. In all of them together everything happens that the
// machines have a word for.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var mu sync.Mutex
	seen, ran := map[string]bool{}, 0
	t.Cleanup(func() {
		if ran == len(files) {
			checkKinds(t, seen)
		}
	})
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			kinds := runFile(t, name)
			mu.Lock()
			defer mu.Unlock()
			ran++
			maps.Copy(seen, kinds)
		})
	}
}

func runFile(t *testing.T, name string) map[string]bool {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	commands, want, _ := bytes.Cut(text, []byte("\n---\n"))
	sc, err := ParseScenario(bytes.NewReader(commands))
	if err != nil {
		t.Fatal(err)
	}
	r, err := sc.Run(os.Stdout, Options{Trace: *traced})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	r.Write(&got)
	if err := r.Err(); err != nil {
		t.Errorf("%v\n%s", err, &got)
	}
	if *update {
		all := append(bytes.TrimRight(commands, "\n"), "\n---\n"+got.String()...)
		if err := os.WriteFile(name, all, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("report differs (rewrite with -update):\n%s\nwas:\n%s", &got, want)
	}
	return r.kinds
}

// neverInScenarios are the events that no scenario makes happen, and why.
var neverInScenarios = map[string]string{
	"distributor run-over": "a run has 2^28 datagrams",
	"distributor refused":  "only a driver or a member that breaks the protocol in its messages",
	"peer refused":         "only a sender that breaks the protocol in its messages",
}

// checkKinds checks that every kind of event that the machines declare has happened, or has a reason not to.
func checkKinds(t *testing.T, seen map[string]bool) {
	for _, machine := range []string{"distributor", "peer"} {
		for kind := range eventKinds(t, machine) {
			_, excused := neverInScenarios[kind]
			if seen[kind] == excused {
				t.Errorf("event %q: happens in a scenario: %v, listed as one that never does: %v", kind, seen[kind], excused)
			}
		}
	}
}

// eventKinds reads the constants of type EventKind in a machine's package.
func eventKinds(t *testing.T, machine string) map[string]bool {
	kinds := map[string]bool{}
	files, err := filepath.Glob(filepath.Join("..", machine, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Values) != 1 {
				return true
			}
			typ, _ := v.Type.(*ast.Ident)
			lit, _ := v.Values[0].(*ast.BasicLit)
			if typ != nil && typ.Name == "EventKind" && lit != nil {
				word, _ := strconv.Unquote(lit.Value)
				kinds[machine+" "+word] = true
			}
			return true
		})
	}
	if len(kinds) < 10 {
		t.Errorf("only %d kinds of events are found in package %s", len(kinds), machine)
	}
	return kinds
}
