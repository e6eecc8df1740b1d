// Package edit changes WIM files: it copies images between files, deletes, optimises, splits and
// joins, changes the tree of an image and what the XML says of it. Its verbs do what those of
// wimlib-imagex with the same names do.
//
// Start with [Export] to put images into another file, and with [Update] to change the files in
// one:
//
//	cmds, err := edit.ParseCommands("add drivers /drivers\ndelete --recursive /temp")
//	_, err = edit.Update(ctx, "boot.wim", 1, cmds, edit.UpdateOptions{Scan: scan})
//
// # What is in the file while it changes
//
// A file is rebuilt into a temporary one beside it, which takes its name when it is complete and
// on disk. Where a change is appended instead (export into a file that exists, update, and info),
// the file stays what it was until its header is overwritten, the last thing that is written:
//
//	+-------------+-----------------------------+-------------------------------+
//	| header, old | what was there, all of it   |                               | valid: the old file
//	+-------------+-----------------------------+-------------------------------+
//	| header, old | what was there, all of it   | resources | metadata | tables | valid: the old file
//	+-------------+-----------------------------+-------------------------------+ (and more behind)
//	| header, new | some of it needed by nobody | resources | metadata | tables | valid: the new file
//	+-------------+-----------------------------+-------------------------------+
//
// A verb that fails in the middle gives the file its old length again. A file that is being
// changed is locked (flock, or LockFileEx), as wimlib does too: a second change is refused with an
// error that is [vfs.ErrLocked].
//
// # Paths in an image
//
// A path starts at the root of the image, with or without a slash or backslash; either separates
// names. Names are compared as they are, or without regard to case if asked to: then a name that
// is equal comes before one that only differs in case. "." and ".." are not special, and so name
// nothing, as no image has them.
package edit
