package device

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeKernel tells of a machine: sda is the system's disk (sda2 is a volume group's, root is on dm-0 of it, sda1 is /boot), sdb has a
// mounted partition, sdc a partition for swapping, sdd is a part of a RAID, sde is free, sdf is read-only, and a Btrfs of sdg is mounted.
func fakeKernel(t *testing.T) kernel {
	t.Helper()
	dir := t.TempDir()
	k := kernel{sys: filepath.Join(dir, "sys"), proc: filepath.Join(dir, "proc")}
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	link := func(name, to string) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(to, path)); err != nil {
			t.Fatal(err)
		}
	}
	device := func(parent, name, number string) {
		at := "sys/devices/" + parent + name
		write(at+"/dev", number)
		write(at+"/ro", "0\n")
		if parent != "" {
			write(at+"/partition", "1\n")
		}
		link("sys/class/block/"+name, filepath.Join(dir, at))
		link("sys/dev/block/"+number, "../../devices/"+parent+name)
	}
	device("", "sda", "8:0")
	device("sda/", "sda1", "8:1")
	device("sda/", "sda2", "8:2")
	device("sda/", "sda3", "8:3")
	device("", "sdb", "8:16")
	device("sdb/", "sdb1", "8:17")
	device("", "sdc", "8:32")
	device("sdc/", "sdc1", "8:33")
	for i, name := range []string{"sdd", "sde", "sdf", "sdg"} {
		device("", name, []string{"8:48", "8:64", "8:80", "8:96"}[i])
	}
	device("", "dm-0", "253:0")
	write("sys/devices/dm-0/dm/name", "vg-root\n")
	write("sys/devices/dm-0/slaves/sda2/dev", "8:2")
	write("sys/devices/sda/sda2/holders/dm-0/dev", "253:0")
	write("sys/devices/sdd/holders/md0/dev", "9:0")
	write("sys/devices/sdf/ro", "1\n")
	device("", "loop3", "7:3")
	write("sys/devices/loop3/loop/backing_file", "/srv/in use.img\n")
	write("sys/devices/sde/device/wwid", "naa.5000\n")
	write("proc/self/mountinfo", strings.Join([]string{
		"22 1 253:0 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw",
		"23 22 8:1 / /boot rw shared:2 - ext4 /dev/sda1 rw",
		"24 22 0:22 / /proc rw - proc proc rw",
		`25 22 8:17 / /media/my\040disk rw - vfat /dev/sdb1 rw`,
		"26 22 0:45 /@ /data rw - btrfs /dev/sdg rw",
		"short line", "",
	}, "\n"))
	write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/dev/sdc1 partition 8 0 -2\n/swapfile file 8 0 -3\n")
	return k
}

func TestDeviceInUseIsRefused(t *testing.T) {
	k := fakeKernel(t)
	for _, c := range []struct {
		name string
		err  error
		says string
	}{
		{"sda", ErrSystem, "/"},
		{"sda1", ErrSystem, "/boot"},
		{"sda2", ErrSystem, "/"},
		{"dm-0", ErrSystem, "/"},
		{"sda3", nil, ""}, // beside the system
		{"sdb", ErrMounted, "/media/my disk"},
		{"sdb1", ErrMounted, "/media/my disk"},
		{"sdc", ErrInUse, "swaps to sdc1"},
		{"sdd", ErrInUse, "md0"},
		{"sde", nil, ""},
		{"sdf", ErrReadOnly, ""},
		{"sdg", ErrMounted, "/data"},
	} {
		err := k.free(c.name)
		if !errors.Is(err, c.err) || c.err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v with %q", c.name, err, c.err, c.says)
		}
	}
}

func TestDevicesAreNamedAndToldApart(t *testing.T) {
	k := fakeKernel(t)
	if name, err := k.nameOf(8<<8 | 64); err != nil || name != "sde" {
		t.Errorf("8:64 is %q, %v", name, err)
	}
	if name, err := k.named("8:240"); err == nil {
		t.Errorf("a device that is not there is %q", name)
	}
	if got := k.serial("sde"); got != "device/wwid=naa.5000" {
		t.Errorf("sde is %q", got)
	}
	if err := k.backs("/srv/in use.img"); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "loop3") {
		t.Errorf("the contents of a loop device: %v", err)
	}
	if err := k.backs("/srv/free.img"); err != nil {
		t.Error(err)
	}
	k.proc = t.TempDir()
	if err := k.free("sde"); err == nil {
		t.Error("a device is free where nobody says what is mounted")
	}
}

// A misspelt device makes no file where devices are.
func TestMisspeltDeviceMakesNoFile(t *testing.T) {
	const name = devices + "no-such-disk-here"
	if _, err := Open(name); !errors.Is(err, ErrNoSuch) {
		t.Errorf("open %s: %v, want ErrNoSuch", name, err)
	}
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v", name, err)
	}
}
