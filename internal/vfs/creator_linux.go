package vfs

import (
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// maxHeld is how many directories a creator holds open.
const maxHeld = 64

// osCreator makes files relative to directories that it holds open, so that no path is walked again and again.
type osCreator struct {
	fs    *osFS
	held  map[string]int // descriptors of directories
	order []string       // of those, the oldest first, from next on
	next  int
	last  string // the directory used last, and its descriptor
	fd    int
}

// newCreator returns nil if the system cannot hold a directory open safely.
func (f *osFS) newCreator() Creator {
	fd, err := f.openBeneath(".", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil
	}
	return &osCreator{fs: f, held: map[string]int{".": fd}, order: []string{"."}, last: ".", fd: fd}
}

// dir returns the descriptor of a directory.
func (c *osCreator) dir(name string) (int, error) {
	if c.last == name {
		return c.fd, nil
	}
	fd, ok := c.held[name]
	if !ok {
		var err error
		if fd, err = c.fs.openBeneath(name, unix.O_PATH|unix.O_DIRECTORY, 0); err != nil {
			return -1, err
		}
		if len(c.order) < maxHeld {
			c.order = append(c.order, name)
		} else {
			old := c.order[c.next]
			unix.Close(c.held[old])
			delete(c.held, old)
			c.order[c.next] = name
			c.next = (c.next + 1) % maxHeld
		}
		c.held[name] = fd
	}
	c.last, c.fd = name, fd
	return fd, nil
}

// at runs call with the descriptor of name's directory and its last element.
func (c *osCreator) at(op, name string, call func(dir int, base string) error) error {
	if err := checkPath(op, name); err != nil {
		return err
	}
	parent, base := splitPath(name)
	dir, err := c.dir(parent)
	if err != nil {
		return err
	}
	if err := call(dir, base); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

func (c *osCreator) Create(name string, data []byte, perm fs.FileMode, atime, mtime time.Time) error {
	return c.at("create", name, func(dir int, base string) error {
		fd, err := again(func() (int, error) {
			return unix.Openat(dir, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_LARGEFILE, uint32(perm.Perm()))
		})
		if err != nil {
			return err
		}
		for len(data) > 0 && err == nil {
			var n int
			if n, err = again(func() (int, error) { return unix.Write(fd, data) }); err == nil {
				data = data[n:]
			}
		}
		if e := unix.Close(fd); err == nil {
			err = e
		}
		if err == nil {
			err = setTimes(dir, base, atime, mtime)
		}
		if err != nil {
			_ = unix.Unlinkat(dir, base, 0) // what failed is told
		}
		return err
	})
}

func (c *osCreator) Mkdir(name string, perm fs.FileMode) error {
	return c.at("mkdir", name, func(dir int, base string) error { return unix.Mkdirat(dir, base, uint32(perm.Perm())) })
}

func (c *osCreator) Chtimes(name string, atime, mtime time.Time) error {
	return c.at("chtimes", name, func(dir int, base string) error { return setTimes(dir, base, atime, mtime) })
}

func (c *osCreator) Close() error {
	for _, fd := range c.held {
		unix.Close(fd)
	}
	c.held, c.order, c.last = nil, nil, ""
	return nil
}

// again repeats a call that a signal has interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}

// setTimes sets the times of a name in a directory. A zero time is left as it is.
func setTimes(dir int, base string, atime, mtime time.Time) error {
	if atime.IsZero() && mtime.IsZero() {
		return nil
	}
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
	return unix.UtimesNanoAt(dir, base, ts[:], unix.AT_SYMLINK_NOFOLLOW)
}
