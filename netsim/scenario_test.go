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
	"reflect"
	"sync"
	"testing"

	"github.com/wimcast/wimcast/internal/event"
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
	"run-over":        "a run has 2^28 datagrams",
	"message-refused": "only a driver or a member that breaks the protocol in its messages",
	"report-refused":  "only a member that breaks the protocol in its reports",
	"answer-refused":  "only a sender that breaks the protocol in its messages",
}

// checkKinds checks that every kind of event that the machines make has happened, or has a reason not to.
func checkKinds(t *testing.T, seen map[string]bool) {
	made := map[string]bool{}
	for _, machine := range []string{"distributor", "peer"} {
		for name := range eventTypes(t, machine) {
			made[name] = true
		}
	}
	for _, spec := range event.Specs() {
		if !made[reflect.TypeOf(spec.Event).Name()] {
			continue
		}
		kind := spec.Event.Kind()
		_, excused := neverInScenarios[kind]
		if seen[kind] == excused {
			t.Errorf("event %q: happens in a scenario: %v, listed as one that never does: %v", kind, seen[kind], excused)
		}
	}
}

// eventTypes reads which types of package event a machine's package makes.
func eventTypes(t *testing.T, machine string) map[string]bool {
	types := map[string]bool{}
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
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			sel, _ := lit.Type.(*ast.SelectorExpr)
			if sel == nil {
				return true
			}
			if pkg, _ := sel.X.(*ast.Ident); pkg != nil && pkg.Name == "event" {
				types[sel.Sel.Name] = true
			}
			return true
		})
	}
	if len(types) < 10 {
		t.Errorf("only %d types of events are found in package %s", len(types), machine)
	}
	return types
}
