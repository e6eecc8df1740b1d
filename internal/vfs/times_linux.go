package vfs

import (
	"time"

	"golang.org/x/sys/unix"
)

func (f *osFS) chtimes(l string, atime, mtime time.Time) error {
	return f.inParent("chtimes", l, func(fd int, _, base string) error {
		var ts [2]unix.Timespec
		for i, t := range []time.Time{atime, mtime} {
			if t.IsZero() {
				ts[i].Nsec = unix.UTIME_OMIT
				continue
			}
			var err error
			if ts[i], err = unix.TimeToTimespec(t); err != nil {
				return err
			}
		}
		return unix.UtimesNanoAt(fd, base, ts[:], unix.AT_SYMLINK_NOFOLLOW)
	})
}
