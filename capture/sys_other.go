//go:build !unix

package capture

import (
	"io/fs"
	"os"

	"github.com/wimcast/wimcast/wim"
)

// fileID names a file whatever its names are.
type fileID struct{}

// identity is what a file must still be when its contents are read.
type identity struct {
	info   fs.FileInfo
	size   int64
	linked bool // it was reached through a symbolic link
}

func identityOf(info fs.FileInfo) identity { return identity{info: info, size: info.Size()} }

// same reports whether now describes the file that was scanned, unchanged.
func (i identity) same(now fs.FileInfo) bool {
	return os.SameFile(now, i.info) && now.Size() == i.size && now.ModTime().Equal(i.info.ModTime()) && now.Mode().IsRegular()
}

// linkID gives the identity of a file that has several names, which is not known here.
func linkID(fs.FileInfo) (fileID, bool) { return fileID{}, false }

func isSparse(fs.FileInfo) bool { return false }

func unixData(fs.FileInfo) (wim.UnixData, bool) { return wim.UnixData{}, false }

func openContent(path string, _ bool) (*os.File, error) { return os.Open(path) }

func isLink(error) bool { return false }
