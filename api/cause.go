package api

import (
	"io/fs"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/content"
	"github.com/wimcast/wimcast/internal/oserr"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// causes are the causes that survive the way through the control socket, so that the caller can tell its user what to do: each
// with its name there. The first that fits is sent.
var causes = []struct {
	name string
	err  error
}{
	{"changed", content.ErrChanged},
	{"exists", catalog.ErrExists},
	{"unknown", catalog.ErrUnknown},
	{"unsupported", wim.ErrUnsupported},
	{"corrupt", wim.ErrCorrupt},
	{"no-file", fs.ErrNotExist},
	{"permission", fs.ErrPermission},
	{"no-room", vfs.ErrNoRoom},
	{"too-long", content.ErrTooLong},
	{"no-space", oserr.NoSpace},
	{"io", oserr.IO},
}

// remoteError is an error of the node: its text, and its cause if that is one of causes.
type remoteError struct {
	text  string
	cause error
}

func (e remoteError) Error() string { return e.text }
func (e remoteError) Unwrap() error { return e.cause }

// causeName is the name of err's cause, or "".
func causeName(err error) string {
	for _, c := range causes {
		if oserr.Is(err, c.err) {
			return c.name
		}
	}
	return ""
}

// remote makes an error of what a node sent. A name that is not known here, of a newer node, is no cause.
func remote(text, cause string) error {
	e := remoteError{text: text}
	for _, c := range causes {
		if c.name == cause {
			e.cause = c.err
		}
	}
	return e
}
