package wim

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/internal/oserr"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

// Exit statuses of wimlib-imagex: most are numbers of its library's errors. Scripts tell causes apart by them. README has a table.
const (
	statusBadChunk    = 15  // pieces of a size that the compression does not have
	statusBadType     = 16  // an unknown compression
	statusNoImage     = 18  // no such image
	statusNameTaken   = 11  // an image has that name
	statusOptions     = 24  // options that do not go together
	statusNotRegular  = 42  // what goes to standard output is no regular file
	statusVolume      = 46  // a file stands where a directory, or a volume, is wanted
	statusOpen        = 47  // a file cannot be opened
	statusNoPath      = 49  // no such path in the image
	statusStat        = 63  // a source is not there
	statusUnsupported = 68  // not done here
	statusBadConfig   = 14  // a capture configuration is not understood
	statusNoConfig    = 83  // a capture configuration cannot be read
	statusOther       = 255 // a wrong command line, and all that has no number of its own
)

// causes says what `wimcast wim` exits with for which error. The first that fits counts.
var causes = []struct {
	is     error
	status int
}{
	{wim.ErrEncrypted, 74},
	{wim.ErrSolidSplit, statusUnsupported},
	{vfs.ErrLocked, 1},
	{edit.ErrNameTaken, statusNameTaken},
	{edit.ErrOptions, statusOptions},
	{edit.ErrReadOnly, 71},
	{edit.ErrIsDir, 32},
	{edit.ErrNotDir, 40},
	{edit.ErrNotEmpty, 41},
	{edit.ErrInside, 41},
	{wim.ErrMissing, 55},
	{wim.ErrHash, 28},
	{wim.ErrChanged, 88},
	{wim.ErrUnsupported, statusUnsupported},
	{wim.ErrCorrupt, 21},
}

// faults says the same of what is wrong with a WIM file.
var faults = map[wim.FaultKind]int{
	wim.FaultNotWIM: 43, wim.FaultEnd: 65, wim.FaultHeader: 17, wim.FaultVersion: 67, wim.FaultCompression: statusBadType,
	wim.FaultPieceSize: statusBadChunk, wim.FaultPart: 25, wim.FaultImages: 10, wim.FaultIntegrity: 13, wim.FaultIntegrityTable: 19,
	wim.FaultXML: 73, wim.FaultSet: 62, wim.FaultNoTrees: 36, wim.FaultData: 2,
}

// operations says the same of what the system refused.
var operations = map[string]int{
	"open": statusOpen, "stat": statusStat, "lstat": statusStat, "read": 50, "write": 72, "mkdir": 37, "rename": 52, "link": 35, "symlink": 35,
	"readlink": 51, "readdirent": 48, "fdopendir": 48, "sync": 72, "truncate": 72, "seek": 50, "chmod": 59, "chown": 59, "chtimes": 61,
}

// statusError is an error that says with what status the process is to end.
type statusError struct {
	err    error
	status int
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// withStatus gives err the status with which the process is to end, where its cause does not say so; nil stays nil.
func withStatus(status int, err error) error {
	if err == nil {
		return nil
	}
	return &statusError{err, status}
}

// Status is the exit status for what a verb of `wimcast wim` has come to: that of wimlib-imagex. ok is false where the command line
// names no verb of it.
func Status(root *cli.Command, args []string, err error) (status int, ok bool) {
	if len(args) < 3 || args[1] != "wim" || root.Command("wim").Command(args[2]) == nil {
		return 0, false
	}
	return statusOf(err), true
}

func statusOf(err error) int {
	var own *statusError
	var fault *wim.Fault
	var none *wim.NoImageError
	switch {
	case err == nil:
		return ui.ExitOK
	case errors.As(err, &own):
		return own.status
	case ui.IsUsage(err):
		return statusOther
	case errors.As(err, &none):
		return statusNoImage
	case errors.As(err, &fault):
		return faults[fault.Kind]
	}
	for _, c := range causes {
		if errors.Is(err, c.is) {
			return c.status
		}
	}
	return systemStatus(err)
}

// systemStatus is statusOf for what an image's tree or the system refused.
func systemStatus(err error) int {
	var inImage *edit.PathError
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		if status, ok := operations[path.Op]; ok {
			return status
		}
	case errors.As(err, &inImage) && errors.Is(err, fs.ErrNotExist):
		return statusNoPath
	case errors.As(err, &inImage) && errors.Is(err, fs.ErrExist):
		return 23
	case oserr.Is(err, oserr.NotDir):
		return 40
	case errors.Is(err, syscall.EISDIR):
		return 32
	}
	return statusOther
}
