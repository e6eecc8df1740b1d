//go:build unix

package wim

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// entry is a line of a blob table that a test makes up.
type entry struct {
	at   Location
	part int
	hash SHA1
}

// handmade puts a file together: header, body, blob table, XML. Offsets of entries count from the file's start, so that the body is at HeaderSize.
func handmade(h Header, body []byte, entries ...entry) []byte {
	h.Version, h.Part, h.Parts = versionNormal, max(1, h.Part), max(1, h.Parts)
	if h.Compression == None {
		h.Compression, h.PieceSize = XPRESS, 32768
	}
	h.Flags |= FlagCompressed | map[Compression]HeaderFlags{XPRESS: FlagXPRESS, LZX: FlagLZX, LZMS: FlagLZMS}[h.Compression]
	var table []byte
	for _, e := range entries {
		table = e.at.append(table)
		table = binary.LittleEndian.AppendUint16(table, uint16(max(1, e.part)))
		table = append(binary.LittleEndian.AppendUint32(table, 1), e.hash[:]...)
	}
	at := int64(HeaderSize + len(body))
	h.BlobTable = Location{Offset: at, StoredSize: int64(len(table)), Size: int64(len(table)), Flags: ResourceMetadata}
	xml, _ := encodeUTF16("\ufeff<WIM></WIM>")
	h.XML = Location{Offset: h.BlobTable.End(), StoredSize: int64(len(xml)), Size: int64(len(xml)), Flags: ResourceMetadata}
	b := slices.Concat(h.append(nil), body, table, xml)
	if h.Pipable {
		first := h
		first.BlobTable, first.XML = Location{}, Location{}
		copy(b, first.append(nil))
		b = h.append(b)
	}
	return b
}

// solidRunOf makes a solid run of pieces that are stored raw.
func solidRunOf(size uint64, piece, format uint32, sizes []uint32, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, size)
	b = binary.LittleEndian.AppendUint32(b, piece)
	b = binary.LittleEndian.AppendUint32(b, format)
	for _, n := range sizes {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return append(b, data...)
}

