package apply

import (
	"context"
	"errors"
	"io"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// FileOptions are the options of File. The zero value applies with the strictest rules and no xattrs.
type FileOptions struct {
	Rules      wim.Rules
	UnixXattrs bool
	Spool      int64
	Workers    int
	Events     func(Event)
	Progress   func(done, total int64) // stored bytes of the image read so far; nil: not told
}

// File applies one image of a WIM file that is here already, reading each needed byte once and in order. It is the same path that
// a cast feeds, restartable in the same way.
func File(ctx context.Context, r io.ReaderAt, size int64, image int, target vfs.FS, opts FileOptions) (Report, error) {
	return Report{}, errors.ErrUnsupported
}
