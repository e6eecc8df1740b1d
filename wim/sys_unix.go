//go:build unix

package wim

import (
	"io/fs"
	"os"
	"syscall"
)

// fileID names a file whatever its names are.
type fileID struct{ dev, ino uint64 }

// fileIDOf gives the identity of a file that has several names.
func fileIDOf(info fs.FileInfo) (fileID, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Nlink < 2 {
		return fileID{}, false
	}
	return fileID{uint64(st.Dev), uint64(st.Ino)}, true
}

func unixData(info fs.FileInfo) (UnixData, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return UnixData{}, false
	}
	return UnixData{UID: st.Uid, GID: st.Gid, Mode: uint32(st.Mode), Rdev: uint32(st.Rdev)}, true
}

// openContent opens a file to read it. What has become a fifo in the meantime does not block, what has become a link is not followed.
func openContent(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
}
