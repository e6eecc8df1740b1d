//go:build unix

package edit

import (
	"io/fs"
	"os"
	"syscall"
)

// renamesOpen says whether a file can be replaced while it is open.
const renamesOpen = true

// keepOwner gives f the owner of the file that it replaces, if the user may.
func keepOwner(f *os.File, old fs.FileInfo) {
	if st, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(st.Uid), int(st.Gid)) // only root can give files away
	}
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
