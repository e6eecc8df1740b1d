package apply

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/wimcast/wimcast/wim"
)

// SelectOptions say how names are compared.
type SelectOptions struct {
	Literal  bool // '*' and '?' stand for themselves, and a path names one thing at most
	FoldCase bool // upper and lower case are the same
}

// Found is a dentry that a path names.
type Found struct {
	*wim.Dentry // without Children
	At          wim.At
}

// Finder finds paths in an image, of which Walk or Select has checked the tree. It keeps the names of every directory that it has looked into:
// their bytes, and 8 more each.
type Finder struct {
	img  *wim.Tree
	opts SelectOptions
	root *wim.Dentry
	dirs map[wim.At]*nameIndex
}

// NewFinder makes a Finder.
func NewFinder(img *wim.Tree, opts SelectOptions) (*Finder, error) {
	root, err := img.Dentry(img.Root())
	if err != nil {
		return nil, err
	}
	return &Finder{img, opts, root, map[wim.At]*nameIndex{}}, nil
}

// Find gives what a path names.
func (f *Finder) Find(path string) ([]Found, error) {
	found := []Found{{f.root, f.img.Root()}}
	for name := range strings.SplitSeq(strings.ReplaceAll(path, `\`, "/"), "/") {
		if name == "" {
			continue
		}
		var next []Found
		for _, dir := range found {
			below, err := f.below(dir, name)
			if err != nil {
				return nil, err
			}
			next = append(next, below...)
		}
		found = next
	}
	return found, nil
}

// below gives the children of a directory that have the name or fit it, in stored order.
func (f *Finder) below(dir Found, name string) (out []Found, err error) {
	if !dir.IsDir() {
		return nil, nil
	}
	names, err := f.names(dir)
	if err != nil {
		return nil, err
	}
	for _, at := range names.find(f.fold(name), !f.opts.Literal) {
		d, err := f.img.Dentry(at)
		if err != nil {
			return nil, err
		}
		d.Parent = dir.Dentry
		out = append(out, Found{d, at})
	}
	if f.opts.Literal && len(out) > 1 {
		exact := slices.IndexFunc(out, func(d Found) bool { return d.Name == name })
		out = out[max(exact, 0):][:1]
	}
	return out, nil
}

func (f *Finder) fold(name string) string {
	if f.opts.FoldCase {
		return wim.FoldName(name)
	}
	return name
}

// names gives the names in a directory.
func (f *Finder) names(dir Found) (*nameIndex, error) {
	if n := f.dirs[dir.At]; n != nil {
		return n, nil
	}
	n := &nameIndex{}
	var all strings.Builder
	err := f.img.Children(dir.At, dir.Dentry, func(c *wim.Dentry, at wim.At) error {
		if all.WriteString(f.fold(c.Name)); all.Len() > math.MaxUint32 {
			return fmt.Errorf("find paths: the names in %q have more than 4 GiB", dir.Path())
		}
		n.list = append(n.list, indexedName{uint32(all.Len()), at})
		return nil
	})
	if err != nil {
		return nil, err
	}
	n.sort(all.String())
	f.dirs[dir.At] = n
	return n, nil
}

// nameIndex are the names in a directory, as they are compared, in order.
type nameIndex struct {
	all  string
	list []indexedName
}

// indexedName is a name that ends in all where the one after it begins.
type indexedName struct {
	end uint32
	at  wim.At
}

func (n *nameIndex) name(i int) string {
	start := uint32(0)
	if i > 0 {
		start = n.list[i-1].end
	}
	return n.all[start:n.list[i].end]
}

// sort takes the names as they are stored, one after the other in all.
func (n *nameIndex) sort(all string) {
	n.all = all
	order := make([]int, len(n.list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(strings.Compare(n.name(a), n.name(b)), cmp.Compare(n.list[a].at, n.list[b].at))
	})
	var sorted strings.Builder
	sorted.Grow(len(all))
	list := make([]indexedName, len(order))
	for i, from := range order {
		sorted.WriteString(n.name(from))
		list[i] = indexedName{uint32(sorted.Len()), n.list[from].at}
	}
	n.all, n.list = sorted.String(), list
}

// find gives the places of what has the name or, where it is a pattern, fits it.
func (n *nameIndex) find(name string, pattern bool) (out []wim.At) {
	wild := -1
	if pattern {
		wild = strings.IndexAny(name, "*?")
	}
	first := name
	if wild >= 0 {
		first = name[:wild]
	}
	for i := sort.Search(len(n.list), func(i int) bool { return n.name(i) >= first }); i < len(n.list); i++ {
		is := n.name(i)
		if wild < 0 && is != name || !strings.HasPrefix(is, first) {
			break
		}
		if wild < 0 || matchName(name, is) {
			out = append(out, n.list[i].at)
		}
	}
	slices.Sort(out)
	return out
}

// matchName reports whether a name fits a pattern of '*' and '?'. It takes time in proportion to the product of their lengths at most.
func matchName(pattern, name string) bool {
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
			continue
		case p < len(pattern) && pattern[p] == '?':
			_, size := utf8.DecodeRuneInString(name[n:])
			p, n = p+1, n+size
			continue
		case p < len(pattern) && pattern[p] == name[n]:
			p, n = p+1, n+1
			continue
		case star < 0:
			return false
		}
		mark++
		p, n = star+1, mark
	}
	return strings.Trim(pattern[p:], "*") == ""
}
