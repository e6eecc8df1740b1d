//go:build unix

package capture

import (
	"time"

	"golang.org/x/sys/unix"
)

// touchLink sets the modification time of a symbolic link itself.
func touchLink(path string, at time.Time) error {
	ts := unix.NsecToTimespec(at.UnixNano())
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}
