package vfs

import (
	"bytes"
	"io"
)

// HoleSize is the unit in which WriteAround leaves zeros out, in bytes: the blocks of most file systems, and the clusters of NTFS.
const HoleSize = 4096

var zeroBlock [HoleSize]byte

// WriteAround writes b at off, but for blocks of zeros, aligned to HoleSize, and zeros at its ends that are part of one. What is not written
// must read as zeros already: then it is a hole where the file system has those.
func WriteAround(w io.WriterAt, b []byte, off int64) error {
	// block gives the end of the block that b[at] is in.
	block := func(at int) int { return min(len(b), at+HoleSize-int((off+int64(at))%HoleSize)) }
	for at := 0; at < len(b); {
		end := at
		for end < len(b) {
			next := block(end)
			if bytes.Equal(b[end:next], zeroBlock[:next-end]) {
				break
			}
			end = next
		}
		if end > at {
			if _, err := w.WriteAt(b[at:end], off+int64(at)); err != nil {
				return err
			}
		}
		if at = end; at < len(b) {
			at = block(at)
		}
	}
	return nil
}
