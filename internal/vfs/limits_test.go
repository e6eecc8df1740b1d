package vfs

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
)

// TestLinksInOnePath: as many as maxLinks are followed, one more are a circle.
func TestLinksInOnePath(t *testing.T) {
	m := NewMem()
	put(t, m, "file", "x")
	to := "file"
	for n := 1; n <= maxLinks+1; n++ {
		name := fmt.Sprint("l", n)
		no(t, m.Symlink(to, name))
		if _, err := m.Stat(name); (err == nil) != (n <= maxLinks) || err != nil && !errors.Is(err, syscall.ELOOP) {
			t.Errorf("through %d links: %v", n, err)
		}
		to = name
	}
}
