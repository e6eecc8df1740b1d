// Package looptest has loop devices for tests: block devices whose contents are a file.
package looptest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// New returns a block device of that size in bytes, which is gone when the test ends. Where there can be none the test is skipped; in CI that
// is a failure.
func New(tb testing.TB, size int64) string {
	tb.Helper()
	path, direct := filepath.Join(tb.TempDir(), "loop.img"), "--direct-io=on"
	if dir, err := os.MkdirTemp("/dev/shm", "wimcast-test-"); err == nil { // in memory: some disks read holes at 65 MB/s
		tb.Cleanup(func() { os.RemoveAll(dir) })
		path, direct = filepath.Join(dir, "loop.img"), "--direct-io=off"
	}
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		tb.Fatal(err)
	}
	f.Close()
	Need(tb, "losetup", "mount")
	out, err := exec.Command("losetup", "--find", direct, "--show", path).CombinedOutput()
	if err != nil {
		lack(tb, "no loop device can be had: "+strings.TrimSpace(string(out))+"; load the module loop")
	}
	device := strings.TrimSpace(string(out))
	tb.Cleanup(func() {
		if out, err := exec.Command("losetup", "--detach", device).CombinedOutput(); err != nil {
			tb.Errorf("losetup --detach %s: %v\n%s", device, err, out)
		}
	})
	return device
}

// Need skips the test unless it runs as root and has these programs of Debian's util-linux and mount; in CI that is a failure.
func Need(tb testing.TB, programs ...string) {
	tb.Helper()
	if os.Geteuid() != 0 {
		lack(tb, "loop devices and mounts need root; run it as root")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			lack(tb, p+" is missing; apt-get install util-linux mount e2fsprogs")
		}
	}
}

func lack(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("CI") != "" {
		tb.Fatal(what)
	}
	tb.Skip(what)
}

// Run runs a program, which must succeed.
func Run(tb testing.TB, name string, args ...string) {
	tb.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		tb.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}
