package vfs

import "golang.org/x/sys/unix"

// Mknod makes a fifo, socket or device node; mode is st_mode, of which the umask takes what it does. Callers find it by type assertion.
func (f *osFS) Mknod(name string, mode, dev uint32) error {
	return one("mknod", name, func(l string) error {
		return f.inParent("mknod", l, func(fd int, _, base string) error { return unix.Mknodat(fd, base, mode, int(dev)) })
	})
}
