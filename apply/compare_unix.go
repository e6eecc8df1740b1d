//go:build unix

package apply

import (
	"io/fs"
	"syscall"
)

// fileKey names a file whatever its names.
type fileKey struct{ dev, ino uint64 }

// keyOf returns the key of a file that has several names.
func keyOf(info fs.FileInfo) (fileKey, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() || st.Nlink < 2 {
		return fileKey{}, false
	}
	return fileKey{uint64(st.Dev), st.Ino}, true
}
