package vfs

import (
	"fmt"
	"os"
	"path/filepath"
)

// MaxLinks is how many symbolic links Follow goes through, as on Linux.
const MaxLinks = 40

// Follow returns the path of the system that a path's last element leads to, also where that is not there yet: a file written under
// another name and renamed to the path itself would replace the link.
func Follow(path string) (string, error) {
	at := path
	for range MaxLinks + 1 {
		to, err := os.Readlink(at)
		if err != nil {
			return at, nil // it is no link, or not there
		}
		dir, err := filepath.EvalSymlinks(filepath.Dir(at))
		if err != nil {
			return "", err
		}
		if at = to; !filepath.IsAbs(to) {
			at = filepath.Join(dir, to)
		}
	}
	return "", fmt.Errorf("%s leads through more than %d symbolic links", path, MaxLinks)
}
