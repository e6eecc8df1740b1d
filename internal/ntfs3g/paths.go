package ntfs3g

import (
	"io/fs"
	"os"

	"github.com/wimcast/wimcast/internal/vfs"
)

// Paths is an FS whose names are paths of the system.
type Paths struct{}

// DetectPath returns the volume that a file lies on if ntfs-3g has mounted it, and nil if not. The volume's names are paths of the system.
func DetectPath(path string) (*Volume, error) {
	x, ok := any(Paths{}).(FS)
	if !ok {
		return nil, nil
	}
	return detect(x, path)
}

// OpenFile is os.OpenFile.
func (Paths) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Lstat is os.Lstat.
func (Paths) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }

// Remove is os.Remove.
func (Paths) Remove(name string) error { return os.Remove(name) }
