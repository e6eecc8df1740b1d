package capture

import (
	"strings"
	"unicode/utf8"
)

// glob is one pattern. An anchored one matches its names from the root on, another one the last name of a path.
type glob struct {
	anchored bool
	names    []string
}

type globs []glob

// match reports whether a glob matches path or a directory above it. With through, what an anchored glob leads through matches too.
func (gs globs) match(path []string, fold, through bool) bool {
	for _, g := range gs {
		if g.match(path, fold, through) {
			return true
		}
	}
	return false
}

func (g glob) match(path []string, fold, through bool) bool {
	if !g.anchored {
		return matchName(g.names[0], path[len(path)-1], fold)
	}
	if len(g.names) > len(path) && !through {
		return false
	}
	for i := range min(len(g.names), len(path)) {
		if !matchName(g.names[i], path[i], fold) {
			return false
		}
	}
	return true
}

// matchName matches one name. It tries the last star only again when it has to, so its time is at most the product of both lengths.
func matchName(pattern, name string, fold bool) bool {
	star, from := -1, 0 // the last star, and what is behind it was last tried at
	p, n := 0, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, from = p, n
			p++
			continue
		}
		if p < len(pattern) {
			pc, ps := utf8.DecodeRuneInString(pattern[p:])
			nc, ns := utf8.DecodeRuneInString(name[n:])
			if pattern[p] == '?' || pc == nc && pattern[p:p+ps] == name[n:n+ns] || fold && strings.EqualFold(pattern[p:p+ps], name[n:n+ns]) {
				p, n = p+ps, n+ns
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, skip := utf8.DecodeRuneInString(name[from:])
		from += skip
		p, n = star+1, from
	}
	return strings.Trim(pattern[p:], "*") == ""
}
