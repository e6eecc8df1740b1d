package wimcast_test

import (
	"fmt"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/wimcast/wimcast"

// room says which of the project's packages a package imports: what it needs today, and not what stands lower in the data
// flow. why is for who wants one more.
type room struct {
	imports []string
	why     string
}

// rooms has every package of the project. Test files may import any of them; those of internal packages only internal ones.
var rooms = map[string]room{
	"wim": {
		imports: []string{"wim/lzms", "wim/lzx", "wim/xpress"},
		why:     "the format stands by itself: it touches no directory and knows no chunks, so that others can use it alone",
	},
	"wim/edit":             {imports: []string{"internal/lines", "internal/vfs", "wim"}, why: "it gets scanned trees as values; so capture need not be below it"},
	"wim/lzms":             {why: "a codec is bytes in, bytes out"},
	"wim/lzx":              {imports: []string{"wim/internal/huffman", "wim/internal/match"}, why: "a codec is bytes in, bytes out"},
	"wim/xpress":           {imports: []string{"wim/internal/huffman", "wim/internal/match"}, why: "a codec is bytes in, bytes out"},
	"wim/internal/huffman": {why: "it is the ground floor of the codecs"},
	"wim/internal/match":   {why: "it is the ground floor of the codecs"},

	"capture": {
		imports: []string{"internal/efsraw", "internal/lines", "internal/ntfs3g", "internal/regf", "wim"},
		why:     "it makes images of directories, and what becomes of the image is its caller's",
	},
	"apply": {
		imports: []string{"chunk", "internal/efsraw", "internal/ntfs3g", "internal/oserr", "internal/vfs", "internal/winbackup", "wim"},
		why:     "apply gets verified chunks and knows nothing of casts: its driver connects them",
	},

	"chunk":      {why: "it names bytes for everyone, the machines too; what keeps them stands above it"},
	"chunk/disk": {imports: []string{"chunk", "internal/oserr", "internal/vfs"}, why: "it keeps chunks whatever they are part of"},
	"catalog":    {imports: []string{"chunk", "internal/ident"}, why: "signed files and their rules do not depend on how anything travels"},
	"wire":       {imports: []string{"chunk", "internal/ident"}, why: "the words of both machines need only what names bytes; payloads go through as bytes"},
	"fec":        {imports: []string{"chunk", "wire"}, why: "it turns bytes into symbols and back"},

	"distributor": {
		imports: []string{"chunk", "internal/bitset", "internal/event", "internal/machine", "wire"},
		why: "a machine knows blocks, symbols and members, and says in events what happens; names, signatures, stores and sockets are its driver's, " +
			"and the two machines meet in wire",
	},
	"peer": {
		imports: []string{"chunk", "fec", "internal/bitset", "internal/event", "internal/machine", "wire"},
		why: "a machine knows blocks, symbols and one sender, and says in events what happens; names, signatures, stores and sockets are its driver's, " +
			"and the two machines meet in wire",
	},
	"netsim": {
		imports: []string{"chunk", "distributor", "fec", "internal/event", "internal/machine", "peer", "wire"},
		why:     "the simulator knows no sockets: it drives the machines and nothing of what node puts around them",
	},

	"content": {
		imports: []string{"apply", "capture", "catalog", "chunk", "chunk/disk", "content/device", "internal/vfs", "wim"},
		why:     "what a content is made of and becomes does not depend on how it travels",
	},
	"content/device": {imports: []string{"internal/vfs"}, why: "a device takes bytes, whatever they are"},

	"node": {
		imports: []string{
			"apply", "catalog", "chunk", "chunk/disk", "content", "distributor", "internal/event", "internal/ident", "internal/vfs",
			"node/bus", "node/folder", "node/mesh", "node/receive", "node/send", "node/transport", "wim", "wire",
		},
		why: "a node knows no simulator, no command line and no HTTP; of JSON only the names that its snapshots carry as tags",
	},
	"node/send": {
		imports: []string{"catalog", "chunk", "distributor", "fec", "internal/clock", "internal/event", "internal/machine", "node/transport", "wire"},
		why:     "it drives the sending machine and knows neither folders nor sessions: node gives it a store and members",
	},
	"node/receive": {
		imports: []string{"catalog", "chunk", "internal/clock", "internal/event", "internal/machine", "node/transport", "peer", "wire"},
		why:     "it drives the receiving machine and knows neither folders nor what a content becomes: node gives it connections and a sink",
	},
	"node/folder": {
		imports: []string{"catalog", "chunk/disk", "internal/ident", "internal/vfs"},
		why:     "what a node keeps on disk does not depend on what it does with it",
	},
	"node/bus":       {imports: []string{"internal/event"}, why: "it carries events, whatever they are about"},
	"node/mesh":      {imports: []string{"internal/ident"}, why: "it is hints only, and no part of any decision"},
	"node/transport": {imports: []string{"chunk", "internal/ident", "internal/oserr", "wire"}, why: "it moves bytes: what they mean, and whether they are welcome, others say"},

	"api": {
		imports: []string{"catalog", "content", "internal/event", "internal/ident", "internal/oserr", "internal/vfs", "node", "node/bus", "wim"},
		why:     "it is what programs see of a node, over HTTP in JSON; it opens no folder",
	},

	"cmd/wimcast": {
		imports: []string{
			"api", "apply", "capture", "catalog", "cmd/internal/ui", "cmd/internal/wim", "content", "content/device",
			"internal/vfs", "netsim", "node", "node/folder", "node/receive", "wim", "wire",
		},
		why: "it is the command line over what the packages below offer",
	},
	"cmd/internal/wim": {
		imports: []string{"apply", "capture", "cmd/internal/ui", "internal/lines", "internal/oserr", "internal/vfs", "wim", "wim/edit"},
		why:     "the verbs of files know no site and no network",
	},
	"cmd/internal/ui": {
		imports: []string{"apply", "internal/oserr", "internal/vfs", "wim"},
		why:     "it is what verbs share: it may know the errors that they meet, and no verb",
	},
	"bench/lab": {why: "bench runs the real binary: what it measures is what users run"},
	"bench/wim": {why: "bench runs the real binary: what it measures is what users run"},

	"internal/bitset":          {why: internalWhy},
	"internal/clock":           {imports: []string{"internal/machine"}, why: internalWhy},
	"internal/efsraw":          {why: internalWhy},
	"internal/event":           {why: internalWhy},
	"internal/ident":           {why: internalWhy},
	"internal/jsontest":        {why: internalWhy},
	"internal/lines":           {why: internalWhy},
	"internal/looptest":        {why: internalWhy},
	"internal/machine":         {why: internalWhy},
	"internal/ntfs3g":          {imports: []string{"internal/vfs"}, why: internalWhy},
	"internal/ntfs3g/ntfstest": {imports: []string{"internal/ntfs3g", "internal/vfs"}, why: internalWhy},
	"internal/oserr":           {why: internalWhy},
	"internal/regf":            {why: internalWhy},
	"internal/regf/regftest":   {why: internalWhy},
	"internal/vfs":             {why: internalWhy},
	"internal/wimtest":         {why: internalWhy},
	"internal/winbackup":       {why: internalWhy},
}

const internalWhy = "internal packages are below the whole flow, so that any package can use them"

// machines are the packages without I/O (internal/machine says why). What they import is checked to its end.
var machines = []string{"distributor", "peer", "internal/machine"}

// unreachable is what no package on any way from a machine may import. Standard packages that compute reach package os
// themselves (fmt does, for Printf), so the rule is about the imports of the project's packages.
var unreachable = []string{"os", "os/", "net", "net/", "io/fs", "io/ioutil", "log", "log/", "syscall", "crypto/rand", "math/rand"}

// unreachableRooms are those of the project that no machine may need, even one that imports nothing of the above.
var unreachableRooms = []string{"apply", "capture", "catalog", "chunk/disk", "internal/clock", "node"}

// reachable are exceptions from unreachable.
var reachable = []string{
	"net/netip", // an address is a value; only package net makes a socket of it
}

const (
	unreachableWhy     = "a machine has no socket, file, lock, log or hidden randomness, whatever lies between: else netsim could not replay it"
	unreachableInstead = "move what the machine needs into a package that only computes, or pass it in as an input"
)

type loan struct{ pkg, module, why string }

// borrowed are the modules of others that a package on the way from a machine may import, each for a reason.
var borrowed = []loan{
	{"chunk", "github.com/zeebo/blake3", "a chunk's name is its BLAKE3 hash"},
	{"chunk", "github.com/PlakarKorp/go-cdc-chunkers", "finds where to cut, in memory"},
	{"chunk", "github.com/cespare/xxhash/v2", "ranks the cuts"},
	{"fec", "github.com/klauspost/reedsolomon", "parity is arithmetic"},
}

// imported is one import of a file: the path, with the module's own packages cut to their folder.
type imported struct {
	path string
	own  bool
	pos  token.Position
}

func importsOf(s source) (out []imported) {
	for _, spec := range s.file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		own, ok := strings.CutPrefix(name, module+"/")
		if ok {
			name = own
		}
		out = append(out, imported{name, ok, s.at(spec.Pos())})
	}
	return out
}

