//go:build unix

package wim

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

func TestTaggedItems(t *testing.T) {
	eas := []EA{{"FIRST", 0, []byte("value")}, {"", 0x80, []byte{}}, {"user.third", 1, bytes.Repeat([]byte("v"), 0xffff)}}
	id := []byte("0123456789abcdef")
	d := &Dentry{Tagged: AppendItem(AppendItem(AppendItem(nil, 99, []byte("odd")), TagObjectID, id), TagEAs, AppendEAs(nil, eas))}
	if len(d.Tagged)%8 != 0 {
		t.Errorf("items take %d bytes", len(d.Tagged))
	}
	if got, ok := d.Item(TagObjectID); !ok || !bytes.Equal(got, id) {
		t.Errorf("object ID %q, %v", got, ok)
	}
	data, _ := d.Item(TagEAs)
	if got, err := ParseEAs(data); err != nil || !reflect.DeepEqual(got, eas) {
		t.Errorf("extended attributes %.200v, %v", got, err)
	}
	if _, ok := d.Item(5); ok {
		t.Error("an item that is not there was found")
	}
	for n := range d.Tagged[:48] {
		if got, ok := (&Dentry{Tagged: d.Tagged[:n]}).Item(TagObjectID); ok != (n >= 16+8+16) {
			t.Errorf("of %d bytes: %q, %v", n, got, ok)
		}
	}
}

func TestEAsCutShort(t *testing.T) {
	b := AppendEAs(nil, []EA{{"NAME", 0, []byte("value")}})
	for n := 1; n < len(b); n++ {
		if list, err := ParseEAs(b[:n]); err == nil {
			t.Errorf("%d of %d bytes give %v", n, len(b), list)
		}
	}
}

func FuzzParseEAs(f *testing.F) {
	f.Add(AppendEAs(nil, []EA{{"NAME", 0, []byte("value")}, {"", 0x80, nil}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := ParseEAs(b); err == nil && !bytes.Equal(AppendEAs(nil, list), b) {
			t.Errorf("%v", list)
		}
	})
}

func TestTaggedItemsThatLieAreRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"longer than there is": {1, 0, 0, 0, 9, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8},
		"without end":          {1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		d := &Dentry{Tagged: b}
		if data, ok := d.Item(TagObjectID); ok || d.ObjectID() != nil {
			t.Errorf("%s: %x", name, data)
		}
	}
	good := AppendEAs(nil, []EA{{"ab", 0, []byte("cd")}})
	for n := 1; n < len(good); n++ {
		d := &Dentry{Tagged: AppendItem(nil, TagEAs, good[:n])}
		if list, err := d.EAs(); !errors.Is(err, ErrCorrupt) || len(list) > 0 {
			t.Errorf("%d bytes: %v, %v", n, list, err)
		}
	}
}

func FuzzTagged(f *testing.F) {
	f.Add(AppendItem(AppendItem(nil, TagObjectID, make([]byte, 16)), TagEAs, AppendEAs(nil, []EA{{"name", 1, []byte("value")}})))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &Dentry{Tagged: b}
		d.Unix()
		d.ObjectID()
		list, err := d.EAs()
		if data, ok := d.Item(TagEAs); ok && err == nil && !bytes.Equal(AppendEAs(nil, list), data) {
			t.Fatalf("%x became %x", data, AppendEAs(nil, list))
		}
	})
}