func noise(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// run and member are the entries of a solid run whose stored bytes are the body, and of a resource in it.
func run(stored int) entry {
	return entry{at: Location{Offset: HeaderSize, StoredSize: int64(stored), Size: solidRun, Flags: ResourceSolid}}
}

func member(content []byte, off, n int64) entry {
	e := entry{at: Location{Offset: off, StoredSize: n, Flags: ResourceSolid}}
	if off >= 0 && off+n <= int64(len(content)) {
		e.hash = sha1.Sum(content[off : off+n])
	}
	return e
}

// openAndVerify reads all of a file, and says how many bytes that allocated.
func openAndVerify(b []byte) (alloc uint64, err error) {
	alloc = allocated(func() {
		var f *File
		if f, err = open(b); err == nil {
			err = f.Verify(context.Background(), nil)
		}
	})
	return alloc, err
}

func TestSolidRunsThatLieAreRefused(t *testing.T) {
	content := noise(100_000)
	sizes := []uint32{32768, 32768, 32768, 1696}
	good := solidRunOf(100_000, 32768, 2, sizes, content)
	members := []entry{member(content, 0, 50_000), member(content, 50_000, 50_000)}
	file := func(body []byte, e ...entry) []byte { return handmade(Header{}, body, e...) }
	if _, err := openAndVerify(file(good, append([]entry{run(len(good))}, members...)...)); err != nil {
		t.Fatal(err)
	}
	with := func(change func(b []byte)) []byte {
		b := slices.Clone(good)
		change(b)
		return file(b, append([]entry{run(len(b))}, members...)...)
	}
	le := binary.LittleEndian
	bad := map[string][]byte{
		"a member behind the run":      file(good, run(len(good)), member(content, 99_999, 2)),
		"a member far behind the run":  file(good, run(len(good)), member(content, 1<<60, 1)),
		"a member of exabytes":         file(good, run(len(good)), member(content, 0, 1<<55)),
		"members that overlap":         file(good, run(len(good)), member(content, 0, 500), member(content, 499, 5)),
		"members without a run":        file(good, members...),
		"a run twice":                  file(good, run(len(good)), run(len(good)), members[0]),
		"a run over a table":           file(good, run(len(good)+1), members[0]),
		"a run that is not there":      file(nil, run(0), members[0]),
		"a run shorter than a header":  file(good, run(15), members[0]),
		"a run shorter than its table": file(good, run(20), members[0]),
		"no content":                   with(func(b []byte) { le.PutUint64(b, 0) }),
		"a content of exabytes":        with(func(b []byte) { le.PutUint64(b, 1<<62) }),
		"a content past exabytes":      with(func(b []byte) { le.PutUint64(b, math.MaxUint64) }),
		"pieces of no bytes":           with(func(b []byte) { le.PutUint32(b[8:], 0) }),
		"pieces of a crooked size":     with(func(b []byte) { le.PutUint32(b[8:], 32769) }),
		"pieces that are too large":    with(func(b []byte) { le.PutUint32(b[8:], 1<<31) }),
		"an unknown compression":       with(func(b []byte) { le.PutUint32(b[12:], 4) }),
		"a piece of no bytes":          with(func(b []byte) { le.PutUint32(b[16:], 0) }),
		"a piece longer than it is":    with(func(b []byte) { le.PutUint32(b[16:], 32769) }),
		"a piece of gigabytes":         with(func(b []byte) { le.PutUint32(b[24:], math.MaxUint32) }),
		"a piece that is cut":          with(func(b []byte) { le.PutUint32(b[20:], 32767) }),
		"other bytes":                  with(func(b []byte) { b[50_000] ^= 1 }),
	}
	huge := solidRunOf(1<<30, 1<<30, 3, []uint32{1000}, noise(1000))
	bad["a piece of a gigabyte that does not decode"] = file(huge, run(len(huge)), entry{at: Location{Offset: 0, StoredSize: 1 << 30, Flags: ResourceSolid}})
	for name, b := range bad {
		alloc, err := openAndVerify(b)
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
		if alloc > 16<<20 && !strings.Contains(name, "gigabyte that") { // this one's memory is never touched
			t.Errorf("%s: %d bytes allocated", name, alloc)
		}
	}
}

// pipableRun makes the stored form of a compressed run of pieces that are stored raw.
func pipableRun(content []byte, piece int) []byte {
	var b, table []byte
	off := 0
	for p := range slices.Chunk(content, piece) {
		if off > 0 {
			table = binary.LittleEndian.AppendUint32(table, uint32(off))
		}
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(p))), p...)
		off += len(p)
	}
	return append(b, table...)
}

func TestPipableRunsThatLieAreRefused(t *testing.T) {
	content := noise(100_000)
	good := pipableRun(content, 32768)
	file := func(body []byte) []byte {
		return handmade(Header{Pipable: true}, body, entry{
			at:   Location{Offset: HeaderSize, StoredSize: int64(len(body)), Size: int64(len(content)), Flags: ResourceCompressed},
			hash: sha1.Sum(content),
		})
	}
	if _, err := openAndVerify(file(good)); err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	table := len(good) - 12
	for name, b := range map[string][]byte{
		"no table":             file(good[:table]),
		"a cut piece":          file(good[1:]),
		"a table of zeros":     file(append(good[:table:table], make([]byte, 12)...)),
		"a table far away":     file(le.AppendUint32(good[:len(good)-4:len(good)-4], math.MaxUint32)),
		"a table out of order": file(le.AppendUint32(good[:len(good)-4:len(good)-4], 5)),
		"too few bytes":        file(good[:20]),
		"no bytes":             file(nil),
		"no header at the end": file(good)[:1000],
		"another's header":     func() []byte { b := file(good); b[len(b)-HeaderSize+24] ^= 1; return b }(),
		"a solid run":          handmade(Header{Pipable: true}, solidRunOf(5, 32768, 1, []uint32{5}, []byte("hello")), run(25), member([]byte("hello"), 0, 5)),
	} {
		alloc, err := openAndVerify(b)
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
		if alloc > 16<<20 {
			t.Errorf("%s: %d bytes allocated", name, alloc)
		}
	}
}

