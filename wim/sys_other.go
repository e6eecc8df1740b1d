//go:build !unix

package wim

import (
	"io/fs"
	"os"
)

// fileID names a file whatever its names are.
type fileID struct{}

// fileIDOf gives the identity of a file that has several names, which is not known here.
func fileIDOf(fs.FileInfo) (fileID, bool) { return fileID{}, false }

func unixData(fs.FileInfo) (UnixData, bool) { return UnixData{}, false }

func openContent(path string) (*os.File, error) { return os.Open(path) }
