package wim

import "encoding/binary"

// Tags of the tagged items that NTFS has a place for.
const (
	TagObjectID = 1 // object ID[16], and with that 3 more GUIDs where the file was moved
	TagEAs      = 2 // extended attributes: see EA
)

// ObjectID returns the NTFS object ID, of 16 to 64 bytes; nil when there is none. Beyond the first 16 bytes stand the IDs of the volume and of
// the object that it was born as, and of a domain.
func (d *Dentry) ObjectID() []byte {
	id, _ := d.Item(TagObjectID)
	if len(id) < 16 {
		return nil
	}
	return id[:min(len(id), 64)]
}

// EAs returns the extended attributes. The values are parts of d.Tagged.
func (d *Dentry) EAs() ([]EA, error) {
	b, _ := d.Item(TagEAs)
	list, err := ParseEAs(b)
	if err != nil {
		return nil, wrapf(err, "read %q", d.Path())
	}
	return list, nil
}

// Item returns the data of the dentry's first tagged item with that tag.
func (d *Dentry) Item(tag uint32) ([]byte, bool) {
	le := binary.LittleEndian
	for b := d.Tagged; len(b) >= 8; {
		t, n := le.Uint32(b), int64(le.Uint32(b[4:]))
		if n > int64(len(b)-8) {
			break
		}
		if t == tag {
			return b[8 : 8+n : 8+n], true
		}
		b = b[min(8+align8(n), int64(len(b))):]
	}
	return nil, false
}

// AppendItem appends a tagged item: its tag and the length of its data in 4 bytes each, the data, and zeros up to a multiple of 8.
func AppendItem(b []byte, tag uint32, data []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, tag)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return append(append(b, data...), make([]byte, align8(int64(len(data)))-int64(len(data)))...)
}

// EA is an extended attribute as NTFS has them. In an image, a file's are one tagged item:
//
//	entry = valuelen[2] namelen[1] flags[1] name[namelen] 0 value[valuelen]
type EA struct {
	Name  string // at most 255 bytes
	Flags uint8  // 0x80: the file makes no sense to who does not know it
	Value []byte // at most 65535 bytes
}

// ParseEAs reads the data of a tagged item. The values are parts of b.
func ParseEAs(b []byte) ([]EA, error) {
	var list []EA
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, corruptf("parse extended attributes: %d bytes are left over", len(b))
		}
		value, name := int(binary.LittleEndian.Uint16(b)), int(b[2])
		size := 4 + name + 1 + value
		if size > len(b) || b[4+name] != 0 {
			return nil, corruptf("parse extended attributes: an entry of %d bytes in %d", size, len(b))
		}
		list = append(list, EA{Name: string(b[4 : 4+name]), Flags: b[3], Value: b[size-value : size : size]})
		b = b[size:]
	}
	return list, nil
}

// AppendEAs appends the data of a tagged item. Names and values must not be longer than EA says.
func AppendEAs(b []byte, list []EA) []byte {
	for _, e := range list {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(e.Value)))
		b = append(b, byte(len(e.Name)), e.Flags)
		b = append(append(b, e.Name...), 0)
		b = append(b, e.Value...)
	}
	return b
}
