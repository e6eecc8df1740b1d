package vfs

import "sync"

// Op is a set of kinds of calls.
type Op uint32

// Kinds of calls that a Plan can pick.
const (
	OpOpen   Op = 1 << iota // OpenFile, Lock
	OpRead                  // Read, ReadAt
	OpStat                  // Stat, Lstat, ReadDir, Readlink, Lgetxattr, File.Stat, Seek
	OpWrite                 // Write, WriteAt
	OpSync                  // File.Sync, SyncAll
	OpDir                   // SyncDir
	OpMeta                  // Truncate, Chmod, Chtimes, Lsetxattr
	OpCreate                // OpenFile with O_CREATE, Mkdir, MkdirAll, Link, Symlink
	OpRename                // Rename
	OpRemove                // Remove, RemoveAll

	// OpMutate is every call that changes something or makes it durable: the crash points.
	OpMutate = OpWrite | OpSync | OpDir | OpMeta | OpCreate | OpRename | OpRemove
	// OpAll is every call but Close, which never fails on purpose.
	OpAll = OpMutate | OpOpen | OpRead | OpStat
)

// Plan says which calls fail, and how.
type Plan struct {
	At     int   // the At-th call of the kinds in Ops fails, counted from 1; 0: none
	Ops    Op    // the kinds that count; 0: OpAll
	Err    error // NoSpace, IOError, or ErrCrashed: the call and all later ones of any kind fail
	Short  bool  // a write that fails has written half of its bytes
	Sticky bool  // later calls of the kinds in Ops fail too, until Heal
}

// Faulty is an FS that fails as planned.
type Faulty struct {
	FS
	mu    sync.Mutex
	plan  Plan
	calls int
}

// Fault wraps fsys.
func Fault(fsys FS, plan Plan) *Faulty { return &Faulty{FS: fsys, plan: plan} }

// Calls returns how many calls of the kinds in the plan's Ops there were.
func (f *Faulty) Calls() int { return f.calls }

// Heal ends all faults: calls succeed from now on, unless the plan was a crash.
func (f *Faulty) Heal() {}
