package device

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openBlock opens a block device that nothing uses.
func openBlock(path string, info fs.FileInfo) (*Target, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, ErrNoDevice
	}
	name, err := host.nameOf(uint64(st.Rdev))
	if err != nil {
		return nil, err
	}
	if err := host.free(name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_EXCL, 0) // exclusive: the kernel refuses what is in use, wherever it is mounted
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("%w: the kernel says so; perhaps it is mounted in a container, or another wimcast writes there", ErrInUse)
	}
	if err != nil {
		return nil, err
	}
	t := &Target{path: path, file: f, block: true, serial: host.serial(name)}
	t.size, err = f.Seek(0, io.SeekEnd)
	if err == nil {
		t.holds, err = signature(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

// backs refuses a file that is a loop device already.
func backs(path string) error { return host.backs(path) }

const (
	zeroOutStep   = 64 << 20
	zeroAlignment = 4096
)

// zeroOut has the device forget a range, or make it zeros where it cannot: both read as zeros (fallocate(2) on a block device), but what is
// forgotten takes no room in a loop device or thin volume. What is not whole pages is refused, so that it never meets bytes that
// are on their way to the device in the same page.
func zeroOut(f *os.File, off, size int64) error {
	if off%zeroAlignment != 0 || size%zeroAlignment != 0 {
		return unix.EINVAL
	}
	for size > 0 {
		n := min(size, zeroOutStep)
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
		if err != nil {
			err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_ZERO_RANGE|unix.FALLOC_FL_KEEP_SIZE, off, n)
		}
		if err != nil {
			return err
		}
		off, size = off+n, size-n
	}
	return nil
}

// drop empties the page cache of what is on disk.
func drop(f *os.File, block bool) error {
	if block {
		if err := unix.IoctlSetInt(int(f.Fd()), unix.BLKFLSBUF, 0); err != nil {
			return &os.PathError{Op: "flush buffers of", Path: f.Name(), Err: err}
		}
		return nil
	}
	return Forget(f, 0, 0)
}

// Forget drops the pages of a range of a file, or with size 0 those of all that follows off.
func Forget(f *os.File, off, size int64) error {
	if err := unix.Fadvise(int(f.Fd()), off, size, unix.FADV_DONTNEED); err != nil {
		return &os.PathError{Op: "drop cache of", Path: f.Name(), Err: err}
	}
	return nil
}

// reread is refused for partitions and for what cannot have some; then there is nothing to look at.
func reread(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	unix.IoctlSetInt(int(f.Fd()), unix.BLKRRPART, 0)
}
