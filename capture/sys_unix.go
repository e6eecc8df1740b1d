//go:build unix

package capture

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wimcast/wimcast/wim"
)

// fileID names a file whatever its names are.
type fileID struct{ dev, ino uint64 }

// identity is what a file must still be when its contents are read.
type identity struct {
	id     fileID
	size   int64
	mtime  int64 // ns since 1970, modulo 2^64
	linked bool  // it was reached through a symbolic link
}

func identityOf(info fs.FileInfo) identity {
	st := info.Sys().(*syscall.Stat_t) // what os.Lstat returns on unix
	return identity{id: fileID{uint64(st.Dev), uint64(st.Ino)}, size: info.Size(), mtime: info.ModTime().UnixNano()}
}

// same reports whether now describes the file that was scanned, unchanged.
func (i identity) same(now fs.FileInfo) bool {
	n := identityOf(now)
	n.linked = i.linked
	return n == i && now.Mode().IsRegular()
}

// identities is what records need to tell the identities of files.
type identities struct {
	dev uint64 // that most files are on
}

// ordinary returns what a record keeps of the identity of a file that has nothing out of the ordinary.
func (p *park) ordinary(i *identity, modified wim.Filetime) (inode uint64, ns byte, ok bool) {
	if len(p.blocks) < 2 && p.dev == 0 {
		p.dev = i.id.dev
	}
	rest := i.mtime - nanoseconds(modified)
	return i.id.ino, byte(rest), i.id.dev == p.dev && !i.linked && rest >= 0 && rest < 100
}

// identity is the inverse of ordinary.
func (p *park) identity(inode uint64, size int64, modified wim.Filetime, ns byte) identity {
	return identity{id: fileID{p.dev, inode}, size: size, mtime: nanoseconds(modified) + int64(ns)}
}

// nanoseconds returns t as identity.mtime does.
func nanoseconds(t wim.Filetime) int64 { return int64(t-wim.FiletimeOf(time.Unix(0, 0))) * 100 }

// appendIdentity appends an identity to a record.
func (p *park) appendIdentity(b []byte, i *identity) []byte {
	linked := uint64(0)
	if i.linked {
		linked = 1
	}
	for _, v := range []uint64{i.id.dev, i.id.ino, uint64(i.size), uint64(i.mtime), linked} {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func (r *parkReader) identity() identity {
	id := fileID{r.uvarint(), r.uvarint()}
	return identity{id: id, size: int64(r.uvarint()), mtime: int64(r.uvarint()), linked: r.uvarint() != 0}
}

// linkID returns the identity of a file that has several names.
func linkID(info fs.FileInfo) (fileID, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Nlink < 2 {
		return fileID{}, false
	}
	return fileID{uint64(st.Dev), uint64(st.Ino)}, true
}

// sparseLook is how many bytes a file has at least that is opened to look for holes: in a smaller one they are worth little.
const sparseLook = 64 << 10

// isSparse reports whether a file has holes: fewer blocks are allocated than it is long, or, as blocks may be allocated beyond its end, the file
// system tells of one.
func isSparse(e *entry) bool {
	info := e.info
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return false
	case int64(st.Blocks)*512 < info.Size(): // of 512 bytes whatever the file system's blocks are
		return true
	}
	return info.Size() >= sparseLook && hasHole(e.path(), info.Size())
}

// deviceOf returns the number of the file system that a file lies on.
func deviceOf(info fs.FileInfo) (uint64, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return uint64(st.Dev), true
}

// inodeOf returns the number of the file on its file system.
func inodeOf(info fs.FileInfo) uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return uint64(st.Ino)
}

// linkCount returns the number of names of a file; on NTFS the short one counts.
func linkCount(info fs.FileInfo) int {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return int(st.Nlink)
}

// deviceNumbers returns those of a device node.
func deviceNumbers(info fs.FileInfo) (major, minor uint32) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))
}

func unixData(info fs.FileInfo) (wim.UnixData, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return wim.UnixData{}, false
	}
	return wim.UnixData{UID: st.Uid, GID: st.Gid, Mode: uint32(st.Mode), Rdev: uint32(st.Rdev)}, true
}

// openContent opens a file to read it. What has become a fifo in the meantime does not block, what has become a link is not followed.
func openContent(path string, linked bool) (*os.File, error) {
	flags := os.O_RDONLY | syscall.O_NONBLOCK
	if !linked {
		flags |= syscall.O_NOFOLLOW
	}
	return os.OpenFile(path, flags, 0)
}

// isLink reports whether openContent failed because the file has become a link.
func isLink(err error) bool { return errors.Is(err, syscall.ELOOP) }
