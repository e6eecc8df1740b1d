//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// innerArg marks the copy of a test binary that runs inside the namespaces: the last argument is this and the path of the
// program under test.
const innerArg = "lab-inner="

// errNoLab is nil inside the lab's namespaces, else why there are none.
var errNoLab = errors.New("the network lab was not started: call lab.Main from TestMain")

// Binary is the path of the program that Main built.
var Binary string

// Main builds the program at the import path pkg, runs m's tests in namespaces of their own, and ends the process. Where
// namespaces cannot be made, m runs without, and New skips. To be called first thing in TestMain.
func Main(m *testing.M, pkg string) {
	if last := len(os.Args) - 1; strings.HasPrefix(os.Args[last], innerArg) {
		Binary = strings.TrimPrefix(os.Args[last], innerArg)
		os.Args = os.Args[:last]
		errNoLab = enter()
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "wimcast-lab-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
	code := outer(m, dir, pkg)
	os.RemoveAll(dir)
	os.Exit(code)
}

// outer builds the program into dir, here where there is a network to get modules from, and runs the rest inside.
func outer(m *testing.M, dir, pkg string) int {
	bin := filepath.Join(dir, filepath.Base(pkg))
	build := exec.Command("go", "build", "-buildvcs=false", "-o", bin, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "lab: build %s: %v\n%s", pkg, err, out)
		return 1
	}
	code, err := reexec(bin)
	if err != nil {
		errNoLab = fmt.Errorf("the network lab needs root or user namespaces: %w", err)
		return m.Run()
	}
	return code
}

// reexec runs this binary again, as the first process of new namespaces: when it ends, the kernel ends all below it.
func reexec(bin string) (int, error) {
	runtime.LockOSThread() // Pdeathsig is about this thread
	cmd := exec.Command("/proc/self/exe", append(os.Args[1:len(os.Args):len(os.Args)], innerArg+bin)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	if uid := os.Geteuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// enter makes /run this process's own, so that the named namespaces in it are nobody else's.
func enter() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("lab", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount a folder for network namespaces: %w", err)
	}
	if real, err := filepath.EvalSymlinks("/var/run"); err != nil || real != "/run" {
		return errors.New("/var/run is not /run")
	}
	return os.MkdirAll("/run/netns", 0o755)
}

// Do runs fn in the host's network: sockets it opens, and processes it starts, belong there.
func (h *Host) Do(fn func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	there, err := os.Open("/run/netns/" + h.ns)
	if err != nil {
		return err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network of %s: %w", h.ns, err)
	}
	fnErr := fn()
	if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
		panic(fmt.Sprintf("lab: leave network of %s: %v", h.ns, err)) // this thread must not be used again
	}
	return fnErr
}

// skip skips t and says why; in CI, where everything must be there, it fails.
func skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s (in CI a skipped test is a failure)", why)
	}
	t.Skip(why)
}
