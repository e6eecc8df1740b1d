package lzx

import (
	"bytes"
	"encoding/binary"
)

// callFileSize is the size of the file that call translation pretends.
const callFileSize = 12000000

// callMargin is how many bytes at the end of a piece have no translated calls.
const callMargin = 10

// translate makes the relative targets of x86 calls absolute, which makes calls of one function from several places alike.
func translate(p []byte) {
	for i := 0; i < len(p)-callMargin; i += 5 {
		j := bytes.IndexByte(p[i:len(p)-callMargin], 0xe8)
		if j < 0 {
			return
		}
		i += j
		rel, at := int32(binary.LittleEndian.Uint32(p[i+1:])), int32(i)
		if rel < -at || rel >= callFileSize {
			continue
		}
		target := rel + at
		if rel >= callFileSize-at {
			target = rel - callFileSize
		}
		binary.LittleEndian.PutUint32(p[i+1:], uint32(target))
	}
}

// untranslate makes the absolute targets of x86 calls relative again.
func untranslate(p []byte) {
	for i := 0; i < len(p)-callMargin; i += 5 {
		j := bytes.IndexByte(p[i:len(p)-callMargin], 0xe8)
		if j < 0 {
			return
		}
		i += j
		// Both questions are asked without branches: their answers come as if by chance.
		at, target := uint32(i), binary.LittleEndian.Uint32(p[i+1:])
		rel := target
		if target < callFileSize {
			rel = target - at
		}
		if target > ^at { // it is negative, and -at or more
			rel = target + callFileSize
		}
		binary.LittleEndian.PutUint32(p[i+1:], rel)
	}
}
