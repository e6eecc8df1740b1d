package apply

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/wimcast/wimcast/wim"
)

// reparseNotFixed is the bit of a dentry's ReparseFlags that says that a link's target was not cut to the image's root.
const reparseNotFixed = 1

// File types and bits of st_mode.
const (
	modeType    = 0o170000
	modeRegular = 0o100000
	modeFifo    = 0o010000
	modeChar    = 0o020000
	modeBlock   = 0o060000
	modeSocket  = 0o140000
	modeSetuid  = 0o4000
	modeSetgid  = 0o2000
	modeSticky  = 0o1000
	modeOpen    = 0o700 // the owner may do all
)

// Extended attributes of Config.UnixXattrs.
const (
	xattrSecurity   = "user.wimcast.security"
	xattrAttributes = "user.wimcast.attributes"
	xattrShortName  = "user.wimcast.shortname"
	xattrCreated    = "user.wimcast.created"
	xattrStream     = "user.wimcast.stream."
)

// validXattrName reports whether a named stream's name fits into an xattr's: Linux takes 255 bytes.
func validXattrName(name string) bool { return name != "" && len(xattrStream)+len(name) <= 255 }

// isRegular reports whether st_mode is that of a regular file; 0 says nothing, and counts as one.
func isRegular(mode uint32) bool { return mode&modeType == modeRegular || mode&modeType == 0 }

// plainAttributes returns the attributes that say something a POSIX file system does not: not what follows from the kind of file, and
// not "archive", which every file has.
func plainAttributes(d *wim.Dentry) uint32 {
	return d.Attributes &^ (wim.AttrDirectory | wim.AttrArchive | wim.AttrNormal | wim.AttrReparse)
}

// posixAttributes returns those of plainAttributes that a POSIX file system does not keep: holes it has.
func posixAttributes(d *wim.Dentry) uint32 { return plainAttributes(d) &^ wim.AttrSparse }

// fileMode returns the permission bits of st_mode; special bits only when the owner was set too.
func fileMode(mode uint32, owned bool) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	if !owned {
		return m
	}
	if mode&modeSetuid != 0 {
		m |= fs.ModeSetuid
	}
	if mode&modeSetgid != 0 {
		m |= fs.ModeSetgid
	}
	if mode&modeSticky != 0 {
		m |= fs.ModeSticky
	}
	return m
}

// xattrRefused reports whether the error of setting an xattr means that the file system has no place for it.
func xattrRefused(err error) bool {
	for _, e := range []error{errors.ErrUnsupported, fs.ErrPermission, syscall.E2BIG, syscall.ENOSPC, syscall.ERANGE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
