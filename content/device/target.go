package device

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/wimcast/wimcast/internal/vfs"
)

// Errors to test for with errors.Is: why a target is refused. Nothing was written then.
var (
	ErrSystem   = errors.New("it holds the running system")
	ErrMounted  = errors.New("it is mounted")
	ErrInUse    = errors.New("it is in use")
	ErrReadOnly = errors.New("it is read-only")
	ErrTooSmall = errors.New("it is too small")
	ErrHolds    = errors.New("it is not empty")
	ErrNoSuch   = errors.New("no device has this name; lsblk lists those there are")
	ErrNoDevice = errors.New("it is no block device and no file") // or one of a system on which devices are not written
)

// Target is an open block device or file.
type Target struct {
	path   string
	file   *os.File
	block  bool
	made   bool // the file was not there before
	size   int64
	holds  string
	serial string // tells a device from others that had its name; "" of a file
}

// Open opens what is to be written over, and refuses what is in use. A path that is not there becomes a file, in a folder that must be
// there; Close takes it away again if nothing was written.
func Open(path string) (*Target, error) {
	t, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("open disk %s: %w", path, err)
	}
	return t, nil
}

// devices is where devices are: a file made there by a misspelt name would fill the memory.
const devices = "/dev/"

func open(path string) (*Target, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(path, devices):
		return nil, ErrNoSuch
	case errors.Is(err, fs.ErrNotExist):
		return openFile(path, true)
	case err != nil:
		return nil, err
	case info.Mode().IsRegular():
		return openFile(path, false)
	case info.Mode()&(fs.ModeDevice|fs.ModeCharDevice) == fs.ModeDevice:
		return openBlock(path, info)
	}
	return nil, ErrNoDevice
}

// openFile opens a file that stands for a device, locked until it is closed.
func openFile(path string, made bool) (*Target, error) {
	if err := backs(path); err != nil {
		return nil, err
	}
	flag := os.O_RDWR
	if made {
		flag |= os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(path, flag, 0o666)
	if err != nil {
		return nil, err
	}
	t := &Target{path: path, file: f, made: made}
	if info, err := f.Stat(); err == nil && info.Mode().Perm()&0o222 == 0 {
		return nil, errors.Join(ErrReadOnly, f.Close())
	}
	if err := vfs.LockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	info, err := f.Stat()
	if err == nil && info.Size() > 0 {
		t.holds, err = fileHolds(f, info.Size())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

// fileHolds says what is in a file; one that has nothing but zeros holds nothing, written or not.
func fileHolds(f *os.File, size int64) (string, error) {
	what, err := signature(f)
	if what != "" || err != nil {
		return what, err
	}
	buf, zeros := make([]byte, zeroStep), make([]byte, zeroStep)
	for off := int64(0); off < size; {
		start, end, err := NextData(f, off, size)
		if err != nil {
			return "", err
		}
		for off = start; off < end; {
			n, err := f.ReadAt(buf[:min(end-off, zeroStep)], off)
			if !bytes.Equal(buf[:n], zeros[:n]) {
				return "data", nil
			}
			if err != nil && (n == 0 || !errors.Is(err, io.EOF)) {
				return "", fmt.Errorf("look at what is there: %w", err)
			}
			off += int64(n)
		}
	}
	return "", nil
}

// String names the target for people.
func (t *Target) String() string { return t.path }

// Holds says what is on the target: "a GPT partition table", "an ext4 file system"; "" for nothing that is known, and of a file for no data.
func (t *Target) Holds() string { return t.holds }

// Fits says whether there is room for so many bytes. A file grows.
func (t *Target) Fits(size int64) error {
	if t.block && t.size < size {
		return fmt.Errorf("write %d bytes to disk %s: %w: it has %d", size, t.path, ErrTooSmall, t.size)
	}
	return nil
}

// HasRoom fails with vfs.ErrNoRoom if a file that stands for a device cannot get so many bytes written. What it takes already counts.
func (t *Target) HasRoom(bytes int64) error {
	if t.block {
		return nil
	}
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	fsys, err := vfs.OS(filepath.Dir(t.path))
	if err != nil {
		return err
	}
	defer fsys.Close()
	if err := vfs.Fits(fsys, bytes-vfs.Allocated(info)); err != nil {
		return fmt.Errorf("write disk %s: %w", t.path, err)
	}
	return nil
}

// Key names the target: the same for the same device or file, another one for another device that got its name. It can be part of a
// file name.
func (t *Target) Key() string {
	sum := blake3.Sum256([]byte(fmt.Sprintf("%s\x00%d\x00%s", t.path, t.size, t.serial)))
	return fmt.Sprintf("%x", sum[:8])
}

// Begin prepares for an image of so many bytes. It says whether all of the target reads as zeros then.
func (t *Target) Begin(size int64) error {
	if t.block {
		return nil
	}
	if err := t.file.Truncate(0); err != nil {
		return err
	}
	return t.file.Truncate(size)
}

// Zeros says whether the target reads as zeros after Begin, where nothing was written.
func (t *Target) Zeros() bool { return !t.block }

func (t *Target) ReadAt(p []byte, off int64) (int, error)  { return t.file.ReadAt(p, off) }
func (t *Target) WriteAt(p []byte, off int64) (int, error) { return t.file.WriteAt(p, off) }
func (t *Target) Sync() error                              { return t.file.Sync() }

// NextData returns the next range that is not a hole. A device has none that count: what it gives must be read.
func (t *Target) NextData(off, size int64) (start, end int64, err error) {
	info, err := t.file.Stat()
	if err != nil || t.block || info.Size() < size {
		return off, size, err
	}
	return NextData(t.file, off, size)
}

// zeroStep is how many zeros are written by one call.
const zeroStep = 1 << 20

// Zero makes a range zeros, by the device's own means if it has some.
func (t *Target) Zero(off, size int64) error {
	if t.block && zeroOut(t.file, off, size) == nil {
		return nil
	}
	zeros := make([]byte, min(size, zeroStep))
	for size > 0 {
		n := min(size, zeroStep)
		if _, err := t.file.WriteAt(zeros[:n], off); err != nil {
			return err
		}
		off, size = off+n, size-n
	}
	return nil
}

// Drop has the system forget what it keeps of the target in memory, so that what is read next comes from where it is.
func (t *Target) Drop() error {
	if err := t.file.Sync(); err != nil {
		return err
	}
	return drop(t.file, t.block)
}

// Forget has the system forget what it keeps of a range in memory: what was read once.
func (t *Target) Forget(off, size int64) error { return Forget(t.file, off, size) }

// Reread has the system look at the partition table again, now that it is another one. Call it after Close.
func (t *Target) Reread() {
	if t.block {
		reread(t.path)
	}
}

// Close lets go of the target.
func (t *Target) Close() error {
	info, err := t.file.Stat()
	cerr := t.file.Close()
	if t.made && err == nil && info.Size() == 0 {
		return errors.Join(cerr, os.Remove(t.path))
	}
	return cerr
}
