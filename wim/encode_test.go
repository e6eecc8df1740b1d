//go:build unix

package wim

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// encodeTree gives the bytes of an image's metadata.
func encodeTree(img *Image) ([]byte, error) {
	e, err := newTreeEncoder(img, nil, 0, nil)
	if err != nil {
		return nil, err
	}
	var b []byte
	err = e.encode(func(p []byte) error {
		b = append(b, p...)
		return nil
	})
	if err == nil && int64(len(b)) != e.size {
		err = fmt.Errorf("%d bytes, reckoned with %d", len(b), e.size)
	}
	return b, err
}

// A tree that was parsed, encoded and parsed again is the same in all that it has, and is then encoded to the same bytes.
func FuzzTreeEncoded(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2)) // seeds are the same each time
	for range 3 {
		img := sourceTree(rng, "x", 12)
		_ = img.Walk(func(d *Dentry) error {
			for i := range d.Streams {
				d.Streams[i].Hash = SHA1{1, byte(i)}
			}
			return nil
		})
		b, err := encodeTree(img)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		img, err := parseMetadata(b)
		if err != nil {
			return
		}
		once, err := encodeTree(img)
		if err != nil {
			t.Fatalf("what was parsed cannot be encoded: %v", err)
		}
		again, err := parseMetadata(once)
		if err != nil {
			t.Fatalf("what was encoded cannot be parsed: %v", err)
		}
		sameImageFuzz(t, img, again)
		twice, err := encodeTree(again)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("encoded again it differs: %v", err)
		}
	})
}

func sameImageFuzz(t *testing.T, a, b *Image) {
	t.Helper()
	x, y := describeImage(a), describeImage(b)
	if len(x) != len(y) {
		t.Fatalf("%d dentries became %d", len(x), len(y))
	}
	for i := range x {
		if x[i] != y[i] {
			t.Fatalf("%s\nbecame\n%s", x[i], y[i])
		}
	}
}

