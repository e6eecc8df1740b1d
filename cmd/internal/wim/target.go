package wim

import (
	"fmt"
	"os"

	"github.com/wimcast/wimcast/cmd/internal/ui"
)

// makeTarget makes the directory that an image is applied to where it is missing.
func makeTarget(path string) error {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		return withStatus(statusVolume, ui.WithHint(fmt.Errorf("make target: mkdir %s: it is a file", path), "name a directory, or one that is to be made"))
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return ui.WithHint(fmt.Errorf("make target: %w", err), "name a target below a directory that you may write to")
	}
	return nil
}
