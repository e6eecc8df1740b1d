package wim

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/wimcast/wimcast/cmd/internal/ui"
)

// makeTarget makes the directory that an image is applied to where it is missing.
func makeTarget(path string) error {
	if err := os.MkdirAll(path, 0o777); err != nil {
		return ui.WithHint(fmt.Errorf("make target: %w", err), "name a target below a directory that you may write to")
	}
	return nil
}

// checkReplaceable refuses a target that no file can take the place of. It tells so before hours of work, not after.
func checkReplaceable(target string) error {
	info, err := os.Stat(target)
	if err == nil && !info.Mode().IsRegular() {
		return ui.WithHint(fmt.Errorf("create %s: it is there and is no regular file", target), "name a file")
	}
	if _, err := os.Stat(filepath.Dir(target)); err != nil {
		return fmt.Errorf("create %s: %w", target, err)
	}
	return nil
}
