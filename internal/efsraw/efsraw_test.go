package efsraw

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// decoded is a stream that was read back.
type decoded struct {
	name string
	size int64
	data []byte
}

// decode reads all of a raw form.
func decode(b []byte) (info []byte, streams []decoded, err error) {
	d, err := NewDecoder(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	for {
		name, err := d.Next()
		if err == io.EOF {
			return d.Info, streams, nil
		}
		if err != nil {
			return nil, nil, err
		}
		var data bytes.Buffer
		size, err := d.Copy(&data)
		if err != nil {
			return nil, nil, err
		}
		streams = append(streams, decoded{name, size, data.Bytes()})
	}
}

// form makes a raw form of streams of these sizes.
func form(t testing.TB, rng *rand.Rand, info []byte, sizes map[string]int64) (b []byte, want []decoded) {
	t.Helper()
	var streams []Stream
	for _, name := range []string{"", "a", "größe"} {
		size, ok := sizes[name]
		if !ok {
			continue
		}
		data := make([]byte, Stored(size))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		streams = append(streams, Stream{name, size, bytes.NewReader(data)})
		want = append(want, decoded{name, size, data})
	}
	length := Length(len(info), streams)
	b, err := io.ReadAll(iotest.HalfReader(NewReader(info, streams)))
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != length {
		t.Errorf("%d bytes, told %d", len(b), length)
	}
	return b, want
}

func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, sizes := range []map[string]int64{
		{},
		{"": 0},
		{"": 1},
		{"": 512, "a": 0},
		{"": segmentSize - 1, "a": segmentSize, "größe": segmentSize + 1},
		{"a": 3*segmentSize + 513},
	} {
		info := make([]byte, 1+rng.IntN(2000))
		b, want := form(t, rng, info, sizes)
		gotInfo, got, err := decode(b)
		if err != nil {
			t.Errorf("%v: %v", sizes, err)
			continue
		}
		if !bytes.Equal(gotInfo, info) || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v: read back it is another one", sizes)
		}
	}
}

// Every field of [MS-EFSR] 2.2.3 is where that has it.
func TestFormIsAsSpecified(t *testing.T) {
	got, err := io.ReadAll(NewReader([]byte("info"), []Stream{{Size: 700, Data: bytes.NewReader(bytes.Repeat([]byte{0xee}, 1024))}}))
	if err != nil {
		t.Fatal(err)
	}
	want := "00010000" + "52004f0042005300" + "0000000000000000" +
		"1e000000" + "4e00540046005300" + "00000000" + "0000000000000000" + "02000000" + "1019" +
		"14000000" + "4700550052004500" + "00000000" + hex.EncodeToString([]byte("info")) +
		"2c000000" + "4e00540046005300" + "00000000" + "0000000000000000" + "10000000" + "3a003a00240044004100540041000000" +
		"30040000" + "4700550052004500" + "00000000" +
		"0000000000000000" + "20000000" + "bc020000" + "bc020000" + "0000" + "0a" + "0a" + "0c" + "01" + "0100" + "00040000"
	if head := hex.EncodeToString(got[:len(got)-1024]); head != want {
		t.Errorf("got  %s\nwant %s", head, want)
	}
}

// What is not the form, is cut off, or is more than this package handles is told from one another, and never read past its end.
func TestOtherForms(t *testing.T) {
	b, _ := form(t, rand.New(rand.NewPCG(3, 4)), []byte("info"), map[string]int64{"": 70000, "a": 5})
	head := bytes.Index(b, []byte("G\x00U\x00R\x00E\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")) + 12 // of the first segment with a header
	change := func(at int, with ...byte) []byte { c := bytes.Clone(b); copy(c[at:], with); return c }
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":            {nil, ErrForm},
		"text":             {bytes.Repeat([]byte("text"), 100), ErrForm},
		"no metadata":      {b[:formHead], ErrForm},
		"empty metadata":   {b[:formHead+streamHead+2], ErrForm},
		"other first":      {change(formHead+28, 'x'), ErrForm},
		"name too long":    {change(formHead+24, 0xff, 0xff), ErrForm},
		"plain stream":     {change(bytes.LastIndex(b, streamMagic)+8, 1), ErrUnsupported},
		"other name":       {change(bytes.LastIndex(b, []byte("D\x00A\x00T\x00A\x00")), 'X'), ErrUnsupported},
		"not from start":   {change(head, 1), ErrUnsupported},
		"never written":    {change(head+16, 0, 0, 0), ErrUnsupported},
		"block left out":   {change(head+28, 0, 0, 0), ErrUnsupported},
		"many blocks":      {change(head+26, 0xff, 0xff), ErrForm},
		"header too long":  {change(head+8, 0xff, 0xff, 0xff), ErrForm},
		"inner part short": {change(head+12, 1, 0, 0), ErrForm},
	} {
		if _, _, err := decode(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	b, _ = form(t, rand.New(rand.NewPCG(3, 4)), []byte("info"), map[string]int64{"": 700, "a": 5})
	whole := 0
	for n := range b {
		if _, _, err := decode(b[:n]); err == nil {
			whole++ // it ends where a stream or segment does
		} else if !errors.Is(err, ErrForm) {
			t.Errorf("%d bytes of %d: %v", n, len(b), err)
		}
	}
	if whole != 4 { // behind the metadata, the second head, the contents and the last head
		t.Errorf("cut off at %d places it is taken for whole", whole)
	}
}

func FuzzDecoder(f *testing.F) {
	b, _ := form(f, rand.New(rand.NewPCG(5, 6)), []byte("info"), map[string]int64{"": 3000, "a": 5})
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		info, streams, err := decode(b)
		if err != nil {
			if !errors.Is(err, ErrForm) && !errors.Is(err, ErrUnsupported) {
				t.Errorf("%v is neither", err)
			}
			return
		}
		var again []Stream
		for _, s := range streams {
			if int64(len(s.data)) != Stored(s.size) {
				t.Fatalf("%d bytes for a stream of %d", len(s.data), s.size)
			}
			again = append(again, Stream{s.name, s.size, bytes.NewReader(s.data)})
		}
		c, err := io.ReadAll(NewReader(info, again))
		if err != nil {
			t.Fatal(err)
		}
		info2, streams2, err := decode(c)
		if err != nil || !bytes.Equal(info, info2) || fmt.Sprint(streams) != fmt.Sprint(streams2) {
			t.Errorf("written again it reads differently: %v", err)
		}
	})
}
