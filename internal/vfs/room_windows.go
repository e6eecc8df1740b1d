package vfs

import (
	"errors"
	"io/fs"
	"math"

	"golang.org/x/sys/windows"
)

// Room implements Roomy.
func (f *osFS) Room() (bytes int64, known bool) {
	path, err := windows.UTF16PtrFromString(f.root.Name())
	if err != nil {
		return 0, false
	}
	var free uint64
	if windows.GetDiskFreeSpaceEx(path, &free, nil, nil) != nil {
		return 0, false
	}
	return int64(min(free, math.MaxInt64)), true
}

func punch(uintptr, int64, int64) error { return errors.ErrUnsupported }

// Allocated is how many bytes of disk a file takes.
func Allocated(info fs.FileInfo) int64 { return info.Size() }
