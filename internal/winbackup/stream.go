package winbackup

import (
	"encoding/binary"
	"unicode/utf16"
)

// ID says what a stream of a backup is.
type ID uint32

// The streams that are made here.
const (
	EAs       ID = 2
	Security  ID = 3
	Alternate ID = 4
	ObjectID  ID = 7
	Reparse   ID = 8
)

// containsSecurity is the attribute of a stream that holds a security descriptor.
const containsSecurity = 2

// objectIDSize is the length of the stream of an object ID, in bytes.
const objectIDSize = 64

// Stream is a stream of a backup but for its data.
type Stream struct {
	ID   ID
	Name string // of an Alternate: the named stream's
	Size int64  // of the data, in bytes
}

// AppendHeader appends what stands before the data.
func (s Stream) AppendHeader(b []byte) []byte {
	var attributes uint32
	if s.ID == Security {
		attributes = containsSecurity
	}
	var name []uint16
	if s.ID == Alternate {
		name = utf16.Encode([]rune(":" + s.Name + ":$DATA"))
	}
	le := binary.LittleEndian
	b = le.AppendUint32(b, uint32(s.ID))
	b = le.AppendUint32(b, attributes)
	b = le.AppendUint64(b, uint64(s.Size))
	b = le.AppendUint32(b, uint32(2*len(name)))
	for _, u := range name {
		b = le.AppendUint16(b, u)
	}
	return b
}

// Append appends a whole stream. An object ID is made as long as Windows wants it.
func Append(b []byte, id ID, data []byte) []byte {
	size := len(data)
	if id == ObjectID {
		size = objectIDSize
	}
	b = append(Stream{ID: id, Size: int64(size)}.AppendHeader(b), data[:min(size, len(data))]...)
	return append(b, make([]byte, size-min(size, len(data)))...)
}

// EA is an extended attribute.
type EA struct {
	Name  string // at most 255 bytes
	Flags uint8
	Value []byte // at most 65535 bytes
}

// AppendEAs appends the data of a stream of extended attributes.
func AppendEAs(b []byte, list []EA) []byte {
	for i, e := range list {
		size := 8 + len(e.Name) + 1 + len(e.Value)
		next := (size + 3) &^ 3
		pad := next - size
		if i == len(list)-1 {
			next, pad = 0, 0
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(next))
		b = append(b, e.Flags, byte(len(e.Name)))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(e.Value)))
		b = append(append(b, e.Name...), 0)
		b = append(append(b, e.Value...), make([]byte, pad)...)
	}
	return b
}
