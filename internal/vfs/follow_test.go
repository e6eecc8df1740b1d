package vfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestLinksAtTheirMaximum: as many links as MaxLinks are followed to what is not there yet, and one more is not.
func TestLinksAtTheirMaximum(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	to := "file" // relative to the first link's folder
	for i := range MaxLinks + 1 {
		link := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Symlink(to, link); err != nil {
			t.Skip("no links here: ", err)
		}
		to = link
		got, err := Follow(link)
		if n := i + 1; n <= MaxLinks && (err != nil || got != filepath.Join(dir, "file")) || n > MaxLinks && err == nil {
			t.Errorf("%d links lead to %q, %v", n, got, err)
		}
	}
}

func TestFollowIsAboutTheLastElement(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sub, alias, link := filepath.Join(dir, "a", "b"), filepath.Join(dir, "alias"), filepath.Join(dir, "a", "b", "link")
	for _, err := range []error{os.MkdirAll(sub, 0o755), os.Symlink(sub, alias), os.Symlink("../up", link)} {
		if err != nil {
			t.Skip("no links here: ", err)
		}
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"):   filepath.Join(dir, "none"),
		filepath.Join(alias, "file"): filepath.Join(alias, "file"),
		filepath.Join(alias, "link"): filepath.Join(dir, "a", "up"), // .. of the folder itself, not of the link to it
		alias:                        sub,
	} {
		if got, err := Follow(path); err != nil || got != want {
			t.Errorf("%s leads to %q, %v; want %q", path, got, err, want)
		}
	}
}
