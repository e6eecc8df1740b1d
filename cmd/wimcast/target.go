package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/wim"
)

// makeTarget makes the directory that an image is applied to where it is missing.
func makeTarget(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return withHint(fmt.Errorf("make target: %w", err), "name a target below a directory that you may write to")
	}
	return nil
}

// applyHint attaches what can be done about an error of package apply.
func applyHint(err error) error {
	switch {
	case errors.Is(err, apply.ErrNotEmpty):
		return withHint(err, "choose an empty directory, or empty this one")
	case errors.Is(err, apply.ErrInTheWay):
		return withHint(err, "move it away, or name another directory")
	case errors.Is(err, apply.ErrOther):
		return withHint(err, "finish that image first, or empty the directory to give it up")
	case errors.Is(err, wim.ErrName):
		return withHint(err, "Windows takes it for something else; this system may hold it: say --include-invalid-names. Nothing was written")
	case errors.Is(err, apply.ErrHostile):
		return withHint(err, "do not use this image: it was not made by an ordinary capture; nothing was written")
	}
	return wimHint(err)
}

// shortNames names those that were not kept. Windows formats volumes such that they take none.
func shortNames() string {
	if runtime.GOOS == "windows" {
		return "short names (a volume takes them after 'fsutil 8dot3name set D: 0')"
	}
	return "short names"
}

// lostWords says what an apply could not keep, or "".
func lostWords(l apply.Lost) string {
	var parts []string
	for _, kind := range []struct {
		n    int
		what string
	}{
		{l.Security, "security descriptors"},
		{l.NamedStreams, "named streams"},
		{l.ShortNames, shortNames()},
		{l.Attributes, "attributes"},
		{l.Reparse, "reparse points"},
		{l.ObjectIDs, "object IDs"},
		{l.Encrypted, "encrypted files (an NTFS volume mounted with -o efs_raw keeps them)"},
		{l.Special, "devices, sockets and pipes"},
		{l.Owners, "owners or modes"},
		{l.Xattrs, "extended attributes"},
	} {
		if kind.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", kind.n, kind.what))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ")
}

// garbage is how much garbage may gather while work is done on a WIM file, in percent of what is in use. Nearly all of that is tables without
// pointers, which the collector need not look through: with a million files a capture takes a third less than with Go's 100, in the same time.
const garbage = 10

// collectOften is called before a WIM file is opened: one of millions of files takes most of what there is.
func collectOften() { debug.SetGCPercent(garbage) }
