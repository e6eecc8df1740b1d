package wimcast_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"reflect"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// TestOptionsAreReadFromTheirStructs keeps the way in which the command line reads options: every option has a field
// of its verb's options struct as its destination, and nothing reads one by its name. So a misspelt option is a field
// that does not exist, which does not compile; read by name it would be off for ever. (cmd/wimcast's own tests hold
// the names themselves against a golden file.)
func TestOptionsAreReadFromTheirStructs(t *testing.T) {
	flags := 0
	for _, s := range goSources(t) {
		found, n := checkOptions(s)
		for _, f := range found {
			t.Error(f)
		}
		flags += n
	}
	if flags < 50 {
		t.Errorf("found %d options in cmd: the test does not see them", flags)
	}
}

func TestOptionRulesCatchWhatTheyForbid(t *testing.T) {
	for code, want := range map[string]string{
		`func f(cmd *cli.Command) bool { return cmd.Bool("jsno") }`:          "by its name",
		`func f(cmd *cli.Command) []string { return cmd.StringSlice(name) }`: "by its name",
		`func (r *run) f() bool { return r.cmd.IsSet("flags") }`:             "by its name",
		`var f = &cli.BoolFlag{Name: "json"}`:                                "no destination",
		`var f = ui.TextFlag{Name: "json"}`:                                  "no destination",
		`var f = &cli.BoolFlag{Name: "json", Destination: &o.json}`:          "",
		`func f(s fmt.Stringer) string { return s.String() }`:                "",
		`import "math/rand/v2"; func f() int64 { return rand.Int64N(5) }`:    "",
	} {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "x.go", "package x\n"+code, 0)
		if err != nil {
			t.Fatal(err)
		}
		found, _ := checkOptions(source{path: "cmd/wimcast/x.go", file: f, fset: fset})
		if text := fmt.Sprint(found); want == "" && len(found) > 0 || !strings.Contains(text, want) {
			t.Errorf("%s\n\tgave %v, want a finding with %q", code, found, want)
		}
	}
}

// optionGetters are the methods by which urfave/cli gives the value of an option by its name.
func optionGetters() map[string]bool {
	names := make(map[string]bool)
	command := reflect.TypeFor[*cli.Command]()
	for m := range command.Methods() {
		takesName := m.Type.NumIn() == 2 && m.Type.In(1).Kind() == reflect.String
		if takesName && m.Type.NumOut() == 1 && m.Type.Out(0) != command {
			names[m.Name] = true
		}
	}
	delete(names, "Text") // methods of others have these names too, and no option has these types
	delete(names, "Uint16")
	return names
}

// checkOptions applies the rules for options to a file of cmd, and counts the options that it defines.
func checkOptions(s source) (out []finding, flags int) {
	if !within(s.pkg(), "cmd") || s.isTest() {
		return nil, 0
	}
	getters, imported := optionGetters(), importNames(s.file)
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || len(n.Args) != 1 || !getters[sel.Sel.Name] {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && imported[x.Name] != "" {
				return true
			}
			out = append(out, finding{s.at(n.Pos()), fmt.Sprintf("%s reads an option by its name: a misspelt one is off for ever, and nothing tells. Instead: a field of the verb's options struct, which is the option's Destination.", sel.Sel.Name)})
		case *ast.CompositeLit:
			if sel, ok := n.Type.(*ast.SelectorExpr); ok && strings.HasSuffix(sel.Sel.Name, "Flag") {
				flags++
				if !hasKey(n, "Destination") {
					out = append(out, finding{s.at(n.Pos()), path.Base(s.path) + ": this option has no destination: nobody can read it. Instead: Destination: &o.field, of the verb's options struct."})
				}
			}
		}
		return true
	})
	return out, flags
}

// hasKey says whether a literal sets a field.
func hasKey(lit *ast.CompositeLit, name string) bool {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == name {
				return true
			}
		}
	}
	return false
}
