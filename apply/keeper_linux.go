package apply

import (
	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/internal/vfs"
)

// keeperOf returns what the target keeps beyond POSIX, nil if it keeps nothing.
func keeperOf(fsys vfs.FS) (keeper, error) {
	v, err := ntfs3g.Detect(fsys)
	if v == nil || err != nil {
		return nil, err
	}
	return mounted{v}, nil
}
