//go:build !linux

package ntfs3g

// direct is of use where there is ntfs-3g.
const direct = 0
