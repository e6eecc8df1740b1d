package wim

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/cmd/internal/ui"
)

// makeTarget makes the directory that an image is applied to where it is missing.
func makeTarget(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return ui.WithHint(fmt.Errorf("make target: %w", err), "name a target below a directory that you may write to")
	}
	return nil
}

// shortNames names those that were not kept. Windows formats volumes such that they take none.
func shortNames() string {
	if runtime.GOOS == "windows" {
		return "short names (a volume takes them after 'fsutil 8dot3name set D: 0')"
	}
	return "short names"
}

// LostWords says what an apply could not keep, or "".
func LostWords(l apply.Lost) string {
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
