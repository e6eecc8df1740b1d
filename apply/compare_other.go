//go:build !unix

package apply

import "io/fs"

// fileKey names a file whatever its names.
type fileKey struct{}

// keyOf is not known here.
func keyOf(fs.FileInfo) (fileKey, bool) { return fileKey{}, false }
