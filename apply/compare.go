package apply

import "errors"

// Difference is one way in which two trees differ.
type Difference struct {
	Path string // relative, with slashes
	What string // for people: "missing", "size 3, want 5", ...
}

// Compare compares two directories: names, kinds, contents, link targets, times of modification to 100 ns, which names are links
// of one file, and, when modes is set, permission bits. At most MaxDifferences are listed.
func Compare(want, got string, modes bool) ([]Difference, error) {
	return nil, errors.ErrUnsupported
}

// MaxDifferences bounds what Compare lists.
const MaxDifferences = 1000
