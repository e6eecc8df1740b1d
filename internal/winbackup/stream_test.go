package winbackup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"unicode/utf16"

	"github.com/Microsoft/go-winio"
)

// parsed is a stream as a reader of backups sees it.
type parsed struct {
	id, attributes uint32
	name           string
	data           []byte
}

// parse reads a sequence as BackupWrite does.
func parse(b []byte) (list []parsed, err error) {
	le := binary.LittleEndian
	for len(b) > 0 {
		if len(b) < 20 {
			return nil, errors.New("a header is cut short")
		}
		size, name := le.Uint64(b[8:]), uint64(le.Uint32(b[16:]))
		if name%2 != 0 || 20+name+size > uint64(len(b)) {
			return nil, fmt.Errorf("a stream of %d bytes, its name of %d, in %d", size, name, len(b))
		}
		var units []uint16
		for i := uint64(0); i < name; i += 2 {
			units = append(units, le.Uint16(b[20+i:]))
		}
		list = append(list, parsed{le.Uint32(b), le.Uint32(b[4:]), string(utf16.Decode(units)), b[20+name : 20+name+size]})
		b = b[20+name+size:]
	}
	return list, nil
}

func TestSequence(t *testing.T) {
	id := []byte("0123456789abcdef")
	var b []byte
	b = Append(b, Security, []byte("descriptor"))
	b = Append(b, ObjectID, id)
	b = append(Stream{ID: Alternate, Name: "größe 𝄞", Size: 5}.AppendHeader(b), "hello"...)
	b = Append(b, Reparse, []byte("reparse data"))
	b = append(Stream{ID: Alternate, Name: "empty"}.AppendHeader(b), ""...)
	got, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	want := []parsed{
		{3, 2, "", []byte("descriptor")},
		{7, 0, "", append(id, make([]byte, 48)...)},
		{4, 0, ":größe 𝄞:$DATA", []byte("hello")},
		{8, 0, "", []byte("reparse data")},
		{4, 0, ":empty:$DATA", []byte{}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestEAsAreThoseOfWindows(t *testing.T) {
	list := []EA{{"FIRST", 0, []byte("value")}, {"SECOND", 0x80, []byte("v")}, {"LAST", 0, bytes.Repeat([]byte("x"), 1000)}}
	got, err := winio.DecodeExtendedAttributes(AppendEAs(nil, list))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(list) {
		t.Fatalf("%d of %d attributes", len(got), len(list))
	}
	for i, e := range got {
		if e.Name != list[i].Name || e.Flags != list[i].Flags || !bytes.Equal(e.Value, list[i].Value) {
			t.Errorf("got %v, want %v", e, list[i])
		}
	}
}
