package device

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// signatureSpan is how far from the start of a device the signatures lie that are looked for, in bytes.
const signatureSpan = 68 << 10

// magics are the signatures of what a device may hold. What they stand for is told people before it is lost, so the list need not be
// complete: whoever knows more of the device than it does says so anyway.
var magics = []struct {
	off   int
	magic string
	what  string
}{
	{512, "EFI PART", "a GPT partition table"},
	{4096, "EFI PART", "a GPT partition table"},
	{1080, "\x53\xef", "an ext2, ext3 or ext4 file system"},
	{0, "XFSB", "an XFS file system"},
	{0x10040, "_BHRfS_M", "a Btrfs file system"},
	{3, "NTFS    ", "an NTFS file system"},
	{3, "-FVE-FS-", "a BitLocker volume"},
	{3, "EXFAT   ", "an exFAT file system"},
	{54, "FAT1", "a FAT file system"},
	{82, "FAT32", "a FAT file system"},
	{0x8001, "CD001", "an ISO 9660 file system"},
	{4086, "SWAPSPACE2", "swap space"},
	{0, "LUKS\xba\xbe", "a LUKS volume"},
	{536, "LVM2 001", "an LVM volume"},
	{4096, "\xfc\x4e\x2b\xa9", "a part of a RAID"},
	{1024, "\x10\x20\xf5\xf2", "an F2FS file system"},
	{0, "hsqs", "a SquashFS file system"},
}

// signature says which partition table or file system is on r, by its first bytes, or "". It is told what it is for people.
func signature(r io.ReaderAt) (string, error) {
	b := make([]byte, signatureSpan)
	n, err := r.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("look at what is there: %w", err)
	}
	b = b[:n]
	for _, m := range magics {
		if len(b) >= m.off+len(m.magic) && bytes.HasPrefix(b[m.off:], []byte(m.magic)) {
			return m.what, nil
		}
	}
	if partitioned(b) {
		return "an MBR partition table", nil
	}
	return "", nil
}

// partitioned says whether a first sector is a master boot record with an entry in use.
func partitioned(b []byte) bool {
	if len(b) < 512 || binary.LittleEndian.Uint16(b[510:]) != 0xaa55 {
		return false
	}
	for entry := b[446:510]; len(entry) > 0; entry = entry[16:] {
		if entry[4] != 0 {
			return true
		}
	}
	return false
}
