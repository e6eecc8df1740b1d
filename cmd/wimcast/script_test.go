package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"wimcast": main}) }

// TestScripts runs the real program as testdata/script says, each script in a folder of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			return nil
		},
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"truncate": cmdTruncate,
			"flip":     cmdFlip,
			"tree":     cmdTree,
			"exits":    cmdExits,
			"freeport": cmdFreePort,
			"await":    cmdAwait,
			"both":     cmdBoth,
			"samewim":  cmdSameWIM,
			"locked":   cmdLocked,
		},
	})
}

// condition adds [root].
func condition(name string) (bool, error) {
	if name == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// exits CODE PROGRAM ARGS...: runs a program whose exit status must be CODE.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("run %s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// freeport VAR: sets VAR to a UDP port of the loopback interface that nothing uses at the moment.
func cmdFreePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport VAR")
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	ts.Check(err)
	defer conn.Close()
	ts.Setenv(args[0], strconv.Itoa(conn.LocalAddr().(*net.UDPAddr).Port))
}

// await PROGRAM ARGS...: runs a program again and again until it succeeds, for half a minute at most.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: await PROGRAM ARGS...")
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-again.C {
		if err = ts.Exec(args[0], args[1:]...); err == nil {
			return
		}
	}
	ts.Fatalf("await %v: %v", args, err)
}

// truncate FILE SIZE: cuts a file short; a negative size is counted from its end.
func cmdTruncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE SIZE")
	}
	file := ts.MkAbs(args[0])
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	if n < 0 {
		info, err := os.Stat(file)
		ts.Check(err)
		n += info.Size()
	}
	ts.Check(os.Truncate(file, n))
}

// flip FILE OFFSET: inverts one byte.
func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET")
	}
	file := ts.MkAbs(args[0])
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	b, err := os.ReadFile(file)
	ts.Check(err)
	if at < 0 || at >= len(b) {
		ts.Fatalf("flip %s: no byte %d in %d", args[0], at, len(b))
	}
	b[at] ^= 0xff
	ts.Check(os.WriteFile(file, b, 0o644))
}

// tree DIR: makes a small tree with everything a POSIX system has that an image keeps.
func cmdTree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tree DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
	ts.Check(os.MkdirAll(filepath.Join(dir, "empty"), 0o755))
	for name, content := range map[string][]byte{
		"hello.txt":      []byte("hello\n"),
		"nothing":        nil,
		"a/text.txt":     bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog\n"), 5000),
		"a/b/noise.bin":  noise(300_000),
		"a/b/same.txt":   []byte("hello\n"),
		"a/b/größe 1.md": []byte("umlaut\n"),
	} {
		ts.Check(os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), content, 0o644))
	}
	ts.Check(os.Link(filepath.Join(dir, "hello.txt"), filepath.Join(dir, "a", "link.txt")))
	ts.Check(os.Symlink("../hello.txt", filepath.Join(dir, "a", "symlink")))
}

// noise returns n bytes that do not compress and are always the same.
func noise(n int) []byte {
	b, x := make([]byte, n), uint64(0x9e3779b97f4a7c15)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x >> 32)
	}
	return b
}
