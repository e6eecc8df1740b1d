//go:build !windows

package oserr

import "syscall"

var windowsNoSpace, windowsIO, windowsReadOnly, windowsNotDir, windowsAddrInUse, windowsNoAddr []syscall.Errno