// checkImports applies the tables of rooms and of banned imports to a file.
func checkImports(s source) (out []finding) {
	for _, i := range importsOf(s) {
		if i.own {
			if rule := checkRoom(s.pkg(), i.path, s.isTest()); rule != "" {
				out = append(out, finding{i.pos, rule})
			}
			continue
		}
		for _, ban := range bannedImports {
			if s.isTest() || !within(s.pkg(), ban.pkgs...) || !matchesImport(i.path, ban.imports) {
				continue
			}
			out = append(out, finding{i.pos, fmt.Sprintf("%s must not import %s: %s. Instead: %s.", s.pkg(), i.path, ban.why, ban.instead)})
		}
	}
	return out
}

// checkRoom says which rule an import of the project's package to by its package from breaks, or "".
func checkRoom(from, to string, test bool) string {
	if from == "." {
		return ""
	}
	here, known := rooms[from]
	_, alsoKnown := rooms[to]
	switch {
	case !known || !alsoKnown:
		return fmt.Sprintf("%s imports %s, and one of them has no room. Instead: give it one in rooms (repo_imports_test.go) and docs/ARCHITECTURE.md.", from, to)
	case test && (within(to, "internal") || !within(from, "internal")):
		return ""
	case !slices.Contains(here.imports, to):
		return fmt.Sprintf("%s must not import %s: %s. Instead: pass what it needs as a value or a small interface of its own. "+
			"(If the house is to be another: rooms in repo_imports_test.go.)", from, to, here.why)
	}
	return ""
}

