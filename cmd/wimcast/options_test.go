package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// otherOptions are not of a flag: of the program itself, and of programs that are named in hints.
var otherOptions = map[string]bool{"help": true, "version": true, "quiet": true}

var optionWord = regexp.MustCompile(`--([a-z][a-z-]*[a-z])`)

// TestTextsNameOptionsThatExist looks at every text of the command line: an option that an error or a hint names must
// be one of the program.
func TestTextsNameOptionsThatExist(t *testing.T) {
	known := map[string]bool{}
	var collect func(*cli.Command)
	collect = func(cmd *cli.Command) {
		for _, f := range cmd.Flags {
			for _, name := range f.Names() {
				known[name] = true
			}
		}
		for _, sub := range cmd.Commands {
			collect(sub)
		}
	}
	collect(&cli.Command{Commands: (&app{}).verbs()})
	used := 0
	inTexts(t, func(at token.Position, text string) {
		for _, m := range optionWord.FindAllStringSubmatch(text, -1) {
			used++
			if !known[m[1]] && !otherOptions[m[1]] {
				t.Errorf("%s: --%s is no option of any verb", at, m[1])
			}
		}
	})
	if used < 30 {
		t.Errorf("found %d options in texts: the test does not see them", used)
	}
}

// namedTwice are options whose name stands in two places, each for the reason beside it.
var namedTwice = map[string]string{
	"verbose": "of `wimcast wim` it has no effect, as in wimlib-imagex",
	"seed":    "of sim any number of 64 bits, of demo one with a sign",
}

// TestOptionsAreDefinedOnce forbids to write an option's name in two places: verbs that have it take it from one.
func TestOptionsAreDefinedOnce(t *testing.T) {
	first := map[string]token.Position{}
	inFlags(t, func(at token.Position, name string) {
		if before, ok := first[name]; ok && namedTwice[name] == "" {
			t.Errorf("%s: the option %q is defined at %s too: make a function of it that both verbs call", at, name, before)
		}
		first[name] = at
	})
	if len(first) < 50 {
		t.Errorf("found %d options: the test does not see them", len(first))
	}
}

// sources parses the code of the command line.
func sources(t *testing.T, visit func(*token.FileSet, *ast.File)) {
	t.Helper()
	for _, pattern := range []string{"*.go", "../internal/*/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, name, b, 0)
			if err != nil {
				t.Fatal(err)
			}
			visit(fset, f)
		}
	}
}

// inTexts visits every string of the command line.
func inTexts(t *testing.T, visit func(at token.Position, text string)) {
	sources(t, func(fset *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					visit(fset.Position(lit.Pos()), text)
				}
			}
			return true
		})
	})
}

// inFlags visits the name of every option that is written as such: Name: "x" of a flag, or boolFlag("x") and the like.
func inFlags(t *testing.T, visit func(at token.Position, name string)) {
	name := func(fset *token.FileSet, e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			visit(fset.Position(lit.Pos()), strings.Trim(lit.Value, `"`))
		}
	}
	sources(t, func(fset *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "boolFlag" || id.Name == "stringFlag" || id.Name == "listFlag") {
					name(fset, n.Args[0])
				}
			case *ast.CompositeLit:
				sel, ok := n.Type.(*ast.SelectorExpr)
				if !ok || !strings.HasSuffix(sel.Sel.Name, "Flag") {
					return true
				}
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok && kv.Key.(*ast.Ident).Name == "Name" {
						name(fset, kv.Value)
					}
				}
			}
			return true
		})
	})
}
