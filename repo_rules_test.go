package wimcast_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// bannedImport forbids importing a package (or, with a trailing slash, everything below it) in some packages' own code.
type bannedImport struct {
	pkgs    []string
	imports []string
	why     string
	instead string
}

var bannedImports = []bannedImport{
	{
		pkgs:    machines,
		imports: []string{"net", "net/", "os", "os/", "io/fs", "log", "log/", "sync", "sync/", "syscall", "runtime", "math/rand", "crypto/rand", "context", "golang.org/x/", "github.com/quic-go/"},
		why:     "a machine has no socket, file, lock, log or hidden randomness: the same inputs must give the same outputs",
		instead: "give it an input, or return an output or Event for the driver; take a seeded math/rand/v2 generator at construction",
	},
	{
		pkgs:    []string{"netsim"},
		imports: []string{"net", "net/", "os", "os/", "syscall", "golang.org/x/net/", "golang.org/x/sys/", "github.com/quic-go/", "crypto/rand", "math/rand"},
		why:     "the simulator is deterministic: same seed, same trace",
		instead: "take readers, a seeded math/rand/v2 generator and the virtual clock; open files in cmd/wimcast",
	},
	{
		pkgs:    []string{"node"},
		imports: []string{"encoding/json", "net/http"},
		why:     "a node offers Go values and methods, snapshots with names for JSON; HTTP and the writing of JSON are api's alone",
		instead: "return a plain type, and give it its JSON in package api",
	},
	{
		pkgs:    []string{"node/send", "node/receive"},
		imports: []string{"log/slog"},
		why:     "what happens is an event, of which log, metrics and the control interface's stream are all made",
		instead: "tell it by the Events function of the Config, with a type of internal/event",
	},
	{
		pkgs:    []string{"wim", "capture", "chunk", "catalog", "fec", "wire", "distributor", "peer", "apply", "netsim", "node", "api", "internal"},
		imports: []string{"flag", "log", "math/rand", "github.com/urfave/cli/v3", "github.com/vbauerster/mpb/"},
		why:     "packages take a Config, log by slog through what they are given, and draw from generators they are given",
		instead: "a Config field, *slog.Logger, or math/rand/v2 with a seed; flags and bars belong in cmd/wimcast",
	},
}

// bannedCall forbids calling a function of the standard library.
type bannedCall struct {
	pkgs    []string // where; nil: everywhere but cmd and bench, which runs tests
	tests   bool     // in test files; else in the package's own code
	names   []string // "time.Now"; a final * stands for any ending
	except  []string // names that the * would catch but are fine
	why     string
	instead string
}

var bannedCalls = []bannedCall{
	{
		pkgs:    append([]string{"netsim"}, machines...),
		names:   []string{"time.Now", "time.Since", "time.Until", "time.After", "time.AfterFunc", "time.Tick", "time.NewTimer", "time.NewTicker", "time.Sleep"},
		why:     "time comes in from the driver, so that a simulated hour takes a second and replays exactly",
		instead: "the now passed to Handle, and Deadline to be called again",
	},
	{
		names:   []string{"os.Exit", "log.Fatal*", "log.Panic*"},
		why:     "only cmd/wimcast may end the process: everything else would skip clean-up",
		instead: "return an error",
	},
	{
		names:   []string{"os.Getenv", "os.LookupEnv", "os.Environ", "os.ExpandEnv"},
		why:     "hidden settings make runs differ: only cmd/wimcast reads the environment (and tests read CI)",
		instead: "a Config field or a parameter",
	},
	{
		names:   []string{"fmt.Print", "fmt.Printf", "fmt.Println"},
		why:     "standard output is data for the user of the command line",
		instead: "return it, or write to an io.Writer that was passed in",
	},
	{
		names:   []string{"rand.*"},
		except:  []string{"rand.New", "rand.NewPCG", "rand.NewChaCha8", "rand.NewZipf"},
		why:     "the global generator cannot be replayed",
		instead: "a seeded *rand.Rand of math/rand/v2; crypto/rand for keys",
	},
	{
		tests:   true,
		names:   []string{"time.Sleep"},
		why:     "a sleep is either too short on a slow machine or wasted on a fast one",
		instead: "wait for the thing itself (channel, deadline, output line), or use testing/synctest, where sleeping is free",
	},
}

