//go:build linux

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxOutput is how much of a process's output is kept, in bytes; the rest is dropped from the front.
const maxOutput = 1 << 20

// Process is a program that runs on a host. It is killed when the test ends.
type Process struct {
	host  *Host
	cmd   *exec.Cmd
	start time.Time
	out   tail
	errs  tail
	done  chan struct{}

	// Valid once done is closed.
	Err     error         // as exec.Cmd.Wait returns it
	Elapsed time.Duration // from start to end
	MaxRSS  int64         // the most memory it had at once, bytes
	CPU     time.Duration // user and system time
}

// Start runs a program on the host, in the folder dir ("" for the test's own).
func (h *Host) Start(dir string, argv ...string) *Process {
	h.lab.t.Helper()
	p := &Process{host: h, cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errs
	p.start = time.Now()
	if err := h.Do(p.cmd.Start); err != nil {
		h.lab.t.Fatalf("lab: start %s on %s: %v", strings.Join(argv, " "), h.ns, err)
	}
	go p.wait()
	h.lab.t.Cleanup(func() {
		p.Kill()
		if h.lab.t.Failed() {
			h.lab.t.Logf("%s on %s (%v), standard error:\n%s", strings.Join(argv, " "), h.ns, p.Err, p.errs.String())
		}
	})
	return p
}

func (p *Process) wait() {
	p.Err = p.cmd.Wait()
	p.Elapsed = time.Since(p.start)
	if usage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.MaxRSS = usage.Maxrss << 10
		p.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	close(p.done)
}

// Stdout returns what the process has written to its standard output.
func (p *Process) Stdout() string { return p.out.String() }

// Stderr returns what the process has written to its standard error.
func (p *Process) Stderr() string { return p.errs.String() }

// LastLine returns the last line of standard output.
func (p *Process) LastLine() string {
	lines := strings.Split(strings.TrimSpace(p.Stdout()), "\n")
	return lines[len(lines)-1]
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the end of the process; after limit it is an error, which holds the end of its standard error.
func (p *Process) Wait(limit time.Duration) error {
	select {
	case <-p.done:
	case <-time.After(limit):
		return fmt.Errorf("%s: not done after %v: %s", filepath.Base(p.cmd.Path), limit, last(p.Stderr(), 600))
	}
	if p.Err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(p.cmd.Path), strings.Join(p.cmd.Args[1:], " "), p.Err, last(p.Stderr(), 600))
	}
	return nil
}

// Signal sends a signal. A process that has ended already is fine.
func (p *Process) Signal(sig os.Signal) {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.host.lab.t.Errorf("lab: signal %s: %v", p.cmd.Path, err)
	}
}

// Kill ends the process at once, as kill -9 does, and waits until it is gone.
func (p *Process) Kill() {
	p.Signal(os.Kill)
	<-p.done
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(b)
	if over := t.buf.Len() - maxOutput; over > 0 {
		t.buf.Next(over)
	}
	return len(b), nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

func last(s string, n int) string { return strings.TrimSpace(s[max(0, len(s)-n):]) }

// Until waits until ok says yes, asking every few milliseconds, and fails the test after limit.
func (l *Lab) Until(what string, limit time.Duration, ok func() bool) {
	l.t.Helper()
	end := time.NewTimer(limit)
	defer end.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !ok() {
		select {
		case <-again.C:
		case <-end.C:
			l.t.Fatalf("lab: %s: not within %v", what, limit)
		}
	}
}
