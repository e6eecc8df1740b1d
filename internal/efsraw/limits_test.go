package efsraw

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestMetadataAtAndOnePast: of an attribute's length, and a byte longer.
func TestMetadataAtAndOnePast(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for past, want := range []error{nil, ErrUnsupported} {
		info := bytes.Repeat([]byte{7}, maxInfo+past)
		b, _ := form(t, rng, info, map[string]int64{"": 1000})
		d, err := NewDecoder(bytes.NewReader(b))
		if !errors.Is(err, want) || err == nil && !bytes.Equal(d.Info, info) {
			t.Errorf("%d bytes of metadata: %v", len(info), err)
		}
	}
}

// TestStreamNamesAtAndOnePast: of 255 characters, and a byte longer in the form.
func TestStreamNamesAtAndOnePast(t *testing.T) {
	name := strings.Repeat("n", 255)
	b, err := io.ReadAll(NewReader([]byte{1}, []Stream{{"", 0, bytes.NewReader(nil)}, {name, 0, bytes.NewReader(nil)}}))
	if err != nil {
		t.Fatal(err)
	}
	next := func(b []byte) (string, error) {
		d, err := NewDecoder(bytes.NewReader(b))
		if err != nil {
			return "", err
		}
		if _, err := d.Next(); err != nil {
			return "", err
		}
		if _, err := d.Copy(io.Discard); err != nil {
			return "", err
		}
		return d.Next()
	}
	if got, err := next(b); got != name || err != nil {
		t.Errorf("the longest name: %q, %v", got, err)
	}
	at := bytes.LastIndex(b, streamMagic) - 4
	if n := binary.LittleEndian.Uint32(b[at+24:]); n != uint32(maxName) {
		t.Fatalf("the longest name has %d bytes, want %d", n, maxName)
	}
	for _, field := range []int{0, 24} {
		binary.LittleEndian.PutUint32(b[at+field:], binary.LittleEndian.Uint32(b[at+field:])+1)
	}
	if got, err := next(b); !errors.Is(err, ErrForm) || !strings.Contains(err.Error(), "a name of") {
		t.Errorf("a name one byte longer: %q, %v", got, err)
	}
}
