package vfs

import "time"

func (f *osFS) chtimes(l string, atime, mtime time.Time) error {
	return f.inParent("chtimes", l, func(fd int, _, base string) error { return setTimes(fd, base, atime, mtime) })
}
