package regf

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Bounds on keys.
const (
	maxSubkeys = 1 << 16 // of one key
	maxValues  = 1 << 14 // of one key
	maxLists   = 3       // lists of lists, one in another
)

// Types of values.
const (
	TypeString       = 1 // UTF-16 with a zero at its end
	TypeExpandString = 2
	TypeNumber       = 4 // 32 bits
	TypeStrings      = 7 // each with a zero at its end, one more behind the last
)

// Key is a registry key.
type Key struct {
	h    *Hive
	cell []byte
}

// Key returns the key at path: names from the root, separated by backslashes, without case; "" is the root. A key that is not there gives
// an error that is ErrNotFound.
func (h *Hive) Key(path string) (Key, error) {
	k, err := h.keyAt(h.root)
	if err != nil || path == "" {
		return k, err
	}
	return k.Key(path)
}

func (h *Hive) keyAt(off uint32) (Key, error) {
	b, err := h.start(off, "nk", 76, maxKey)
	if err != nil {
		return Key{}, err
	}
	if n := int(binary.LittleEndian.Uint16(b[72:])); 76+n > len(b) {
		return Key{}, corruptf("the name of the key at %#x leaves it", off)
	}
	return Key{h, b}, nil
}

// Name is the key's name.
func (k Key) Name() string {
	n := int(binary.LittleEndian.Uint16(k.cell[72:]))
	return decodeName(k.cell[76:76+n], k.cell[2]&0x20 != 0)
}

