package oserr

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestIs(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "f", Err: syscall.ENOSPC}
	for _, c := range []struct {
		err, target error
		want        bool
	}{
		{full, NoSpace, true},
		{fmt.Errorf("in a cast: %w", full), NoSpace, true},
		{fmt.Errorf("told by another: %w", NoSpace), NoSpace, true},
		{full, IO, false},
		{errors.New("no space left on device"), NoSpace, false},
		{fs.ErrNotExist, fs.ErrNotExist, true},
		{nil, NoSpace, false},
	} {
		if got := Is(c.err, c.target); got != c.want {
			t.Errorf("Is(%v, %v) is %v", c.err, c.target, got)
		}
	}
}

// TestTheSystemsOwn provokes what can be without harm.
func TestTheSystemsOwn(t *testing.T) {
	at := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	c, err := net.ListenUDP("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if other, err := net.ListenUDP("udp", c.LocalAddr().(*net.UDPAddr)); err == nil || !Is(err, AddrInUse) {
		t.Errorf("a second socket at %v: %v, %v", c.LocalAddr(), other, err)
	}
	if other, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(198, 18, 255, 254)}); err == nil || !Is(err, NoAddr) {
		t.Errorf("a socket at another machine's address: %v, %v", other, err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadDir(file); err == nil || !Is(err, NotDir) && !errors.Is(err, fs.ErrNotExist) { // Windows may say that nothing is there
		t.Errorf("a file read as a directory: %v", err)
	}
}
