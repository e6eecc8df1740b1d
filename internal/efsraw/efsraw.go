// Package efsraw reads and writes the raw form of an encrypted file: its encrypted contents and named streams, with what tells who may
// decrypt them. Windows gives and takes it by ReadEncryptedFileRaw and WriteEncryptedFileRaw, and images hold it. It is [MS-EFSR] 2.2.3:
//
//	form    = 00 01 00 00 "ROBS" reserved[8] stream...
//	stream  = length[4] "NTFS" flag[4] reserved[8] name length[4] name segment...
//	segment = length[4] "GURE" reserved[4] [header] data
//	header  = offset[8] length[4] bytes within the stream[4] within what was written[4] 0[2] shifts[3] 1 blocks[2] size[4] of each block
//
// Integers are little-endian, texts UTF-16. Lengths are those of the stream's head, of the segment and of the header. The first stream is named 10 19 and has
// the metadata, without headers; then comes "::$DATA", and ":name:$DATA" for each named stream.
//
// NTFS encrypts in units of 512 bytes, so contents are stored rounded up to them. Written are segments of 64 KiB of one block each. Sparse files, whose holes
// the form leaves out, files that were not written up to their end, and streams that are not encrypted are neither written nor read.
//
// [MS-EFSR]: https://learn.microsoft.com/openspecs/windows_protocols/ms-efsr
package efsraw

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Errors of NewDecoder and Decoder.
var (
	ErrForm        = errors.New("not the raw form of an encrypted file")
	ErrUnsupported = errors.New("unsupported raw form of an encrypted file") // of a sparse file, or one that is partly not encrypted or not written
)

const (
	// unit is what is encrypted at once, in bytes.
	unit = 512
	// maxInfo is the largest metadata, in bytes: what an extended attribute of Linux may hold.
	maxInfo = 64 << 10

	formHead    = 20
	streamHead  = 28 // without the name
	segmentHead = 16
	cryptHead   = 28 // without the sizes of blocks
	segmentSize = 64 << 10
	clusterSize = 12 // as a shift: what NTFS has unless told otherwise
	maxName     = 2 * (1 + 255 + len(suffix) + 1)
)

var (
	formMagic    = []byte("\x00\x01\x00\x00R\x00O\x00B\x00S\x00")
	streamMagic  = []byte("N\x00T\x00F\x00S\x00")
	segmentMagic = []byte("G\x00U\x00R\x00E\x00")
	infoName     = []byte("\x10\x19")
)

// Stored is how many bytes a stream of that size takes where it is encrypted.
func Stored(size int64) int64 { return (size + unit - 1) / unit * unit }

// suffix is what the name of any stream ends with.
const suffix = ":$DATA"

// streamName is the name that the form has for a stream, "" being the contents.
func streamName(name string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(":" + name + suffix + "\x00")) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// parseName is the reverse of streamName; the NUL may be missing.
func parseName(b []byte) (string, error) {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	text := strings.TrimSuffix(string(utf16.Decode(units)), "\x00")
	name, ok := strings.CutSuffix(text, suffix)
	if !ok || len(b)%2 != 0 || name == "" || name[0] != ':' || strings.ContainsAny(name[1:], ":/\x00\ufffd") {
		return "", fmt.Errorf("%w: a stream named %q", ErrUnsupported, text)
	}
	return name[1:], nil
}
