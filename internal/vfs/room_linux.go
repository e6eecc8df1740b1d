package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// bcachefs is the magic number of a file system that package unix has none for yet.
const bcachefs = 0xca451a4e

const zfs = 0x2fc12fc1

// Room implements Roomy.
func (f *osFS) Room() (bytes int64, known bool) {
	var st unix.Statfs_t
	if unix.Fstatfs(int(f.dir.Fd()), &st) != nil || st.Blocks == 0 {
		return 0, false // some file systems in user space do not say
	}
	switch uint32(st.Type) {
	case unix.BTRFS_SUPER_MAGIC, bcachefs, zfs: // they may compress
		return 0, false
	}
	free := st.Bavail
	if os.Geteuid() == 0 {
		free = st.Bfree // what is kept for root is root's
	}
	return int64(free) * st.Bsize, true
}

func punch(fd uintptr, off, size int64) error {
	err := unix.Fallocate(int(fd), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return errors.ErrUnsupported
	}
	return err
}
