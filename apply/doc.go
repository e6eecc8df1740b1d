// Package apply writes an image to a directory from verified chunks that come in any order.
//
// [New] checks the whole tree of an image and prepares the target; [Job.Put] takes blocks,
// [Job.Commit] makes them durable in groups, [Job.Finish] does what must come last. [File] drives
// such a job from a WIM file that is here, and [Extract] takes a part of an image that [Select]
// gives into a directory that holds other things, [Over] all of one.
//
// Inside, a plan says what an image makes of a target and which blocks that takes: it follows from
// the prologue and from what the target can keep, and touches nothing. A [Job] carries it out.
//
// # How bytes reach the target
//
// Bytes come in by runs (wim.Run): pieces of a run wait until they are complete and are decoded,
// and behind the decoder the content is cut into the resources that the image needs.
//
//	run:        | table | piece 0 | piece 1 | piece 2 | ...     stored: what blocks hold, what waits
//	content:            |    piece 0   |   piece 1    | ...     decoded
//	resources:          | A | B |    C    |     D         |    A, B: at once; C, D: by part files
//
// Ordinarily a run holds one resource, a solid one many. Of a run whose piece table is known
// beforehand, as that of a solid one is, only pieces with a byte of a needed resource are asked
// for. A run of at most 256 KiB stored and 2 MiB decoded is decoded at once. A resource of which
// one piece has all is checked by its SHA-1 in memory and then created under its final names,
// exclusively, and written with one call. Another one is written piece by piece, at its offsets,
// to a part file in the work folder; its SHA-1 is computed from memory as far as pieces come in
// order and read back where they did not; then it is renamed. So nothing stands under a final name
// that was not checked. A resource that several files share is decoded once; a small one is
// written to all of them from memory, a large one copied when it is complete.
//
// What cannot be decoded yet waits: a piece (or a small run) whose other bytes are in another
// block, and blocks of a run whose piece table has not come. It waits in memory until the next
// commit or until 8 MiB wait, then in the spool file. At most Config.Spool bytes wait, each piece
// counted whole as soon as one byte of it is there; beyond that [Job.Put] takes only blocks that
// something waits for ([Job.Urgent] names them), so that the sum can pass the limit only by what
// those open at their edges. A piece that is larger than the spool waits alone.
//
// Pieces that decode to more than 2 MiB are decoded one at a time, in buffers that are kept: those
// of solid runs have 64 MiB, decoded from some 20. Everything else takes memory with the number of
// files (about 70 bytes each, with the open WIM file), not with their size: a plan holds numbers,
// and reads a dentry again from the image's metadata, of which up to 16 MiB are kept decoded, when
// its file is made.
//
// [File] leaves stored bytes where they are until a worker reads them, in blocks that it cuts so
// that nothing waits. It commits every GiB, and else syncs once at the end, before the mark of
// incompleteness goes.
//
// Special files, hard links, symbolic links and directories' times come last. While anything is
// written there is no symbolic link in the target, and a tree with children below a reparse point
// is refused, so no write can go through one.
//
// # What an NTFS target keeps
//
// A target on a volume that ntfs-3g has mounted is found out to be one, and keeps everything:
// security descriptors, attributes, short names, the three times, reparse data of any kind, object
// IDs, extended attributes and named streams, of any size where the mount has
// streams_interface=windows. Owner and mode of a POSIX capture have no place there. Files that are
// to be compressed are created in a compressed folder below the work folder, because compression
// is inherited and cannot be set; what has the sparse attribute is written without its zeros.
// [Lost] counts what ntfs-3g cannot do: package internal/ntfs3g lists that.
//
// A file's metadata is set while it is open for writing. Later come, in this order: named streams,
// and the metadata of files that have some; further hard links, after the short name, which a file
// takes only while it has one long name; reparse points, made from what the work folder holds,
// because neither contents nor streams of one can be written any more; directories, the deepest
// first. A restart takes reparse points and links away, and does all of that again.
//
// # What a POSIX target keeps
//
// Names, contents, hard links, symbolic links and junctions, times of access and modification, and
// holes: zeros of what has the sparse attribute are left out in blocks of 4 KiB.
// Owner, group, mode and extended attributes (access control lists and capabilities among them),
// and fifos, sockets and device nodes, when the image has them (captured on a POSIX system) and the
// process may set and make them; else files are 0666 and directories 0777 less the umask: as with
// wimlib-imagex, the read-only attribute does not change the mode. A link to an absolute Windows
// path gets that path without its drive letter. The rest is counted in [Lost] and told once, or
// with Config.UnixXattrs kept as extended attributes:
//
//	user.wimcast.security       security descriptor, as stored
//	user.wimcast.attributes     attributes, 4 bytes little-endian, where not plain
//	user.wimcast.shortname      short name, UTF-8
//	user.wimcast.created        creation time, FILETIME, 8 bytes little-endian
//	user.wimcast.stream.NAME    named stream of at most 64 KiB
//
// # A target that holds other things
//
// [New] and [File] refuse it. [Over] and [Extract] apply to a folder in it, and when everything
// there is durable move what is in that to its place: a name that is free, or a file's, is taken
// by one rename, a directory is merged and gets the image's metadata, but for named streams. An
// NTFS volume has metadata set once more then, as a rename takes short names away: of a file with
// several names for good. No link of the target is followed, and nothing is moved if something
// else than a directory would meet one. The folder's journal says when moving has begun, so that a
// restart goes on with it.
//
// # Restart
//
// From its first write until its last the target holds .wimcast-incomplete, the journal, and
// .wimcast-work, a folder of the spool and the part files. One commit syncs data and directories,
// and then appends one record to the journal:
//
//	journal  = header record*
//	header   = "WCAPPLY2" content-id[32] image[4] flags[4] crc[4]
//	record   = length[4] crc[4] body[length]
//	body     = kind list(block held) list(resource complete)
//	           list(waiting bytes: run, offset, size, place in spool, kind)
//	           list(place in spool freed)
//	kind     = 0 commit, 1 forget all records before (written by a restart that found some of what
//	           they say gone),
//	           2 the target is complete, only the journal and the work folder are to be removed
//
// Integers outside bodies are big-endian, in bodies unsigned varints; a list is its length and its
// entries. Blocks and resources are ascending, each but the first as the difference to the one
// before. A crc is CRC-32C of the header and all bodies up to its own, so a record is only valid
// behind those it was written behind. The first invalid record ends the journal. Blocks of the
// last valid record are held: every byte of theirs that the image needs is in a file or in the
// spool.
package apply
