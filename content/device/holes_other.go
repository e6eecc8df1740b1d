//go:build !linux

package device

import "os"

// NextData returns the next range of a file of that size, from off on, that is not a hole; start is size when there is none. Here it is
// the rest of the file.
func NextData(_ *os.File, off, size int64) (start, end int64, err error) { return off, size, nil }
