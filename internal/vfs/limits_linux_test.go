package vfs

import (
	"fmt"
	"testing"
	"time"
)

// TestDirectoriesThatACreatorHolds: no more than maxHeld; one that was given up is opened again.
func TestDirectoriesThatACreatorHolds(t *testing.T) {
	fsys, err := OS(t.TempDir())
	no(t, err)
	c, ok := NewCreator(fsys).(*osCreator)
	if !ok {
		t.Fatal("this system has no creator of its own")
	}
	defer c.Close()
	for n := range maxHeld + 1 { // the root is one of them
		dir := fmt.Sprint("d", n)
		no(t, c.Mkdir(dir, 0o755))
		no(t, c.Create(dir+"/f", []byte("x"), 0o600, time.Time{}, time.Unix(1, 0)))
		if want := min(n+2, maxHeld); len(c.held) > want {
			t.Fatalf("%d directories were used: %d are held, want %d", n+2, len(c.held), want)
		}
	}
	if len(c.held) != maxHeld {
		t.Errorf("%d directories are held, want %d", len(c.held), maxHeld)
	}
	no(t, c.Create("d0/g", []byte("x"), 0o600, time.Time{}, time.Unix(1, 0)))
}
