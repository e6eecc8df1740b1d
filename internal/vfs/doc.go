// Package vfs is the seam between wimcast and the file system.
//
// Every path is relative to one root, uses forward slashes, and cannot leave the root: not by
// "..", not by being absolute, not through a symlink. "." is the root itself. There are three
// implementations:
//
//	OS(dir)          the real file system below dir
//	NewMem()         in memory; CrashClone returns what may be left of it after a power cut
//	Fault(fs, plan)  wraps another one, counts its calls and fails some of them
//
// # What is durable
//
// Data written to a File is durable once File.Sync returned nil. A name that was created, removed
// or renamed is durable once SyncDir of its directory returned nil. SyncAll does both for a list
// of names with as few waits as the system allows. Nothing else is durable, and nothing is
// ordered: Mem takes every liberty that leaves. A rename is atomic: it has happened in both
// directories or in neither.
//
// Errors are *fs.PathError or *os.LinkError and name the action and the path.
package vfs
