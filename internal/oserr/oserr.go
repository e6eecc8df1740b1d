// Package oserr knows what systems call differently.
package oserr

import (
	"errors"
	"slices"
	"syscall"
)

// Kind is one thing that may be wrong with a machine, under all the numbers that its system has for it. It is an error for Is to look for.
type Kind struct {
	text   string
	errnos []syscall.Errno
}

// Error implements error.
func (k *Kind) Error() string { return k.text }

// Kinds of errors.
var (
	NoSpace   = kind("no space left on device", syscall.ENOSPC, windowsNoSpace...)
	IO        = kind("input/output error", syscall.EIO, windowsIO...)
	ReadOnly  = kind("read-only file system", syscall.EROFS, windowsReadOnly...)
	NotDir    = kind("not a directory", syscall.ENOTDIR, windowsNotDir...)
	AddrInUse = kind("address already in use", syscall.EADDRINUSE, windowsAddrInUse...)
	NoAddr    = kind("cannot assign requested address", syscall.EADDRNOTAVAIL, windowsNoAddr...)
)

// kind makes a kind of what POSIX calls it, which Go has on every system, and what Windows calls it.
func kind(text string, posix syscall.Errno, windows ...syscall.Errno) *Kind {
	return &Kind{text, append(slices.Clip(windows), posix)}
}

// Is is [errors.Is] that finds every number of a Kind too.
func Is(err, target error) bool {
	if errors.Is(err, target) {
		return true
	}
	k, ok := target.(*Kind)
	return ok && slices.ContainsFunc(k.errnos, func(n syscall.Errno) bool { return errors.Is(err, n) })
}
