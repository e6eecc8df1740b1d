package device

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wimcast/wimcast/internal/looptest"
)

func TestMountedDeviceIsRefused(t *testing.T) {
	dev := looptest.New(t, 16<<20)
	looptest.Need(t, "mkfs.ext4", "umount")
	d, err := Open(dev)
	if err != nil {
		t.Fatal(err)
	}
	if d.Holds() != "" {
		t.Errorf("an empty device is said to hold %s", d.Holds())
	}
	if _, err := Open(dev); !errors.Is(err, ErrInUse) {
		t.Errorf("open twice: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	looptest.Run(t, "mkfs.ext4", "-q", dev)
	if d, err = Open(dev); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.Holds(), "ext4") {
		t.Errorf("an ext4 file system is said to be %q", d.Holds())
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	at := t.TempDir()
	looptest.Run(t, "mount", dev, at)
	defer looptest.Run(t, "umount", at)
	if _, err := Open(dev); !errors.Is(err, ErrMounted) || !strings.Contains(err.Error(), at) {
		t.Errorf("a mounted device: %v", err)
	}
}

func TestFileUnderALoopDeviceIsRefused(t *testing.T) {
	dev := looptest.New(t, 1<<20)
	file, err := os.ReadFile("/sys/class/block/" + strings.TrimPrefix(dev, "/dev/") + "/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(strings.TrimSpace(string(file))); !errors.Is(err, ErrInUse) {
		t.Errorf("the contents of %s: %v", dev, err)
	}
}

func TestRunningSystemIsRefused(t *testing.T) {
	looptest.Need(t)
	mounts, err := host.mounts()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		if m.at != "/" {
			continue
		}
		if _, err := os.Stat("/dev/" + m.device); err == nil {
			if _, err := Open("/dev/" + m.device); !errors.Is(err, ErrSystem) {
				t.Errorf("%s, on which / is: %v", m.device, err)
			}
			return
		}
	}
	t.Log("/ is on no device that can be opened here; fakeKernel has such")
}

func TestDeviceTakesZerosAndGivesThemBack(t *testing.T) {
	const size = 4 << 20
	dev := looptest.New(t, size)
	d, err := Open(dev)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Fits(size + 1); !errors.Is(err, ErrTooSmall) {
		t.Errorf("an image of one byte too many: %v", err)
	}
	if d.Zeros() {
		t.Error("a device is said to be zeros")
	}
	want := bytes.Repeat([]byte{0xa5}, size)
	if _, err := d.WriteAt(want, 0); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct{ off, size int64 }{{0, 65536}, {1<<20 + 4096, 1 << 20}, {3<<20 + 100, 777}} {
		if err := d.Zero(r.off, r.size); err != nil {
			t.Fatal(err)
		}
		clear(want[r.off : r.off+r.size])
	}
	if err := errors.Join(d.Fits(size), d.Begin(size), d.Drop(), d.Forget(4096, 1<<20)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, size)
	if _, err := d.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the device has other bytes, %v", err)
	}
	if err := zeroOut(d.file, 100, 4096); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a range beside pages: %v", err)
	}
}
