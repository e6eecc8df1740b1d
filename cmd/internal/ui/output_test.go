package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFormatBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB", 5 << 30: "5.0 GiB", 1 << 62: "4096.0 PiB",
	} {
		if got := FormatBytes(n); got != want {
			t.Errorf("FormatBytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestFormatRate(t *testing.T) {
	for rate, want := range map[float64]string{
		0: "0 kbit/s", 1500: "2 kbit/s", 1.25e6: "1.2 Mbit/s", 9.99e6: "10.0 Mbit/s", 10e6: "10 Mbit/s", 472e6: "472 Mbit/s", 1e9: "1.00 Gbit/s", 12.34e9: "12.34 Gbit/s",
	} {
		if got := FormatRate(rate); got != want {
			t.Errorf("FormatRate(%v) = %q, want %q", rate, got, want)
		}
	}
}

func TestGoodputOfNoTimeIsZero(t *testing.T) {
	if got := Goodput(1000, 0); got != 0 {
		t.Errorf("Goodput(1000, 0) = %v", got)
	}
	if got := Goodput(1000, time.Second); got != 8000 {
		t.Errorf("Goodput(1000, 1s) = %v, want 8000", got)
	}
}

func TestEveryCommonCauseHasAHint(t *testing.T) {
	for _, cause := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.EADDRINUSE, syscall.ENOSPC, syscall.EIO, context.Canceled, context.DeadlineExceeded} {
		if HintOf(fmt.Errorf("do something: %w", cause)) == "" {
			t.Errorf("no hint for %v", cause)
		}
	}
	if hint := HintOf(WithHint(fmt.Errorf("open: %w", fs.ErrNotExist), "do %s", "this")); hint != "do this" {
		t.Errorf("an attached hint lost against a common one: %q", hint)
	}
	if hint := HintOf(errors.New("strange")); hint != "" {
		t.Errorf("an unknown error has the hint %q", hint)
	}
	if err := WithHint(nil, "x"); err != nil {
		t.Errorf("WithHint(nil) = %v", err)
	}
}

func TestReportGivesTheExitStatus(t *testing.T) {
	var out bytes.Buffer
	if code := Report(&out, nil); code != ExitOK || out.Len() > 0 {
		t.Errorf("no error: status %d, output %q", code, out.String())
	}
	if code := Report(&out, WithHint(errors.New("bad"), "mend it")); code != ExitFailed || out.String() != "wimcast: bad\nhint: mend it\n" {
		t.Errorf("an error: status %d, output %q", code, out.String())
	}
	if code := Report(&out, fmt.Errorf("more: %w", Usagef("bad"))); code != ExitUsage {
		t.Errorf("a wrong command line: status %d", code)
	}
}

func TestProgressWritesLinesWhereThereIsNoTerminal(t *testing.T) {
	var out bytes.Buffer
	u := &UI{Err: &out}
	p := u.NewProgress()
	bar := p.Track("peer 1", 100)
	bar.Set(10, 100, "fast") // too soon after the start for a line
	bar.last = time.Now().Add(-lineInterval)
	bar.Set(50, 100, "421 Mbit/s")
	bar.Finish(nil)
	bar.Finish(nil)
	bar.Set(100, 100, "late")
	p.Close()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || lines[0] != "peer 1:  50 % 50 B of 100 B 421 Mbit/s" || !strings.HasPrefix(lines[1], "peer 1: done: 100 B in ") {
		t.Errorf("progress wrote %q", lines)
	}
}
