package apply

import (
	"context"
	"errors"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// Errors that callers branch on.
var (
	// ErrSpoolFull says that a block was not taken because nothing more can wait. Put the blocks of Urgent first, then it again.
	ErrSpoolFull = errors.New("spool full")
	// ErrNotEmpty says that the target has files that no apply of ours left there.
	ErrNotEmpty = errors.New("target is not empty")
	// ErrOther says that the target holds the unfinished apply of another content or image.
	ErrOther = errors.New("target holds another unfinished apply")
	// ErrIncomplete says that Finish was called before every needed block was put.
	ErrIncomplete = errors.New("blocks are missing")
	// ErrHostile says that the image was refused because it could write outside the target or clobber itself.
	ErrHostile = errors.New("image refused")
)

// Limits.
const (
	defaultSpool = 256 << 20 // bytes that may wait, when Config.Spool is 0
	minSpool     = 4 << 20   // smallest Config.Spool
)

// Chunk is one chunk of a content, at the place where it stands in the manifest's list.
type Chunk struct {
	Block chunk.Block
	Size  uint32 // bytes
}

// Content says how a WIM file is cut into chunks. Chunks follow each other without a gap, from offset 0.
type Content struct {
	ID     [32]byte // names the bytes: a hash of the manifest, or of the prologue. A restart must come with the same
	Chunks []Chunk
}

// Config says what to apply where. Target, Image and Content are needed, the rest may be zero.
type Config struct {
	Target     vfs.FS // the directory that becomes the image's root
	Image      int    // 1-based
	Content    Content
	Rules      wim.Rules // which names are refused; zero: all that some file system takes for something else
	UnixXattrs bool      // keep in xattrs what a POSIX file system has no other place for

	// NoUnix leaves out owner, group and mode, also where the image has them.
	NoUnix bool
	// LinkRoot is the absolute path of the target, which absolute links are made to lead into: those that the image tells to have been cut
	// to its root when it was captured. Empty: links lead where they say. NTFS volumes keep links as they are.
	LinkRoot string

	// Recover has contents written that fail their check: pieces that cannot be decoded as zeros. Damage elsewhere is an error all the same.
	Recover bool

	// Of a target that keeps what NTFS does:
	NoACLs       bool // leave security descriptors as the target makes them
	StrictACLs   bool // fail where a security descriptor cannot be set, in place of counting it
	NoAttributes bool // leave attributes as the target makes them

	Spool   int64       // bytes that may wait for other blocks; 0: 256 MiB, at least 4 MiB
	Workers int         // goroutines that decode and write; 0: one per processor, at most 4
	Events  func(Event) // called with progress, from any goroutine; may be nil

	// Fits is asked before the target is touched whether so many bytes of contents may be written; nil: not asked. Sparse files do not count,
	// nor what goes into a compressed folder.
	Fits func(bytes int64) error

	part  *wim.Image                        // in place of the whole image
	place func(context.Context, *Job) error // what Finish does at the end in place of taking its marks away
}

// Event is something that happens while an apply is under way, one type each.
type Event interface{ event() }

// The events.
type (
	Resumed   struct{ Blocks int }  // an unfinished apply goes on; so many blocks are held already
	Completed struct{ Path string } // a file is complete
	Committed struct{ Blocks int }  // so many blocks became durable
	Spooled   struct{ Bytes int64 } // so many bytes wait now; reported after each Committed
	Damaged   struct{ Path string } // the contents of a file, and of others that share them, are written although they fail their check
	NotKept   struct{ Text string } // something is not kept, for people; reported at the end, once per kind
)

func (Resumed) event()   {}
func (Completed) event() {}
func (Committed) event() {}
func (Spooled) event()   {}
func (Damaged) event()   {}
func (NotKept) event()   {}

// Report says what an apply has done. Counts are of the whole image, also when an earlier run did a part of it.
type Report struct {
	Dirs, Files   int
	Links         int   // names beyond the first of a file
	Symlinks      int   //
	Bytes         int64 // contents of all files, hard-linked names counted once
	SpoolPeak     int64 // most bytes that waited at one time, this run
	ResumedBlocks int   // held when this run began
	Lost          Lost  // what is not as in the image
}