// finding is a broken rule.
type finding struct {
	pos  token.Position
	rule string
}

func (f finding) String() string { return fmt.Sprintf("%s: %s", f.pos, f.rule) }

// source is one parsed Go file of the project.
type source struct {
	path string // slash-separated, from the root
	file *ast.File
	fset *token.FileSet
}

// isTest says that only tests use it: also packages such as wimtest are theirs.
func (s source) isTest() bool {
	return strings.HasSuffix(s.path, "_test.go") || strings.HasPrefix(s.path, "internal/") && strings.HasSuffix(s.pkg(), "test")
}

func (s source) pkg() string { return path.Dir(s.path) }
func (s source) at(p token.Pos) token.Position {
	pos := s.fset.Position(p)
	pos.Filename = s.path
	return pos
}

// checkCalls applies the table of banned calls, and what a machine may not do, to a file.
func checkCalls(s source) (out []finding) {
	imported := importNames(s.file)
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Obj == nil && imported[x.Name] != "" {
				out = append(out, checkName(s, qualifier(imported[x.Name])+"."+n.Sel.Name, n)...)
			}
		case *ast.GoStmt:
			if within(s.pkg(), machines...) && !s.isTest() {
				out = append(out, finding{s.at(n.Pos()), s.pkg() + " must not start goroutines: a machine does one thing at a time. Instead: return an output; the driver runs things side by side."})
			}
		case *ast.CallExpr:
			if rule := checkBuiltin(s, n); rule != "" {
				out = append(out, finding{s.at(n.Pos()), rule})
			}
		}
		return true
	})
	return out
}

// qualifier is the name by which the table of banned calls knows an import.
func qualifier(importPath string) string {
	if importPath == "crypto/rand" {
		return importPath
	}
	return path.Base(strings.TrimSuffix(importPath, "/v2"))
}

// importNames maps the names by which a file calls its imports to their paths.
func importNames(f *ast.File) map[string]string {
	names := make(map[string]string)
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(strings.TrimSuffix(p, "/v2"))
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = p
	}
	return names
}

func checkName(s source, name string, at ast.Node) (out []finding) {
	for _, ban := range bannedCalls {
		if ban.tests != s.isTest() || slices.Contains(ban.except, name) {
			continue
		}
		if ban.pkgs == nil && within(s.pkg(), "cmd", "bench") || ban.pkgs != nil && !within(s.pkg(), ban.pkgs...) {
			continue
		}
		if ban.tests && usesSynctest(s.file) || !matchesName(name, ban.names) || isType(s, at) {
			continue
		}
		out = append(out, finding{s.at(at.Pos()), fmt.Sprintf("%s must not be used here: %s. Instead: %s.", name, ban.why, ban.instead)})
	}
	return out
}

func matchesName(name string, bans []string) bool {
	return slices.ContainsFunc(bans, func(ban string) bool {
		prefix, open := strings.CutSuffix(ban, "*")
		return name == ban || open && strings.HasPrefix(name, prefix)
	})
}

// isType says whether the selector at is not called, but names a type (rand.Rand, rand.Source).
func isType(s source, at ast.Node) bool {
	sel, ok := at.(*ast.SelectorExpr)
	return ok && slices.Contains([]string{"Rand", "Source", "PCG", "ChaCha8", "Zipf"}, sel.Sel.Name)
}

func usesSynctest(f *ast.File) bool {
	return slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing/synctest"` })
}

func checkBuiltin(s source, call *ast.CallExpr) string {
	id, ok := call.Fun.(*ast.Ident)
	if !ok || s.isTest() {
		return ""
	}
	switch {
	case (id.Name == "print" || id.Name == "println") && id.Obj == nil:
		return id.Name + " must not be used: it is for debugging. Instead: an Event, a slog line, or nothing."
	case id.Name == "panic" && len(call.Args) == 1:
		lit, ok := call.Args[0].(*ast.BasicLit)
		if ok && (strings.Contains(strings.ToLower(lit.Value), "todo") || strings.Contains(strings.ToLower(lit.Value), "not implemented")) {
			return "panic on something not done yet must not be committed: users meet it. Instead: do it, or leave the verb out."
		}
	}
	return ""
}