// Key returns the key at path below k.
func (k Key) Key(path string) (Key, error) {
	for name := range strings.SplitSeq(path, `\`) {
		subs, err := k.Subkeys()
		if err != nil {
			return Key{}, err
		}
		found := false
		for _, s := range subs {
			if found = strings.EqualFold(s.Name(), name); found {
				k = s
				break
			}
		}
		if !found {
			return Key{}, fmt.Errorf("find key %s: %w", path, ErrNotFound)
		}
	}
	return k, nil
}

// Subkeys returns the keys in k, in stored order.
func (k Key) Subkeys() ([]Key, error) {
	n := binary.LittleEndian.Uint32(k.cell[20:])
	if n == 0 {
		return nil, nil
	}
	if n > maxSubkeys {
		return nil, corruptf("a key with %d subkeys", n)
	}
	offs, err := k.h.list(nil, binary.LittleEndian.Uint32(k.cell[28:]), 1)
	if err != nil {
		return nil, err
	}
	keys := make([]Key, 0, len(offs))
	for _, off := range offs {
		s, err := k.h.keyAt(off)
		if err != nil {
			return nil, err
		}
		keys = append(keys, s)
	}
	return keys, nil
}

// list adds the offsets of the keys of a list.
func (h *Hive) list(to []uint32, off uint32, depth int) ([]uint32, error) {
	b, err := h.cell(off, "", 4)
	if err != nil {
		return nil, err
	}
	n, kind, width := int(binary.LittleEndian.Uint16(b[2:])), string(b[:2]), 4
	if kind == "lf" || kind == "lh" {
		width = 8
	} else if kind != "li" && kind != "ri" {
		return nil, corruptf("a list of keys is marked %q", kind)
	}
	if 4+n*width > len(b) || kind == "ri" && depth == maxLists || kind != "ri" && len(to)+n > maxSubkeys {
		return nil, corruptf("a list of %d keys in %d bytes, %d deep", n, len(b), depth)
	}
	for i := range n {
		off := binary.LittleEndian.Uint32(b[4+i*width:])
		if kind != "ri" {
			to = append(to, off)
			continue
		}
		if to, err = h.list(to, off, depth+1); err != nil {
			return nil, err
		}
	}
	return to, nil
}

// value finds a value of k.
func (k Key) value(name string) (data []byte, kind uint32, err error) {
	le := binary.LittleEndian
	n := le.Uint32(k.cell[36:])
	if n > maxValues {
		return nil, 0, corruptf("a key with %d values", n)
	}
	var list []byte
	if n > 0 {
		if list, err = k.h.cell(le.Uint32(k.cell[40:]), "", int(4*n)); err != nil {
			return nil, 0, err
		}
	}
	for i := range n {
		v, err := k.h.cell(le.Uint32(list[4*i:]), "vk", 20)
		if err != nil {
			return nil, 0, err
		}
		size := int(le.Uint16(v[2:]))
		if 20+size > len(v) {
			return nil, 0, corruptf("the name of a value leaves it")
		}
		if strings.EqualFold(decodeName(v[20:20+size], v[16]&1 != 0), name) {
			data, err := k.h.data(v)
			return data, le.Uint32(v[12:]), err
		}
	}
	return nil, 0, fmt.Errorf("find value %s: %w", name, ErrNotFound)
}

// data returns the data of a value.
func (h *Hive) data(v []byte) ([]byte, error) {
	le := binary.LittleEndian
	size, off := le.Uint32(v[4:]), le.Uint32(v[8:])
	if size&(1<<31) != 0 {
		if size &^= 1 << 31; size > 4 {
			return nil, corruptf("a value with %d bytes in 4", size)
		}
		return v[8 : 8+size], nil
	}
	if size > maxValue {
		return nil, corruptf("a value of %d bytes; the limit is %d", size, maxValue)
	}
	if size == 0 {
		return nil, nil
	}
	if size > pieceSize {
		return h.longData(off, int(size))
	}
	b, err := h.cell(off, "", int(size))
	if err != nil {
		return nil, err
	}
	return b[:size], nil
}

// pieceSize is how much of a long value a cell has.
const pieceSize = 16344

// longData returns the data of a value that does not fit into one cell. Old hives have it in one all the same.
func (h *Hive) longData(off uint32, size int) ([]byte, error) {
	b, err := h.cell(off, "", 8)
	if err != nil {
		return nil, err
	}
	if string(b[:2]) != "db" {
		if len(b) < size {
			return nil, corruptf("a value of %d bytes in %d", size, len(b))
		}
		return b[:size], nil
	}
	n := (size + pieceSize - 1) / pieceSize
	list, err := h.cell(binary.LittleEndian.Uint32(b[4:]), "", 4*n)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, size)
	for i := range n {
		want := min(pieceSize, size-len(out))
		piece, err := h.cell(binary.LittleEndian.Uint32(list[4*i:]), "", want)
		if err != nil {
			return nil, err
		}
		out = append(out, piece[:want]...)
	}
	return out, nil
}

// Text returns a value that is a string. One that is not there, or is no string, returns an error that is ErrNotFound.
func (k Key) Text(name string) (string, error) {
	data, kind, err := k.value(name)
	if err != nil {
		return "", err
	}
	if kind != TypeString && kind != TypeExpandString {
		return "", fmt.Errorf("read value %s: its type is %d, no string: %w", name, kind, ErrNotFound)
	}
	s, _, _ := strings.Cut(decodeName(data, false), "\x00")
	return s, nil
}

// Texts returns a value that is a list of strings.
func (k Key) Texts(name string) ([]string, error) {
	data, kind, err := k.value(name)
	if err != nil {
		return nil, err
	}
	if kind != TypeStrings {
		return nil, fmt.Errorf("read value %s: its type is %d, no list of strings: %w", name, kind, ErrNotFound)
	}
	var out []string
	for s := range strings.SplitSeq(decodeName(data, false), "\x00") {
		if s == "" {
			break
		}
		out = append(out, s)
	}
	return out, nil
}

// Number returns a value that is a 32-bit number.
func (k Key) Number(name string) (uint32, error) {
	data, kind, err := k.value(name)
	if err != nil {
		return 0, err
	}
	if kind != TypeNumber || len(data) != 4 {
		return 0, fmt.Errorf("read value %s: its type is %d with %d bytes, no number: %w", name, kind, len(data), ErrNotFound)
	}
	return binary.LittleEndian.Uint32(data), nil
}

// decodeName turns Latin-1 or UTF-16 into UTF-8.
func decodeName(b []byte, latin bool) string {
	units := make([]uint16, 0, len(b))
	for i := 0; i < len(b); {
		if latin {
			units = append(units, uint16(b[i]))
			i++
			continue
		}
		if i+1 == len(b) {
			break
		}
		units = append(units, binary.LittleEndian.Uint16(b[i:]))
		i += 2
	}
	return string(utf16.Decode(units))
}
