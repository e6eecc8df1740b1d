package regf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/wimcast/wimcast/internal/regf/regftest"
)

// crafted makes a hive of cells, whose offsets fn is told one by one.
type crafted struct{ b []byte }

func (c *crafted) cell(data []byte) uint32 {
	off := uint32(len(c.b))
	n := (len(data) + 4 + 7) &^ 7
	c.b = binary.LittleEndian.AppendUint32(c.b, uint32(-int32(n)))
	c.b = append(append(c.b, data...), make([]byte, n-4-len(data))...)
	return off
}

func (c *crafted) hive() *Hive {
	b := append(make([]byte, baseSize), c.b...)
	return &Hive{r: bytes.NewReader(b), size: int64(len(b))}
}

func listOf(kind string, entries ...uint32) []byte {
	b := binary.LittleEndian.AppendUint16([]byte(kind), uint16(len(entries)))
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint32(b, e)
	}
	return b
}

// zeros are so many bytes that begin like a hive.
type zeros struct{ io.ReaderAt }

func (zeros) ReadAt(b []byte, off int64) (int, error) {
	head := make([]byte, 48)
	copy(head, "regf")
	head[20] = 1
	if off == 0 {
		copy(b, head)
	}
	return len(b), nil
}

// TestHiveLimits: of a hive's size, and of what its keys and values may name.
func TestHiveLimits(t *testing.T) {
	size := func(n int64) error { _, err := Open(zeros{}, n); return err }
	key := func(at int, n uint32) Key {
		k := Key{h: (&crafted{}).hive(), cell: make([]byte, 76)}
		binary.LittleEndian.PutUint32(k.cell[at:], n)
		binary.LittleEndian.PutUint32(k.cell[28:], 4) // no cell
		binary.LittleEndian.PutUint32(k.cell[40:], 4)
		return k
	}
	subkeys := func(n uint32) error { _, err := key(20, n).Subkeys(); return err }
	values := func(n uint32) error { _, _, err := key(36, n).value("x"); return err }
	data := func(n uint32) error {
		v := make([]byte, 20)
		binary.LittleEndian.PutUint32(v[4:], n)
		binary.LittleEndian.PutUint32(v[8:], 4)
		_, err := (&crafted{}).hive().data(v)
		return err
	}
	listed := func(before int) error {
		c := &crafted{}
		at := c.cell(listOf("li", 0, 0))
		_, err := c.hive().list(make([]uint32, before), at, 1)
		return err
	}
	nested := func(depth int) error {
		c := &crafted{}
		at := c.cell(listOf("li", 0))
		for range depth - 1 {
			at = c.cell(listOf("ri", at))
		}
		_, err := c.hive().list(nil, at, 1)
		return err
	}
	read := func(before int64) error {
		c := &crafted{}
		at := c.cell(make([]byte, 4))
		h := c.hive()
		h.read = before
		_, err := h.cell(at, "", 4)
		return err
	}
	for what, c := range map[string]struct {
		at, past error
		why      string
	}{
		"bytes of a hive":  {size(maxHive), size(maxHive + 1), "bytes"},
		"keys of a key":    {subkeys(maxSubkeys), subkeys(maxSubkeys + 1), "a key with 65537 subkeys"},
		"values of a key":  {values(maxValues), values(maxValues + 1), "a key with 16385 values"},
		"bytes of a value": {data(maxValue), data(maxValue + 1), "the limit is"},
		"keys of lists":    {listed(maxSubkeys - 2), listed(maxSubkeys - 1), "a list of 2 keys"},
		"lists in lists":   {nested(maxLists), nested(maxLists + 1), "3 deep"},
		"bytes read":       {read(maxRead - 68), read(maxRead - 67), "are named"},
	} {
		if c.at != nil && bytes.Contains([]byte(c.at.Error()), []byte(c.why)) {
			t.Errorf("%s at the limit: %v", what, c.at)
		}
		if !errors.Is(c.past, ErrCorrupt) || !bytes.Contains([]byte(c.past.Error()), []byte(c.why)) {
			t.Errorf("%s past the limit: %v, want %q", what, c.past, c.why)
		}
	}
	for what, err := range map[string]error{"hive": size(maxHive), "list": listed(maxSubkeys - 2), "lists": nested(maxLists), "read": read(maxRead - 68)} {
		if err != nil {
			t.Errorf("%s at the limit: %v", what, err)
		}
	}
}

// TestCellsAreCut: of a longer cell no more is read than of the longest.
func TestCellsAreCut(t *testing.T) {
	for _, n := range []int{maxCell, maxCell + 8} {
		c := &crafted{}
		at := c.cell(make([]byte, n-4)) // the cell's length is before it
		got, err := c.hive().cell(at, "", 4)
		must(t, err)
		if len(got) != min(n-4, maxCell) {
			t.Errorf("of a cell of %d bytes %d are read", n-4, len(got))
		}
	}
	for extra, ok := range map[int]bool{0: true, 1: false} {
		name := maxKey - 76 + extra
		b := append([]byte("nk"), make([]byte, 74+name)...)
		binary.LittleEndian.PutUint16(b[72:], uint16(name))
		c := &crafted{}
		at := c.cell(b)
		if _, err := c.hive().keyAt(at); (err == nil) != ok {
			t.Errorf("a key of %d bytes: %v", len(b), err)
		}
	}
}

// TestLongValuesAreRead: up to the longest, in pieces.
func TestLongValuesAreRead(t *testing.T) {
	for past, ok := range []bool{true, false} {
		text := bytes.Repeat([]byte{'x'}, maxValue+past)
		h, err := open(regftest.Build(regftest.Key{Name: "ROOT", Values: []regftest.Value{{Name: "v", Data: text}}}, regftest.Options{}))
		must(t, err)
		k, err := h.Key("")
		must(t, err)
		got, _, err := k.value("v")
		if (err == nil) != ok || ok && !bytes.Equal(got, text) {
			t.Errorf("a value of %d bytes: %d are read, %v", len(text), len(got), fmt.Sprint(err))
		}
	}
}
