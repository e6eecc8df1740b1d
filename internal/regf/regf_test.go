package regf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/regf/regftest"
)

// sample has a key with many keys, and one with values of every kind.
func sample(o regftest.Options) []byte { return sampleOf(o, 300, 2000) }

func sampleOf(o regftest.Options, keys, tens int) []byte {
	long := strings.Repeat("0123456789", tens)
	many := regftest.Key{Name: "Many"}
	for i := range keys {
		many.Keys = append(many.Keys, regftest.Key{Name: fmt.Sprintf("Key%03d", i), Values: []regftest.Value{{Name: "Number", Data: uint32(i)}}})
	}
	return regftest.Build(regftest.Key{Name: "ROOT", Keys: []regftest.Key{many, {Name: "Microsoft", Keys: []regftest.Key{{
		Name: "Windows NT", Values: []regftest.Value{
			{Name: "Text", Data: "größer"}, {Name: "Short", Data: ""}, {Name: "Long", Data: long}, {Name: "List", Data: []string{"a", "bc", ""}}, {Name: "Number", Data: uint32(1 << 30)}, {Name: "Bytes", Data: []byte{1, 2, 3, 4, 5}},
		},
	}}}}}, o)
}

func open(b []byte) (*Hive, error) { return Open(bytes.NewReader(b), int64(len(b))) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestHivesAreRead(t *testing.T) {
	for _, list := range []string{"lf", "lh", "li", "ri"} {
		for _, wide := range []bool{false, true} {
			h, err := open(sample(regftest.Options{List: list, Wide: wide}))
			must(t, err)
			k, err := h.Key(`microsoft\WINDOWS nt`)
			must(t, err)
			if s, err := k.Text("text"); err != nil || s != "größer" || k.Name() != "Windows NT" {
				t.Errorf("%s: %q in %q, %v", list, s, k.Name(), err)
			}
			if s, err := k.Text("Short"); err != nil || s != "" {
				t.Errorf("%s: %q, %v", list, s, err)
			}
			if s, err := k.Text("Long"); err != nil || len(s) != 20000 || s[19990:] != "0123456789" {
				t.Errorf("%s: %d bytes, %v", list, len(s), err)
			}
			if s, err := k.Texts("List"); err != nil || !slices.Equal(s, []string{"a", "bc"}) {
				t.Errorf("%s: %q, %v", list, s, err)
			}
			if n, err := k.Number("Number"); err != nil || n != 1<<30 {
				t.Errorf("%s: %d, %v", list, n, err)
			}
			for _, name := range []string{"Bytes", "nothing", "Number", "List"} {
				if _, err := k.Text(name); !errors.Is(err, ErrNotFound) {
					t.Errorf("%s: %s: %v", list, name, err)
				}
			}
			if _, err := h.Key(`Microsoft\Windows`); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: a key that is not there: %v", list, err)
			}
			k, err = h.Key("Many")
			must(t, err)
			subs, err := k.Subkeys()
			must(t, err)
			if len(subs) != 300 || subs[299].Name() != "Key299" {
				t.Errorf("%s: %d keys", list, len(subs))
			}
		}
	}
}

// everything reads all of a hive.
func everything(k Key, depth int) {
	subs, _ := k.Subkeys()
	k.Name()
	for _, name := range []string{"Text", "Long", "List", "Number", ""} {
		k.Text(name)
		k.Texts(name)
		k.Number(name)
	}
	if depth < 6 {
		for _, s := range subs {
			everything(s, depth+1)
		}
	}
}

func TestDamagedHivesAreSurvived(t *testing.T) {
	b := sample(regftest.Options{List: "ri"})
	for i := 4096; i < len(b); i += 3 {
		c := slices.Clone(b[:min(len(b), 16384)])
		if i < len(c) {
			c[i] ^= 0xff
		}
		if h, err := open(c); err == nil {
			h.read = maxRead - 200_000
			if k, err := h.Key(""); err == nil {
				everything(k, 0)
			}
		}
	}
	for _, n := range []int{0, 47, 4095} {
		if _, err := open(b[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestListsThatNameThemselvesAreBounded(t *testing.T) {
	b := sample(regftest.Options{List: "ri"})
	at := bytes.Index(b, []byte("ri"))
	n := binary.LittleEndian.Uint16(b[at+2:])
	for i := range int(n) {
		binary.LittleEndian.PutUint32(b[at+4+4*i:], uint32(at-4-4096))
	}
	h, err := open(b)
	must(t, err)
	if k, err := h.Key(""); err == nil {
		subs, err := k.Subkeys()
		for _, s := range subs {
			if _, e := s.Subkeys(); e != nil {
				err = e
			}
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("a list in itself: %v", err)
		}
	}
	h.read = maxRead
	if _, err := h.Key(""); !errors.Is(err, ErrCorrupt) {
		t.Errorf("one cell over the limit: %v", err)
	}
}

func FuzzHive(f *testing.F) {
	f.Add(sampleOf(regftest.Options{}, 3, 2))
	f.Add(sampleOf(regftest.Options{List: "ri", Wide: true}, 4, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := open(b)
		if err != nil {
			return
		}
		h.read = maxRead - 100_000
		if k, err := h.Key(""); err == nil {
			everything(k, 0)
		}
	})
}
