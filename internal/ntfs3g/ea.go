package ntfs3g

import (
	"encoding/binary"
	"fmt"
)

// EA is an extended attribute of NTFS. On the volume, and in system.ntfs_ea, a file's are one list:
//
//	entry = next[4] flags[1] namelen[1] valuelen[2] name[namelen] 0 value[valuelen] pad to 4
//
// Integers are little-endian; next is the entry's own length, of the last one too.
type EA struct {
	Name  string // at most 255 bytes
	Flags uint8  // 0x80: the file makes no sense to who does not know it
	Value []byte // at most 65535 bytes
}

const eaHeader = 8

// ParseEAs reads a list. The values are parts of b.
func ParseEAs(b []byte) ([]EA, error) {
	var list []EA
	for len(b) > 0 {
		if len(b) < eaHeader {
			return nil, fmt.Errorf("parse extended attributes: %d bytes are left over", len(b))
		}
		next := int64(binary.LittleEndian.Uint32(b))
		name, value := int(b[5]), int(binary.LittleEndian.Uint16(b[6:]))
		size := eaHeader + name + 1 + value
		if next == 0 { // as Windows gives the last one
			next = int64(len(b))
		}
		if int64(size) > next || next > int64(len(b)) || b[eaHeader+name] != 0 {
			return nil, fmt.Errorf("parse extended attributes: an entry of %d bytes at %d from the end", next, len(b))
		}
		list = append(list, EA{
			Name: string(b[eaHeader : eaHeader+name]), Flags: b[4],
			Value: b[size-value : size : size],
		})
		b = b[next:]
	}
	return list, nil
}

// AppendEAs appends a list. Names and values must not be longer than EA says.
func AppendEAs(b []byte, list []EA) []byte {
	for _, e := range list {
		size := eaHeader + len(e.Name) + 1 + len(e.Value)
		b = binary.LittleEndian.AppendUint32(b, uint32((size+3)&^3))
		b = append(b, e.Flags, byte(len(e.Name)))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(e.Value)))
		b = append(append(b, e.Name...), 0)
		b = append(b, e.Value...)
		b = append(b, make([]byte, (size+3)&^3-size)...)
	}
	return b
}
