package wim

import "hash/maphash"

// nameSet finds names of a directory that are there twice. It keeps a hash and a place of each, not the name: a directory may have millions.
type nameSet struct {
	seed maphash.Seed
	at   map[uint64]At
	same map[string]At // names whose hash is that of another one
}

// nameSetMax is how many names a set may have had to be used again: clearing a map takes time with what it once held.
const nameSetMax = 4096

// clear forgets all names.
func (s *nameSet) clear() {
	s.same = nil
	if s.at == nil || len(s.at) > nameSetMax {
		s.seed, s.at = maphash.MakeSeed(), make(map[uint64]At)
		return
	}
	clear(s.at)
}

// add enters a name of the dentry at a place, and gives the place of the one that has it already. has reports whether the dentry at a place
// has the name.
func (s *nameSet) add(name string, at At, has func(At, string) (bool, error)) (other At, twice bool, err error) {
	h := maphash.String(s.seed, name)
	other, ok := s.at[h]
	if !ok {
		s.at[h] = at
		return 0, false, nil
	}
	if is, err := has(other, name); err != nil || is {
		return other, is, err
	}
	if other, ok := s.same[name]; ok {
		return other, true, nil
	}
	if s.same == nil {
		s.same = map[string]At{}
	}
	s.same[name] = at
	return 0, false, nil
}