// Where the streams of each kind of dentry stand is what Windows' tools expect.
func TestStreamsStandWhereWindowsLooksForThem(t *testing.T) {
	data, reparse, named, raw := SHA1{1}, SHA1{2}, SHA1{3}, SHA1{4}
	all := map[StreamKind]SHA1{StreamData: data, StreamReparse: reparse, StreamNamed: named, StreamRaw: raw}
	zero := SHA1{}
	for name, c := range map[string]struct {
		attributes uint32
		streams    []StreamKind
		main       SHA1
		extra      []SHA1
	}{
		"file":                           {AttrArchive, []StreamKind{StreamData}, data, nil},
		"empty file":                     {AttrArchive, nil, zero, nil},
		"file with a stream":             {AttrArchive, []StreamKind{StreamData, StreamNamed}, zero, []SHA1{data, named}},
		"empty file with a stream":       {AttrArchive, []StreamKind{StreamNamed}, zero, []SHA1{zero, named}},
		"directory":                      {AttrDirectory, nil, zero, nil},
		"directory with a stream":        {AttrDirectory, []StreamKind{StreamNamed}, zero, []SHA1{named}},
		"link to a file":                 {AttrReparse, []StreamKind{StreamReparse}, zero, []SHA1{reparse, zero}},
		"link with contents":             {AttrReparse, []StreamKind{StreamData, StreamReparse}, zero, []SHA1{reparse, data}},
		"link with contents and stream":  {AttrReparse, []StreamKind{StreamData, StreamReparse, StreamNamed}, zero, []SHA1{reparse, data, named}},
		"junction":                       {AttrReparse | AttrDirectory, []StreamKind{StreamReparse}, reparse, nil},
		"junction with a stream":         {AttrReparse | AttrDirectory, []StreamKind{StreamReparse, StreamNamed}, zero, []SHA1{reparse, named}},
		"encrypted file":                 {AttrEncrypted, []StreamKind{StreamRaw}, raw, nil},
		"encrypted directory, a stream":  {AttrEncrypted | AttrDirectory, []StreamKind{StreamRaw, StreamNamed}, raw, []SHA1{named}},
		"directory that claims contents": {AttrDirectory, []StreamKind{StreamData}, data, nil},
	} {
		d := &Dentry{Name: "x", Attributes: c.attributes}
		for _, k := range c.streams {
			s := Stream{Kind: k, Hash: all[k]}
			if k == StreamNamed {
				s.Name = "n"
			}
			d.Streams = append(d.Streams, s)
		}
		var extra []SHA1
		main := d.entries(func(_ string, h SHA1) { extra = append(extra, h) })
		if main != c.main || fmt.Sprint(extra) != fmt.Sprint(c.extra) {
			t.Errorf("%s: main %s, extra %s", name, main, extra)
		}
		if _, err := d.measure(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What could not be read again is refused with a word on what it is.
func TestTreesThatCannotBeStoredAreRefused(t *testing.T) {
	img := func(children ...*Dentry) *Image {
		root := newDir("")
		for _, c := range children {
			c.Parent = root
			root.Children = append(root.Children, c)
		}
		return &Image{Root: root}
	}
	deep := newDir("")
	at := deep
	for range MaxDepth {
		c := newDir("d")
		at.Children, c.Parent = []*Dentry{c}, at
		at = c
	}
	manyStreams := make([]Stream, math.MaxUint16+1)
	for i := range manyStreams {
		manyStreams[i] = Stream{Kind: StreamNamed, Name: "s"}
	}
	kinds := func(k ...StreamKind) (s []Stream) {
		for _, k := range k {
			s = append(s, Stream{Kind: k, Hash: SHA1{1}})
		}
		return s
	}
	for name, m := range map[string]*Image{
		"no root":            {},
		"root is a file":     {Root: &Dentry{}},
		"named root":         {Root: newDir("x")},
		"empty name":         img(&Dentry{}),
		"dots":               img(&Dentry{Name: ".."}),
		"slash":              img(&Dentry{Name: "a/b"}),
		"NUL":                img(&Dentry{Name: "a\x00"}),
		"not UTF-8":          img(&Dentry{Name: "a\xff"}),
		"long name":          img(&Dentry{Name: strings.Repeat("x", MaxName+1)}),
		"long short name":    img(&Dentry{Name: "x", ShortName: strings.Repeat("x", MaxName+1)}),
		"twice":              img(&Dentry{Name: "x"}, &Dentry{Name: "x"}),
		"children of a file": img(&Dentry{Name: "x", Children: []*Dentry{{Name: "y"}}}),
		"too deep":           {Root: deep},
		"streams":            img(&Dentry{Name: "x", Streams: manyStreams}),
		"stream name":        img(&Dentry{Name: "x", Streams: []Stream{{Kind: StreamNamed, Name: strings.Repeat("x", MaxName+1)}}}),
		"unnamed stream":     img(&Dentry{Name: "x", Streams: []Stream{{Kind: StreamNamed}}}),
		"two contents":       img(&Dentry{Name: "x", Streams: kinds(StreamData, StreamData)}),
		"raw, not encrypted": img(&Dentry{Name: "x", Streams: kinds(StreamRaw)}),
		"encrypted contents": img(&Dentry{Name: "x", Attributes: AttrEncrypted, Streams: kinds(StreamData)}),
		"reparse of a file":  img(&Dentry{Name: "x", Streams: kinds(StreamReparse)}),
		"contents, no link":  img(&Dentry{Name: "x", Attributes: AttrReparse, Streams: kinds(StreamData)}),
		"unknown kind":       img(&Dentry{Name: "x", Streams: kinds(9)}),
	} {
		if _, err := encodeTree(m); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	at.Parent.Children = nil
	for name, m := range map[string]*Image{
		"deepest": {Root: deep},
		"longest": img(&Dentry{Name: strings.Repeat("x", MaxName)}),
		"streams": img(&Dentry{Name: "x", Streams: manyStreams[:math.MaxUint16-1]}),
	} {
		b, err := encodeTree(m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if _, err := parseMetadata(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// parseMetadata builds a tree in memory from the bytes of a metadata resource.
func parseMetadata(b []byte) (*Image, error) {
	t, err := newTree(metaBytes(b))
	if err != nil {
		return nil, err
	}
	return t.image()
}
