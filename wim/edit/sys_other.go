//go:build !unix

package edit

import (
	"io/fs"
	"os"
)

// renamesOpen says whether a file can be replaced while it is open.
const renamesOpen = false

// keepOwner does nothing: the file's folder says who owns it.
func keepOwner(*os.File, fs.FileInfo) {}

// syncDir does nothing: NTFS keeps names in a log, in order.
func syncDir(string) error { return nil }
