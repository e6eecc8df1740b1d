//go:build !linux && !windows

package apply

import "github.com/wimcast/wimcast/internal/vfs"

// keeperOf returns what the target keeps beyond POSIX, nil if it keeps nothing.
func keeperOf(vfs.FS) (keeper, error) { return nil, nil }
