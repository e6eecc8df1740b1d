//go:build !windows

package capture

import (
	"io/fs"

	"github.com/wimcast/wimcast/wim"
)

// windowsFacts fills in what Windows tells of every file.
func windowsFacts(*wim.Dentry, fs.FileInfo) {}
