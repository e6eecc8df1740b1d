package oserr

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// What Windows says.
var (
	windowsNoSpace   = []syscall.Errno{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED}
	windowsIO        = []syscall.Errno{windows.ERROR_CRC, windows.ERROR_IO_DEVICE, windows.ERROR_READ_FAULT, windows.ERROR_WRITE_FAULT}
	windowsReadOnly  = []syscall.Errno{windows.ERROR_WRITE_PROTECT}
	windowsNotDir    = []syscall.Errno{windows.ERROR_DIRECTORY}
	windowsAddrInUse = []syscall.Errno{windows.WSAEADDRINUSE}
	windowsNoAddr    = []syscall.Errno{windows.WSAEADDRNOTAVAIL}
)
