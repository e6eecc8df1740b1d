package device

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"unsafe"

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
		t.holds, err = Signature(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

// backs refuses a file that is a loop device already.
func backs(path string) error { return host.backs(path) }

const (
	blkZeroOut    = 0x127f // BLKZEROOUT of <linux/fs.h>
	zeroOutStep   = 64 << 20
	zeroAlignment = 4096
)

// zeroOut has the device make zeros. What is not whole pages is refused, so that it never meets bytes that are on their way to the
// device in the same page.
func zeroOut(f *os.File, off, size int64) error {
	if off%zeroAlignment != 0 || size%zeroAlignment != 0 {
		return unix.EINVAL
	}
	for size > 0 {
		n := min(size, zeroOutStep)
		span := [2]uint64{uint64(off), uint64(n)}
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), blkZeroOut, uintptr(unsafe.Pointer(&span)))
		runtime.KeepAlive(&span)
		if errno != 0 {
			return errno
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
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
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
