//go:build unix

package disk

import (
	"os"
	"syscall"
	"testing"
)

// allocated is how many bytes of disk a file takes.
func allocated(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	no(t, err)
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}