// deepTree makes metadata of that many directories in one another.
func deepTree(depth int) []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(nil, 8)
	dentry := func(name string, children int) {
		d := make([]byte, dentrySize, dentrySize+16)
		le.PutUint32(d[8:], AttrDirectory)
		le.PutUint32(d[12:], math.MaxUint32)
		le.PutUint64(d[16:], uint64(children))
		le.PutUint16(d[100:], uint16(2*len(name)))
		if u, _ := encodeUTF16(name); len(u) > 0 {
			d = append(append(d, u...), 0, 0)
		}
		d = append(d, make([]byte, align8(int64(len(d)))-int64(len(d)))...)
		le.PutUint64(d, uint64(len(d)))
		b = append(append(b, d...), make([]byte, 8)...)
	}
	dentry("", 8+104+8)
	for i := range depth {
		next := len(b) + 112 + 8
		if i == depth-1 {
			next = 0
		}
		dentry("x", next)
	}
	return b
}

func TestTreesThatAreTooDeepAreRefused(t *testing.T) {
	if _, err := parseMetadata(deepTree(MaxDepth - 1)); err != nil {
		t.Errorf("a tree that is not: %v", err)
	}
	var err error
	b := deepTree(100_000)
	if n := allocated(func() { _, err = parseMetadata(b) }); !errors.Is(err, ErrCorrupt) || n > 16<<20 {
		t.Errorf("%v, %d bytes allocated", err, n)
	}
}

func TestTooManyImagesAreRefused(t *testing.T) {
	metadata := deepTree(1)
	of := func(images int) []byte {
		e := slices.Repeat([]entry{{
			at:   Location{Offset: HeaderSize, StoredSize: int64(len(metadata)), Size: int64(len(metadata)), Flags: ResourceMetadata},
			hash: sha1.Sum(metadata),
		}}, images)
		return handmade(Header{ImageCount: images}, metadata, e...)
	}
	f, err := open(of(MaxImages))
	must(t, err)
	if _, err := f.Image(MaxImages); err != nil {
		t.Errorf("the last image: %v", err)
	}
	if _, err := open(of(70_000)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("70,000 images: %v", err)
	}
	b := of(2)
	binary.LittleEndian.PutUint32(b[44:], 3)
	if _, err := open(b); !errors.Is(err, ErrCorrupt) {
		t.Errorf("fewer images than the header has: %v", err)
	}
}

func TestWideXMLIsBounded(t *testing.T) {
	var attributes strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&attributes, " a%d='b'", i)
	}
	for name, text := range map[string]string{
		"attributes": "<WIM" + attributes.String() + "/>",
		"elements":   "<WIM>" + strings.Repeat("<a/>", 1_000_000) + "</WIM>",
		"a comment":  "<WIM><!--" + strings.Repeat("x", 4_000_000) + "--></WIM>",
		"a name":     "<" + strings.Repeat("x", 4_000_000) + "/>",
		"text":       "<WIM>" + strings.Repeat("x", 4_000_000) + "</WIM>",
		"brackets":   strings.Repeat("<", 4_000_000),
	} {
		var err error
		if n := allocated(func() { err = parseXML([]byte(text), make([]ImageInfo, 1)) }); n > 400<<20 {
			t.Errorf("%s: %d bytes allocated, %v", name, n, err)
		}
		if err == nil && name != "elements" && name != "text" {
			t.Errorf("%s were taken", name)
		}
	}
}

