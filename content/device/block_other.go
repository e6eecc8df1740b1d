//go:build !linux

package device

import (
	"fmt"
	"io/fs"
	"os"
)

func openBlock(string, fs.FileInfo) (*Target, error) {
	return nil, fmt.Errorf("%w: devices are written on Linux only; name a file", ErrNoDevice)
}

func backs(string) error                   { return nil }
func zeroOut(*os.File, int64, int64) error { return fs.ErrInvalid }
func drop(*os.File, bool) error            { return nil }

func reread(string) {}

// Forget does nothing here: what was read stays in memory.
func Forget(*os.File, int64, int64) error { return nil }
