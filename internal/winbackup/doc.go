// Package winbackup sets on Windows what NTFS knows of a file, through BackupWrite.
//
// [Stream] and [Stream.AppendHeader] make the bytes that BackupWrite takes, on any system; on
// Windows Open gives a file to write them to. A file's sequence is streams one after the other,
// each
//
//	id[4] attributes[4] size[8] namelen[4] name[namelen] data[size]
//
// in little-endian; a name is UTF-16, and that of a named stream is ":NAME:$DATA". The streams
// that are made here:
//
//	2 EA        extended attributes: next[4] flags[1] namelen[1] valuelen[2] name 0 value,
//	            each at a multiple of 4, next of the last 0
//	3 security  security descriptor, self-relative; attributes has the bit "contains security"
//	4 alternate a named stream
//	7 object ID 64 bytes
//	8 reparse   reparse data with its header
//
// Contents need none of this: they are written like those of any file. Attributes, times, short
// names, compression and sparseness have calls of their own.
//
// The part for Windows is built and vetted, and has not yet been run there. Under Wine it runs,
// where BackupWrite refuses everything.
package winbackup
