//go:build unix

package vfs

import (
	"io/fs"
	"syscall"
)

// Allocated is how many bytes of disk a file takes.
func Allocated(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return info.Size()
}
