package apply

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// shortNames finds the short names in one directory that are another entry's name. NTFS would take both and find one. Of names it keeps hashes,
// under a key of its own: were two ever the same, one short name more would be lost.
type shortNames struct {
	seed   maphash.Seed
	owners map[uint64]wim.At
	short  []shortName
}

type shortName struct {
	hash uint64
	at   wim.At
}

// add notes an entry of the directory.
func (s *shortNames) add(p *planner, d *wim.Dentry, at wim.At) {
	if s.owners == nil {
		s.seed, s.owners = maphash.MakeSeed(), map[uint64]wim.At{}
	}
	s.owners[maphash.String(s.seed, strings.ToUpper(d.Name))] = at
	if d.ShortName != "" {
		s.short = append(s.short, shortName{maphash.String(s.seed, strings.ToUpper(d.ShortName)), at})
	}
}

// endShortNames drops the short names of the directory that is read that cannot be kept.
func (p *planner) endShortNames() {
	s := &p.short
	for _, n := range s.short {
		if owner, ok := s.owners[n.hash]; !ok {
			s.owners[n.hash] = n.at
		} else if owner != n.at {
			p.dropShort(n.at)
		}
	}
	*s = shortNames{}
}

// orderLinks puts that name of a file first, which is the one that is written, that has the short name: NTFS takes one per file, and
// only as long as there is one long name.
func (p *planner) orderLinks(names []linkName) {
	if p.ntfs == nil {
		return
	}
	slices.SortStableFunc(names, func(a, b linkName) int {
		switch {
		case a.short == b.short:
			return 0
		case a.short:
			return -1
		}
		return 1
	})
	for _, l := range names[1:] {
		if l.short {
			p.dropShort(l.at)
		}
	}
}

// dropShort notes a short name that cannot be kept.
func (p *plan) dropShort(at wim.At) {
	if p.noShort == nil {
		p.noShort = map[wim.At]bool{}
	}
	if !p.noShort[at] {
		p.noShort[at] = true
		p.report.Lost.ShortNames++
	}
}

// shortName returns the short name that is to be set, "" if there is none.
func (p *plan) shortName(d *wim.Dentry, at wim.At) string {
	if p.noShort[at] {
		return ""
	}
	return d.ShortName
}
