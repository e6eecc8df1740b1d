//go:build unix

package wim

import (
	"errors"
	"testing"
)

// checkTree checks an image by rules as who applies it does: as its tree is walked. That must agree with the plain check.
func checkTree(t *testing.T, m *Image, rules Rules) error {
	t.Helper()
	tree, err := m.Tree()
	if err == nil {
		err = tree.Walk(&rules, func(*Dentry, At) error { return nil }, func(*Dentry, At) error { return nil })
	}
	plain := checkInMemory(m, rules)
	if (err == nil) != (plain == nil) || errors.Is(err, ErrName) != errors.Is(plain, ErrName) {
		t.Errorf("by %+v the walk says %v, and the plain check %v", rules, err, plain)
	}
	return err
}

// checkInMemory says of an image what Tree.Walk says of a tree by rules, in the plainest way there is.
func checkInMemory(m *Image, rules Rules) error {
	return walk(m.Root, func(d *Dentry) error {
		if d != m.Root && !rules.AllowWindowsNames {
			if err := checkWindowsNames(d, rules.AllowPOSIXNames); err != nil {
				return err
			}
		}
		if rules.AllowCaseClash {
			return nil
		}
		return checkCase(d)
	})
}

// checkCase refuses children whose names, long or short, Windows takes for one.
func checkCase(d *Dentry) error {
	seen := make(map[string]*Dentry, len(d.Children))
	for _, c := range d.Children {
		for _, name := range []string{c.Name, c.ShortName} {
			if name == "" {
				continue
			}
			key := upper(name)
			if o := seen[key]; o != nil && o != c {
				return caseClash(o, c)
			}
			seen[key] = c
		}
	}
	return nil
}
