// Package wim reads and writes Windows Imaging files (versions 0x10d00 and 0xe00): images of
// directory trees whose file contents are stored once each, by SHA-1, whole or in independently
// compressed pieces.
//
// Start with [Open] to read a file and [Create] to write one; package capture makes images of
// directories.
//
//	+--------------------+ 0
//	| header, 208 bytes  |  version, flags, piece size, GUID, where the parts below are, boot image
//	+--------------------+
//	| resources          |  file contents: [piece table | piece 0 | piece 1 | ...], or plain bytes
//	+--------------------+
//	| image metadata     |  one resource per image: security table, then the tree of dentries
//	+--------------------+
//	| blob table         |  50 bytes per resource: stored size, flags, offset, size, part,
//	|                    |  references, SHA-1
//	+--------------------+
//	| XML                |  UTF-16LE: name, counts and times of each image
//	+--------------------+
//	| integrity table    |  optional: SHA-1 of every 10 MiB from 208 to the end of the blob table
//	+--------------------+
//
// All integers are little-endian, names UTF-16LE, times counts of 100 ns since 1601. The order of
// everything behind the header is free: the header and the blob table say where things are. The
// parts other than file contents are the prologue: with their byte ranges alone ([Layout]) a file
// opens, and its trees can be read. Then whoever holds some bytes of a resource can decode the
// pieces that lie in them ([PieceTable], [Decoder]).
//
// # Runs
//
// A run is a stored range that decodes piece by piece, each piece by itself. Ordinarily it holds
// one resource:
//
//	[n-1 offsets of 4 bytes, or 8 from 4 GiB of content on | piece 0 | ... | piece n-1]
//
// with offsets from the end of that table. A piece as long as what it decodes to is stored raw; a
// run without the compressed flag is plain bytes. In a solid file (version 0xe00) many resources
// share a run, which the blob table lists as a resource of 2^32 bytes with the solid flag:
//
//	[content bytes u64, piece bytes u32, compression u32: 1 XPRESS, 2 LZX, 3 LZMS |
//	 n sizes of 4 bytes | piece 0 | ... | piece n-1]
//
// The entries of the blob table that have the solid flag and follow one another are a group. The
// contents of the group's runs, in the table's order, are one address space, and the other entries
// of the group say with offset and stored size where in it they are.
//
// # Pipable files
//
// wimlib can make files that a pipe can be read from (magic WLPWM). Their header stands again at
// the end, and only there does it locate the blob table, XML and integrity table. [Pipe] makes one
// of an ordinary file:
//
//	header | XML | images' metadata | resources | blob table | XML | integrity table | header
//
// Before every resource, the blob table and both XML stand 40 bytes that random access does not
// need: u64 2b9b9ba2443db9d8, u64 size of the content, its SHA-1, u32 resource flags. A compressed
// resource is
//
//	[u32 size, piece 0 | u32 size, piece 1 | ... |
//	 n-1 offsets, as if there were no sizes before the pieces]
//
// # Several files as one
//
// A split set's parts have one GUID, each its own header, blob table and XML, and the first part
// all images' metadata. A delta lacks the resources of its base. [OpenSet] opens such files as
// one; offsets then count through all of them, in the order that it gives them.
//
// # Writing
//
// A [Writer] is told which images and resources a file is to hold; [Writer.Finish] then writes, in
// this order: runs copied as they are stored, file by file in order of their offsets; contents
// that are packed anew, those of other files first, then those of Sources in tree order (in a
// solid run sorted by extension and name); the images' metadata; blob table, XML, integrity table;
// at last the header, without which it is no file. [Append] puts all that behind the end of a
// file, makes it durable, and only then writes the header over the old one.
//
// One goroutine reads, hashes and decides what is stored already, several compress, one writes: so
// the bytes do not depend on how many. Memory: a few MiB a thread, [WriterOptions].Memory for LZMS
// encoders, and some 50 bytes per content beside the trees. A [Tree] need not be in memory: it is
// walked to plan, to read its contents, to measure its metadata and to encode it. In a solid run,
// contents are sorted, for which their Sources are kept.
//
// Streams of a dentry stand where Windows' tools look for them: a file with named streams or
// reparse data has a main hash of zero and entries for reparse data, contents and named streams,
// in that order; a directory has no entry for contents, and without named streams its reparse data
// is its main hash.
//
// Contract: bytes are never trusted. Every size is checked against the file and against a named
// maximum before it sizes anything; damage is an error that is [ErrCorrupt], what this package
// does not do yet one that is [ErrUnsupported]. A File, its Layout, Images and Trees are safe for
// concurrent use once made; a Reader and a Decoder belong to one goroutine.
package wim
