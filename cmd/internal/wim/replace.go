package wim

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/wimcast/wimcast/cmd/internal/ui"
)

// replaceFile writes a file that gets the name target only when it is complete and on disk. What was there stays
// until then, and when write fails.
func replaceFile(target string, write func(f *os.File) error) (err error) {
	if err := checkReplaceable(target); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".part-*")
	if err != nil {
		return fmt.Errorf("create %s: %w", target, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return fmt.Errorf("write %s: %w", target, err)
	}
	if err = f.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", target, err)
	}
	if err = f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", target, err)
	}
	if err = os.Rename(f.Name(), target); err != nil {
		return fmt.Errorf("finish %s: %w", target, err)
	}
	return nil
}

// checkReplaceable refuses a target that no file can take the place of. It tells so before hours of work, not after.
func checkReplaceable(target string) error {
	info, err := os.Stat(target)
	if err == nil && !info.Mode().IsRegular() {
		return withStatus(statusOpen, ui.WithHint(fmt.Errorf("create %s: it is there and is no regular file", target), "name a file"))
	}
	if _, err := os.Stat(filepath.Dir(target)); err != nil {
		return withStatus(statusOpen, fmt.Errorf("create %s: %w", target, err))
	}
	return nil
}
