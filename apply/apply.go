package apply

import (
	"context"
	"errors"
	"io"

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
	DefaultSpool = 256 << 20 // bytes that may wait, when Config.Spool is 0
	MinSpool     = 4 << 20   // smallest Config.Spool
	MaxChunks    = 1 << 26   // chunks in a Content
)

// Chunk is one chunk of a content, at the place where it stands in the manifest's list.
type Chunk struct {
	Block int    // index of the block: the position in the list at which the chunk first occurs
	Size  uint32 // bytes
}

// Content says how a WIM file is cut into chunks. Chunks follow each other without a gap, from offset 0.
type Content struct {
	ID     chunk.ID // names the bytes: the hash of the signed manifest. A restart must come with the same
	Chunks []Chunk
}

// Config says what to apply where. Target, Image and Content are needed, the rest may be zero.
type Config struct {
	Target     vfs.FS // the directory that becomes the image's root
	Image      int    // 1-based
	Content    Content
	Rules      wim.Rules   // which names are refused; zero: all that some file system takes for something else
	UnixXattrs bool        // keep in xattrs what a POSIX file system has no other place for
	Spool      int64       // bytes that may wait for other blocks; 0: DefaultSpool
	Workers    int         // goroutines that decode and write; 0: one a processor, at most 4
	Events     func(Event) // told of progress, from any goroutine; nil: not told
}

// EventKind is what an Event is about.
type EventKind string

// The events.
const (
	EventResumed EventKind = "resumed" // an unfinished apply goes on; N blocks are held already
	EventFile    EventKind = "file"    // Path is complete, N bytes
	EventSpool   EventKind = "spool"   // the bytes that wait are now N (told at commits)
	EventCommit  EventKind = "commit"  // N blocks became durable
	EventLost    EventKind = "lost"    // something at Path is not kept; told once a kind, N is 0
)

// Event is a typed trace record.
type Event struct {
	Kind EventKind
	Path string
	N    int64
	Text string // for people
}

// Report says what an apply has done. Counts are of the whole image, also when an earlier run did a part of it.
type Report struct {
	Dirs, Files   int
	Links         int   // names beyond the first of a file
	Symlinks      int   //
	Bytes         int64 // contents of all files, hard-linked names counted once
	SpoolPeak     int64 // most bytes that waited at one time, this run
	ResumedBlocks int   // held when this run began
	Lost          Lost  // what the target cannot keep
}

// Lost counts what was not kept, because the target has no place for it or because it was not permitted.
type Lost struct {
	Security     int // security descriptors
	NamedStreams int
	ShortNames   int
	Attributes   int // read-only, hidden, system and the like
	Reparse      int // reparse points that are no symbolic links: left out
	Encrypted    int // files in the raw encrypted form: left out
	Special      int // device nodes, sockets and pipes: left out
	Owners       int // owner, group or mode
	Absolute     int // symbolic links to absolute Windows paths: made, but they may lead nowhere
	Xattrs       int // xattrs that the file system refused
}

// Plan is one apply under way: made from the prologue, fed blocks, committed now and then, finished once.
//
// Put, Urgent and Finish are called from one goroutine; Commit and Backlog may be called from a second one meanwhile. After an error
// that is not ErrSpoolFull the plan only gives that error again: close it, clear its cause, and make a new plan; it goes
// on with what was committed.
type Plan struct{}

// New reads the tree of cfg.Image from prologue, checks all of it, and only then touches the target: it marks the target as
// incomplete and makes the directories; or, where an earlier run was cut short, finds out what is held.
//
// prologue must give the ranges of the header, blob table, XML and metadata; it is not read after New returns.
func New(ctx context.Context, cfg Config, prologue io.ReaderAt) (*Plan, error) {
	return nil, errors.ErrUnsupported
}

// Needs gives the blocks that must still be put, in the order they stand in the file: those that hold a byte of a resource
// that the image needs, less those that an earlier run holds. A block of the prologue may be among them; it is put like any other.
func (p *Plan) Needs() []int { return nil }

// Held gives the blocks that the image needs and an earlier run holds, ascending.
func (p *Plan) Held() []int { return nil }

// Put takes a verified block, whose bytes are the plan's from now on. Blocks come in any order; one that is not needed, or was put
// before, is ignored. It waits while the workers are behind. ErrSpoolFull says that the block was not taken.
func (p *Plan) Put(block int, data []byte) error { return nil }

// Urgent gives the blocks, at most n, without which most of what waits cannot be written, best first.
func (p *Plan) Urgent(n int) []int { return nil }

// Backlog is the number of bytes put and not yet durable.
func (p *Plan) Backlog() int64 { return 0 }

// Commit makes durable what was put before the call, and gives the blocks that became so: written, or in the spool.
func (p *Plan) Commit() (held []int, err error) { return nil, nil }

// Done reports whether every needed block was put, so that Finish may be called.
func (p *Plan) Done() bool { return false }

// Finish commits, makes hard links, symbolic links, xattrs and the directories' times, and takes the mark of incompleteness away.
// It may be called again after ErrIncomplete. The plan is closed when it succeeds.
func (p *Plan) Finish(ctx context.Context) (Report, error) { return Report{}, nil }

// Close stops the workers and leaves the target as it is, marked incomplete. It may be called more than once, and after Finish.
func (p *Plan) Close() error { return nil }
