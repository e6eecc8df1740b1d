// Package content knows each kind of content: how it is recognised and cut when it is published,
// and how it is put down when it is received. All that is said of a kind is in one table, kinds.
//
//	kind    published from            cut                               put down by deploy
//	image   a WIM file                at its resources, prologue first  --target: a directory tree
//	folder  a directory               captured, then as an image        --target: a directory tree
//	driver  a folder of drivers       as a folder                       as a folder
//	file    a file                    by its contents, around holes     --target: a file
//	disk    a file, a raw disk image  as a file, at multiples of 4 KiB  --disk: a device, or a file
//
// [Open] returns a [Source], whose Split calls back for each chunk. [OpenPlace] looks at a target
// before the network is asked, and Place.Sink returns the [Sink] that takes one content's blocks in
// any order. [ToFile] makes a file of any content.
//
// A folder is captured on the fly into a WIM file without a name, stored and not compressed: so a
// new version has most bytes in common with the old one, at whatever place, and only the rest is
// sent. The same tree under the same name gives the same bytes.
//
// Holes of a file are not read, stored or sent: a hole is chunks of zeros of the largest size,
// which are one block, however many there are. A content has at most chunk.MaxChunks chunks, so
// a disk image may have 256 GiB of holes, or 128 GiB of data that does not repeat, or some of
// each.
//
// A disk is written out of order, with a journal in the node's folder, and read back at the end.
// What is on it until then is a part of the old and a part of the new.
package content
