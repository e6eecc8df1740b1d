package ui

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/wimcast/wimcast/internal/oserr"
	"github.com/wimcast/wimcast/internal/vfs"
)

// InterruptedHint is for who stopped a verb.
const InterruptedHint = "interrupted: run the same command again; get, deploy and apply go on where they stopped, other files are as they were"

// usageError is a wrong command line: exit status 2.
type usageError struct {
	cmd string // the command as typed, "wimcast site init"; set when the error leaves its verb
	err error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// Usagef makes an error for a wrong command line. Which command's it is need not be said: it is the one that returns
// the error.
func Usagef(format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...)}
}

// UsageIn says of an error for a wrong command line, unless that is known, that it is of cmd, the command as typed;
// and returns the error.
func UsageIn(cmd string, err error) error {
	var usage *usageError
	if errors.As(err, &usage) && usage.cmd == "" {
		usage.cmd = cmd
	}
	return err
}

// IsUsage says whether err is about a wrong command line.
func IsUsage(err error) bool {
	var usage *usageError
	return errors.As(err, &usage)
}

// hinted is an error that says what the user can do about it.
type hinted struct {
	err  error
	hint string
}

func (e hinted) Error() string { return e.err.Error() }
func (e hinted) Unwrap() error { return e.err }

// WithHint attaches what the user can do about err; nil stays nil.
func WithHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return hinted{err: err, hint: fmt.Sprintf(format, args...)}
}

// HintOf returns what the user can do about err: what was attached with WithHint, or what its cause suggests, or "".
func HintOf(err error) string {
	var h hinted
	if errors.As(err, &h) {
		return h.hint
	}
	var usage *usageError
	if errors.As(err, &usage) {
		return fmt.Sprintf("run '%s --help' for its arguments and options", usage.cmd)
	}
	for _, known := range knownCauses {
		if oserr.Is(err, known.cause) {
			return known.hint
		}
	}
	if strings.Contains(err.Error(), "multicast") && strings.Contains(err.Error(), "interface") {
		return "name a usable interface with --interface"
	}
	return ""
}

// knownCauses are causes met in every verb, and what to do about each.
var knownCauses = []struct {
	cause error
	hint  string
}{
	{fs.ErrNotExist, "check the path: nothing is there"},
	{fs.ErrPermission, "run it as a user that may do this, or name a file or folder of your own"},
	{vfs.ErrNoRoom, "nothing was written: free some space, or name a place with more"},
	{vfs.ErrLocked, "another wimcast is writing there: wait until it has finished, or stop it"},
	{oserr.NotDir, "a part of this path is a file: name a folder"},
	{oserr.ReadOnly, "this file system is mounted read-only: choose another place, or mount it writable"},
	{oserr.AddrInUse, "another program, perhaps another wimcast, uses this port: stop it, or choose another port: --listen, or listen, group_port and mesh_port in the distribution point's wimcast.toml"},
	{oserr.NoAddr, "this machine has no such address: 'ip address' lists those it has"},
	{oserr.NoSpace, "the disk is full: free some space and run the same command again: what get, deploy and apply had done is kept, other files are as they were"},
	{oserr.IO, "the disk reported an error: look at the system log, then run the same command again"},
	{context.DeadlineExceeded, "nobody answered in time: check that the distribution point runs and is reachable ('wimcast status' there)"},
	{context.Canceled, InterruptedHint},
}
