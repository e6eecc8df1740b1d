// Package wim reads and writes Windows Imaging files (version 0x10d00): images of directory trees whose file contents are
// stored once each, by SHA-1, whole or in independently compressed pieces.
//
// Start with [Open] to read a file and [Capture] to write one.
//
//	+--------------------+ 0
//	| header, 208 bytes  |  version, flags, piece size, GUID, where the parts below are, boot image
//	+--------------------+
//	| resources          |  file contents: [piece table | piece 0 | piece 1 | ...], or plain bytes
//	+--------------------+
//	| image metadata     |  one resource an image: security table, then the tree of dentries
//	+--------------------+
//	| blob table         |  50 bytes a resource: stored size, flags, offset, size, part, references, SHA-1
//	+--------------------+
//	| XML                |  UTF-16LE: name, counts and times of each image
//	+--------------------+
//	| integrity table    |  optional: SHA-1 of every 10 MiB from 208 to the end of the blob table
//	+--------------------+
//
// All integers are little-endian, names UTF-16LE, times counts of 100 ns since 1601. The order of everything behind the
// header is free: the header and the blob table say where things are. The parts other than file contents are the
// prologue: with their byte ranges alone ([Layout]) a file opens, and its trees can be read. Then whoever holds some bytes of a
// resource can decode the pieces that lie in them ([PieceTable], [Decoder]).
//
// A compressed resource of n pieces starts with n-1 piece offsets, of 4 bytes, or 8 when the resource is 4 GiB or larger when
// decompressed, counted from the end of that table. A piece as long as what it decodes to is stored raw.
//
// Contract: bytes are never trusted. Every size is checked against the file and against a named maximum before it sizes
// anything; damage gives an error that is [ErrCorrupt], what this package does not do yet one that is [ErrUnsupported].
// A File, its Layout and Images are safe for concurrent use once made; a Reader and a Decoder belong to one goroutine.
package wim
