// Package ntfs3g reads and sets what NTFS knows of a file, on a volume that ntfs-3g has mounted.
//
// [Detect] says whether a directory lies on such a volume; a [Volume] then gives a [Node] for a
// name or an open file.
//
// ntfs-3g shows what POSIX has no call for as extended attributes. They are not listed, are read
// and set whole, and a symbolic link is not followed:
//
//	system.ntfs_attrib_be     attributes, 4 bytes big-endian
//	system.ntfs_acl           security descriptor, self-relative, as Windows has it
//	system.ntfs_times_be      4 times of 8 bytes, big-endian: creation, modification, access, change.
//	                          Setting accepts the first three
//	system.ntfs_dos_name      short name, UTF-8
//	system.ntfs_reparse_data  tag[4] length[2] reserved[2] data[length], little-endian; with
//	                          GUID[16] before the data of a tag whose top bit is 0
//	system.ntfs_object_id     object ID[16], and with that 3 more GUIDs where it was moved
//	system.ntfs_ea            extended attributes: see [EA]
//	system.ntfs_efsinfo       who may decrypt an encrypted file, of a volume mounted with efs_raw
//	ntfs.streams.list         names of named streams with NULs between them, of a volume mounted with
//	                          streams_interface=windows
//
// # Named streams
//
// How a mount shows them is told by its option streams_interface. With "windows" the stream of a
// file is the path "file:stream", which may be as large as any file. With "xattr", the default, it
// is the extended attribute user.stream of at most 64 KiB; then a path with a colon makes a file
// that Windows cannot open. With "none" there are no streams.
//
// # What ntfs-3g does not do
//
// Measured with ntfs-3g 2022.10.3. Attributes that say how a file is stored are not set by setting
// them: compression is inherited from the directory a file is created in, a file is sparse as long
// as it has holes, and those of cloud files (pinned, unpinned, recall) cannot be set at all. The
// time of change cannot be set. A short name can be neither read nor set while the file has
// several long names ([ErrLinked]), so it is set before further links are made; those leave it
// alone. A named stream or the contents of a reparse point cannot be read or written, by no
// streams_interface, nor with efs_raw, nor by lowntfs-3g, so they are written first. Reading with
// a buffer that is too small gives EIO in place of ERANGE. A file with the system attribute and of
// 0 or 1 bytes is shown as a pipe or a socket, and can no longer be opened. An encrypted file is
// readable only with the option efs_raw: see [Volume.Raw].
package ntfs3g