// Readers that want more pieces at once than the cache holds wait for one another, and get them all.
func TestSolidCacheIsBounded(t *testing.T) {
	const pieces = 3 * cachePieces
	content := noise(pieces * 4096)
	body := solidRunOf(uint64(len(content)), 4096, 1, slices.Repeat([]uint32{4096}, pieces), content)
	f, err := open(handmade(Header{}, body, run(len(body)), member(content, 0, int64(len(content)))))
	must(t, err)
	res := f.Layout().Resources[0]
	done := make(chan error)
	for g := range 8 {
		go func() {
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			r, err := f.Open(res)
			for i := 0; i < 500 && err == nil; i++ {
				off := rng.Int64N(res.Size)
				b := make([]byte, min(res.Size-off, 10_000))
				if _, err = r.ReadAt(b, off); err == nil && !bytes.Equal(b, content[off:off+int64(len(b))]) {
					err = fmt.Errorf("other bytes at %d", off)
				}
			}
			done <- err
		}()
	}
	for range 8 {
		must(t, <-done)
	}
	if n := len(f.cache.pieces); n > cachePieces {
		t.Errorf("%d pieces are kept", n)
	}
}

// A copy that was changed since has its origin's GUID, and yet is no part of a set with it.
func TestACopyMayLendToItsOrigin(t *testing.T) {
	file := func(text string) Input {
		b := handmade(Header{}, []byte(text), entry{at: Location{Offset: HeaderSize, StoredSize: int64(len(text)), Size: int64(len(text))}, hash: sha1.Sum([]byte(text))})
		return Input{R: bytes.NewReader(b), Size: int64(len(b)), Name: text}
	}
	f, err := OpenSet(file("one"), file("another"), file("one"))
	must(t, err)
	must(t, f.Verify(context.Background(), nil))
	for _, text := range []string{"one", "another"} {
		if got := content(t, f, sha1.Sum([]byte(text))); string(got) != text {
			t.Errorf("%q was read as %q", text, got)
		}
	}
	res := f.Layout().Resources[1]
	if in, part, off := f.Where(res.Offset); in.Name != "another" || part != 1 || off != HeaderSize {
		t.Errorf("a resource is in %s, part %d, at %d", in.Name, part, off)
	}
}

// zerosBehind reads as zeros behind its bytes.
type zerosBehind []byte

func (z zerosBehind) ReadAt(b []byte, off int64) (int, error) {
	clear(b)
	if off < int64(len(z)) {
		copy(b, z[off:])
	}
	return len(b), nil
}

// Sizes that 32 bits do not hold, and the largest that they do.
func TestResourcesOfManyGigabytes(t *testing.T) {
	const gib = 1 << 30
	sizes := []int64{4*gib - 2, 4*gib - 1, 4 * gib, 5*gib + 7, 9}
	solid := solidRunOf(5*gib, gib, 3, []uint32{10, 10, 10, 10, 10}, noise(50))
	entries := []entry{run(len(solid)), member(nil, 0, 5), member(nil, 5, 5*gib-10), member(nil, 5*gib-5, 5)}
	first := int64(1 << 20)
	for i, n := range sizes {
		e := entry{at: Location{Offset: first, StoredSize: n, Size: n}, hash: SHA1{byte(i)}}
		entries, first = append(entries, e), first+n
	}
	slices.Reverse(entries[4:]) // they are found by place whatever the order
	f, err := Open(zerosBehind(handmade(Header{}, solid, entries...)), first)
	must(t, err)
	if f.Placed() != 3+len(sizes) {
		t.Fatalf("%d resources", f.Placed())
	}
	want := append([]int64{5, 5*gib - 10, 5}, sizes...)
	at := int64(0)
	for i, res := range f.Resources() {
		p := f.Place(i)
		if res.Size != want[i] || f.SizeOf(i) != want[i] || p.Start != res.Start || p.Offset != res.Offset || p.StoredSize != res.StoredSize || p.RunSize != res.Run.Size {
			t.Errorf("resource %d: %d bytes, want %d; at %+v", i, res.Size, want[i], p)
		}
		if i < 3 {
			if res.Start != at || !res.Solid {
				t.Errorf("member %d starts at %d, want %d", i, res.Start, at)
			}
			at += want[i]
		} else if res.StoredSize != want[i] {
			t.Errorf("resource %d is stored in %d bytes, want %d", i, res.StoredSize, want[i])
		}
	}
}
