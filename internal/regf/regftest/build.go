// Package regftest builds small registry hives for tests: describe the keys with [Key] and [Value], and [Build] them.
package regftest

import (
	"encoding/binary"
	"unicode/utf16"
)

// Key is a key with what is in it. Keys must be sorted by their upper-cased names, as Windows has them.
type Key struct {
	Name   string
	Values []Value
	Keys   []Key
}

// Value is a value: of a string, a list of strings, or a number.
type Value struct {
	Name string
	Data any // string, []string, uint32, or []byte
}

// Options choose among the ways to store a hive.
type Options struct {
	List string // of subkeys: "lf", "lh", "li" or "ri"; "" is "lh"
	Wide bool   // names in UTF-16
}

// Build returns the bytes of a hive.
func Build(root Key, o Options) []byte {
	if o.List == "" {
		o.List = "lh"
	}
	b := &builder{opts: o, bins: make([]byte, 32)}
	at := b.key(root, true, 0xffffffff)
	le := binary.LittleEndian
	if pad := (4096 - len(b.bins)%4096) % 4096; pad > 0 { // one free cell to the end of the bin
		b.bins = le.AppendUint32(b.bins, uint32(pad))
		b.bins = append(b.bins, make([]byte, pad-4)...)
	}
	copy(b.bins, "hbin")
	le.PutUint32(b.bins[8:], uint32(len(b.bins)))
	base := make([]byte, 4096)
	copy(base, "regf")
	for off, v := range map[int]uint32{4: 1, 8: 1, 20: 1, 24: 3, 32: 1, 36: at, 40: uint32(len(b.bins)), 44: 1} {
		le.PutUint32(base[off:], v)
	}
	var sum uint32
	for i := 0; i < 508; i += 4 {
		sum ^= le.Uint32(base[i:])
	}
	le.PutUint32(base[508:], sum)
	return append(base, b.bins...)
}

type builder struct {
	opts Options
	bins []byte
}

// cell adds a cell and returns its offset.
func (b *builder) cell(data []byte) uint32 {
	off := uint32(len(b.bins))
	size := (4 + len(data) + 7) &^ 7
	b.bins = binary.LittleEndian.AppendUint32(b.bins, uint32(-int32(size)))
	b.bins = append(b.bins, data...)
	b.bins = append(b.bins, make([]byte, size-4-len(data))...)
	return off
}

func (b *builder) key(k Key, root bool, parent uint32) uint32 {
	le := binary.LittleEndian
	name := b.name(k.Name)
	nk := append(make([]byte, 76), name...)
	copy(nk, "nk")
	flags := uint16(0)
	if !b.opts.Wide {
		flags |= 0x20
	}
	if root {
		flags |= 0x0c
	}
	le.PutUint16(nk[2:], flags)
	for off, v := range map[int]uint32{
		16: parent, 20: uint32(len(k.Keys)), 28: 0xffffffff, 32: 0xffffffff, 36: uint32(len(k.Values)), 40: 0xffffffff, 44: 0xffffffff, 48: 0xffffffff,
	} {
		le.PutUint32(nk[off:], v)
	}
	le.PutUint16(nk[72:], uint16(len(name)))
	off := b.cell(nk)
	var values, keys []uint32
	for _, v := range k.Values {
		values = append(values, b.value(v))
	}
	for _, s := range k.Keys {
		keys = append(keys, b.key(s, false, off))
	}
	if len(values) > 0 {
		var list []byte
		for _, v := range values {
			list = le.AppendUint32(list, v)
		}
		at := b.cell(list) // may move the bins
		le.PutUint32(b.bins[off+4+40:], at)
	}
	if len(keys) > 0 {
		at := b.list(keys, k.Keys)
		le.PutUint32(b.bins[off+4+28:], at)
	}
	return off
}

// list adds the list of subkeys.
func (b *builder) list(keys []uint32, of []Key) uint32 {
	le := binary.LittleEndian
	make1 := func(kind string, keys []uint32, of []Key) uint32 {
		list := le.AppendUint16([]byte(kind), uint16(len(keys)))
		for i, k := range keys {
			list = le.AppendUint32(list, k)
			if kind == "lf" || kind == "lh" {
				list = le.AppendUint32(list, hash(kind, of[i].Name))
			}
		}
		return b.cell(list)
	}
	if b.opts.List != "ri" {
		return make1(b.opts.List, keys, of)
	}
	half := (len(keys) + 1) / 2
	lists := []uint32{make1("lh", keys[:half], of[:half])}
	if half < len(keys) {
		lists = append(lists, make1("li", keys[half:], of[half:]))
	}
	return make1("ri", lists, nil)
}

// hash is what stands beside a key in a list.
func hash(kind, name string) uint32 {
	if kind == "lf" {
		return binary.LittleEndian.Uint32(append([]byte(name), 0, 0, 0, 0))
	}
	var h uint32
	for _, c := range []byte(name) {
		if c >= 'a' && c <= 'z' {
			c -= 32
		}
		h = h*37 + uint32(c)
	}
	return h
}

// value adds a value.
func (b *builder) value(v Value) uint32 {
	le := binary.LittleEndian
	var data []byte
	kind := uint32(3)
	switch d := v.Data.(type) {
	case string:
		kind, data = 1, append(wide(d), 0, 0)
	case []string:
		kind = 7
		for _, s := range d {
			data = append(append(data, wide(s)...), 0, 0)
		}
		data = append(data, 0, 0)
	case uint32:
		kind, data = 4, le.AppendUint32(nil, d)
	case []byte:
		data = d
	}
	name := b.name(v.Name)
	vk := append(make([]byte, 20), name...)
	copy(vk, "vk")
	le.PutUint16(vk[2:], uint16(len(name)))
	le.PutUint32(vk[4:], uint32(len(data)))
	le.PutUint32(vk[12:], kind)
	if !b.opts.Wide {
		le.PutUint16(vk[16:], 1)
	}
	switch {
	case len(data) <= 4:
		le.PutUint32(vk[4:], uint32(len(data))|1<<31)
		copy(vk[8:12], data)
	case len(data) <= 16344:
		le.PutUint32(vk[8:], b.cell(data))
	default:
		var list []byte
		n := 0
		for ; len(data) > 0; n++ {
			piece := data[:min(16344, len(data))]
			list = le.AppendUint32(list, b.cell(piece))
			data = data[len(piece):]
		}
		db := le.AppendUint16([]byte("db"), uint16(n))
		le.PutUint32(vk[8:], b.cell(le.AppendUint32(db, b.cell(list))))
	}
	return b.cell(vk)
}

func (b *builder) name(s string) []byte {
	if b.opts.Wide {
		return wide(s)
	}
	var out []byte
	for _, r := range s {
		out = append(out, byte(r))
	}
	return out
}

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}
