//go:build linux

package transport

import (
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// withoutIPv6 runs one test of this program again, on a kernel that has no IPv6 for it: as with ipv6.disable=1, sockets of it cannot be had.
func withoutIPv6(t *testing.T, test string) {
	t.Helper()
	const denied = 0x00050000 | uint32(unix.EAFNOSUPPORT) // SECCOMP_RET_ERRNO
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 3, K: unix.SYS_SOCKET},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16}, // its first argument, where bytes of low value come first
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.AF_INET6},
		{Code: unix.BPF_RET | unix.BPF_K, K: denied},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x7fff0000}, // SECCOMP_RET_ALLOW
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	done := make(chan error)
	var out []byte
	go func() {
		runtime.LockOSThread() // never unlocked: the filter is the thread's, and its child's
		err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		if err == nil {
			err = unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0)
		}
		if err == nil {
			cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
			cmd.Env = append(os.Environ(), "WIMCAST_TEST_NO_IPV6=1")
			out, err = cmd.CombinedOutput()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// "Every address" means those that there are.
func TestEveryAddressIsOfIPv4WhereThereIsNoIPv6(t *testing.T) {
	if os.Getenv("WIMCAST_TEST_NO_IPV6") == "" {
		withoutIPv6(t, t.Name())
		return
	}
	if fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0); err == nil {
		unix.Close(fd)
		t.Fatal("there is IPv6 after all")
	}
	e, err := Listen(Config{Key: testKey(1), Listen: netip.AddrPortFrom(netip.IPv6Unspecified(), 0), Accept: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if at := e.Addr(); !at.Addr().Unmap().Is4() || at.Port() == 0 {
		t.Errorf("it listens at %s", at)
	}
	if _, err := (Want{}).Choose(netip.MustParseAddr("239.192.0.1")); err != nil {
		t.Error(err)
	}
}