// checkRooms says where the table of rooms and the packages that there are differ.
func checkRooms(all []source) (out []string) {
	used := map[string]map[string]bool{}
	for _, s := range all {
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		if used[s.pkg()] == nil {
			used[s.pkg()] = map[string]bool{}
		}
		for _, i := range importsOf(s) {
			used[s.pkg()][i.path] = true
		}
	}
	for pkg := range used {
		if _, ok := rooms[pkg]; !ok {
			out = append(out, fmt.Sprintf("package %s has no room: say in rooms (repo_imports_test.go) what it imports and why nothing else", pkg))
		}
	}
	for pkg, r := range rooms {
		if used[pkg] == nil {
			out = append(out, fmt.Sprintf("rooms has %s, which does not exist: a room is named when there is one. Take it out.", pkg))
			continue
		}
		for _, i := range r.imports {
			if !used[pkg][i] {
				out = append(out, fmt.Sprintf("rooms lets %s import %s, which it does not: the table says what is needed today. Take it out.", pkg, i))
			}
		}
	}
	slices.Sort(out)
	return out
}

// checkReach walks from every machine over all that the project's packages on the way import, on any system.
func checkReach(all []source) (out []finding) {
	imports := map[string][]imported{}
	for _, s := range all {
		if !s.isTest() {
			imports[s.pkg()] = append(imports[s.pkg()], importsOf(s)...)
		}
	}
	for _, m := range machines {
		cameFrom := map[string]string{m: ""}
		for queue := []string{m}; len(queue) > 0; queue = queue[1:] {
			pkg := queue[0]
			for _, i := range imports[pkg] {
				if !mayReach(pkg, i) {
					out = append(out, finding{i.pos, fmt.Sprintf("%s must not reach %s (%s -> %s): %s. Instead: %s.",
						m, i.path, way(cameFrom, pkg), i.path, unreachableWhy, unreachableInstead)})
					continue
				}
				if _, seen := cameFrom[i.path]; i.own && !seen {
					cameFrom[i.path] = pkg
					queue = append(queue, i.path)
				}
			}
		}
	}
	return out
}

// mayReach says whether pkg, which a machine needs, may have an import.
func mayReach(pkg string, i imported) bool {
	first, _, _ := strings.Cut(i.path, "/")
	switch {
	case i.own:
		return !within(i.path, unreachableRooms...)
	case strings.Contains(first, "."): // not of the standard library
		return slices.ContainsFunc(borrowed, func(b loan) bool { return b.pkg == pkg && within(i.path, b.module) })
	}
	return slices.Contains(reachable, i.path) || !matchesImport(i.path, unreachable)
}

// way writes how pkg was reached.
func way(cameFrom map[string]string, pkg string) string {
	if from := cameFrom[pkg]; from != "" {
		return way(cameFrom, from) + " -> " + pkg
	}
	return pkg
}

// within says whether package pkg is one of parents or below one.
func within(pkg string, parents ...string) bool {
	return slices.ContainsFunc(parents, func(p string) bool { return pkg == p || strings.HasPrefix(pkg, p+"/") })
}

func matchesImport(name string, bans []string) bool {
	return slices.ContainsFunc(bans, func(ban string) bool {
		return name == ban || strings.HasSuffix(ban, "/") && strings.HasPrefix(name, ban)
	})
}
