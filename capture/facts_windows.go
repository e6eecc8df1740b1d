package capture

import (
	"io/fs"
	"syscall"

	"github.com/wimcast/wimcast/wim"
)

// Attributes that a file on Windows has and an image keeps: read-only, hidden, system, archive, temporary, sparse, compressed, offline, not indexed,
// pinned and unpinned. Those of encryption are not among them: contents are read as the user sees them.
const keptOnWindows = 0x1 | 0x2 | 0x4 | 0x20 | 0x100 | wim.AttrSparse | 0x800 | 0x1000 | 0x2000 | 0x80000 | 0x100000

// windowsFacts fills in what Windows tells of every file: attributes and times.
func windowsFacts(d *wim.Dentry, info fs.FileInfo) {
	w, ok := info.Sys().(*syscall.Win32FileAttributeData)
	if !ok {
		return
	}
	if kept := w.FileAttributes & keptOnWindows; kept != 0 {
		d.Attributes = d.Attributes&^wim.AttrNormal | kept
	}
	for _, t := range []struct {
		to   *wim.Filetime
		from syscall.Filetime
	}{{&d.Created, w.CreationTime}, {&d.Accessed, w.LastAccessTime}, {&d.Modified, w.LastWriteTime}} {
		*t.to = wim.Filetime(uint64(t.from.HighDateTime)<<32 | uint64(t.from.LowDateTime))
	}
}
