//go:build !unix

package capture

import (
	"encoding/binary"
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

// identities is what records need to tell the identities of files.
type identities struct{ infos []fs.FileInfo }

// ordinary is for files that are known by a number.
func (p *park) ordinary(*identity, wim.Filetime) (inode uint64, ns byte, ok bool) { return 0, 0, false }

func (p *park) identity(uint64, int64, wim.Filetime, byte) identity { return identity{} }

// appendIdentity appends an identity to a record.
func (p *park) appendIdentity(b []byte, i *identity) []byte {
	linked := uint64(0)
	if i.linked {
		linked = 1
	}
	p.infos = append(p.infos, i.info)
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(len(p.infos)-1)), linked)
}

func (r *parkReader) identity() identity {
	i := identityOf(r.p.infos[r.uvarint()])
	i.linked = r.uvarint() != 0
	return i
}

// linkID returns the identity of a file that has several names, which is not known here.
func linkID(fs.FileInfo) (fileID, bool) { return fileID{}, false }

func isSparse(*entry) bool { return false }

// There are no volumes of ntfs-3g here.
func deviceOf(fs.FileInfo) (uint64, bool) { return 0, false }

func inodeOf(fs.FileInfo) uint64 { return 0 }

func linkCount(fs.FileInfo) int { return 1 }

func deviceNumbers(fs.FileInfo) (major, minor uint32) { return 0, 0 }

func unixData(fs.FileInfo) (wim.UnixData, bool) { return wim.UnixData{}, false }

func openContent(path string, _ bool) (*os.File, error) { return os.Open(path) }

func isLink(error) bool { return false }
