// Package capture turns directory trees into images of WIM files.
//
// Start with [Scan], which makes an image of a tree, or with [Write], which makes a WIM file of
// one or more. Scan reads names and metadata only; the image's streams have a wim.Source each,
// through which a wim.Writer reads the contents later. [ScanTree] returns a tree that is only to be
// written, and keeps it packed: some 20 bytes per file, the names among them. An image takes some
// 340.
//
// What is kept: names (as UTF-8), contents, hard links, symbolic links as reparse points,
// modification times to 100 ns, the mark of files that have holes. With [Options].UnixData also
// owner, group, mode, device number and extended attributes, and fifos, sockets and device nodes.
// Access and creation times are not kept where reading changes them or POSIX does not tell them:
// they are written as the modification time. So the same tree gives the same bytes.
//
// A tree on a volume that ntfs-3g has mounted is found out to be one: then what NTFS knows is
// kept: attributes, security descriptors, the three times, short names, reparse data, object IDs,
// extended attributes and named streams, and no owners and modes, which are made up there.
// Encrypted files are kept in their raw form if it is mounted with efs_raw. What ntfs-3g does not
// show is told to Warn: named streams of reparse points are left out, and files with contents that
// stand for something else (system compression, without ntfs-3g's plugin for it), encrypted files
// without efs_raw or with holes, and system files of one byte are skipped.
//
// An absolute link target that lies in the tree can be made relative to the image's root
// (FixLinks): its reparse data then tells C:\ and the path from the root, bit 0 of the dentry's
// ReparseFlags is clear, and the file should carry wim.FlagRPFix. A link that was not fixed has
// the bit set.
//
// What is left out is said by a [Config], a capture configuration as wimlib-imagex and Microsoft's
// tools read it. An image of a Windows installation gets the properties that they give it
// (edition, version, processor, languages), from its registry hives and kernel32.dll. With a
// [Base], files that are as they were in an image captured earlier are not read.
//
// Contract: a tree that changes between Scan and the reading of its contents gives an error that
// is wim.ErrChanged and names the file; nothing is captured in part silently. What cannot be
// captured (sockets without UnixData) is counted and told to Warn.
package capture
