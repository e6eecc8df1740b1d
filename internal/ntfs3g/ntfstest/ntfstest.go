// Package ntfstest makes NTFS volumes for tests: image files, mounted with ntfs-3g.
//
// [New] makes a volume; [Volume.Mount] mounts it and [Volume.Unmount] does the opposite, so that a program that wants the image file itself
// can have it. It needs ntfs-3g (with mkntfs), /dev/fuse, and the right to mount.
package ntfstest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Volume is an image file with an NTFS file system.
type Volume struct {
	Image string // path of the image file
	Dir   string // where it is mounted when it is
	t     testing.TB
	on    bool
}

// Available says why volumes cannot be made here; nil if they can.
func Available() error {
	for _, name := range []string{"mkntfs", "ntfs-3g", "umount"} {
		if _, err := find(name); err != nil {
			return fmt.Errorf("find %s: %w; install ntfs-3g", name, err)
		}
	}
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("use FUSE: %w", err)
	}
	return f.Close()
}

// find looks for a program where those of the administrator are too.
func find(name string) (string, error) {
	path, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err == nil {
			break
		}
		path, err = exec.LookPath(filepath.Join(dir, name))
	}
	return path, err
}

// New makes an empty volume of that many bytes, at least 2 MiB. Where that is not possible the test is skipped, or fails if it must run.
func New(t testing.TB, must bool, size int64) *Volume {
	t.Helper()
	if err := Available(); err != nil {
		if must {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	v := &Volume{Image: filepath.Join(dir, "volume.img"), Dir: filepath.Join(dir, "mounted"), t: t}
	if err := os.Mkdir(v.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(v.Image)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	v.run("mkntfs", "-F", "-Q", "-q", v.Image)
	t.Cleanup(v.Unmount)
	return v
}

// Mount mounts the volume with some options, "streams_interface=windows" for one, separated by commas.
func (v *Volume) Mount(options string) {
	v.t.Helper()
	v.run("ntfs-3g", "-o", options, v.Image, v.Dir)
	v.on = true
}

// Unmount unmounts the volume if it is mounted; then the image file holds all that was written.
func (v *Volume) Unmount() {
	v.t.Helper()
	if v.on {
		v.run("umount", v.Dir)
		v.on = false
	}
}

func (v *Volume) run(name string, args ...string) {
	v.t.Helper()
	path, err := find(name)
	if err != nil {
		v.t.Fatal(err)
	}
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		v.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}
