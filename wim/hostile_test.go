//go:build unix

package wim

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
)

func TestNamesNoFileSystemCanHoldAreRefused(t *testing.T) {
	for _, name := range []string{"..", ".", "", "/", "a/b", "../../etc/passwd", "/etc/passwd", "a\x00b", strings.Repeat("x", 256)} {
		if _, err := imageOfTree(t, dir("", dir("ok", file(name)))); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, root := range []*Dentry{dir("", file("x"), file("x")), dir("", dir("x"), file("x")), dir("root"), file("")} {
		if _, err := imageOfTree(t, root); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%+v: %v", root, err)
		}
	}
	if _, err := imageOfTree(t, dir("", file("..."), file(strings.Repeat("x", 255)))); err != nil {
		t.Errorf("good names: %v", err)
	}
}

func TestRulesForWindows(t *testing.T) {
	windows := []string{
		"CON", "con", "nul.txt", "Aux.", "COM1", "lpt9.log", "com¹", "CONIN$", "prn .x", "C:", "C:evil", "a:b", `a\b`, `..\up`, "x.", "x ", "a\x01", "*", "?", "<", "|", `"`,
	}
	for _, name := range windows {
		img, err := imageOfTree(t, dir("", file(name)))
		must(t, err)
		if err := checkTree(t, img, Rules{}); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
		if err := checkTree(t, img, Rules{AllowWindowsNames: true}); err != nil {
			t.Errorf("%q, allowed: %v", name, err)
		}
		if err := checkTree(t, img, Rules{AllowPOSIXNames: true}); errors.Is(err, ErrName) != strings.ContainsAny(name, `:\`) {
			t.Errorf("%q, allowed on POSIX: %v", name, err)
		}
	}
	for _, name := range []string{"console", "com", "com0", "COM10", "nullx", ".profile", "a b", "ünï", "x.y.z"} {
		img, err := imageOfTree(t, dir("", file(name)))
		must(t, err)
		must(t, checkTree(t, img, Rules{}))
	}
	img, err := imageOfTree(t, dir("", dir("d", file("Makefile"), file("makefile"))))
	must(t, err)
	if err := checkTree(t, img, Rules{}); !errors.Is(err, ErrName) {
		t.Errorf("case clash: %v", err)
	}
	must(t, checkTree(t, img, Rules{AllowCaseClash: true}))
}

func TestShortNamesCount(t *testing.T) {
	img := &Image{Root: &Dentry{Attributes: AttrDirectory}}
	for _, d := range []*Dentry{{Name: "long name", ShortName: "LONGNA~1"}, {Name: "longna~1"}} {
		d.Parent = img.Root
		img.Root.Children = append(img.Root.Children, d)
	}
	if err := checkTree(t, img, Rules{}); !errors.Is(err, ErrName) {
		t.Errorf("a name that is another's short name: %v", err)
	}
	img.Root.Children = []*Dentry{{Name: "x", ShortName: "NUL", Parent: img.Root}}
	if err := checkTree(t, img, Rules{}); !errors.Is(err, ErrName) {
		t.Errorf("a short name that is a device: %v", err)
	}
}

func TestDepthIsBounded(t *testing.T) {
	deep := func(n int) *Dentry {
		d := dir("x")
		for range n - 2 {
			d = dir("x", d)
		}
		return dir("", d)
	}
	if _, err := imageOfTree(t, deep(MaxDepth)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := imageOfTree(t, deep(MaxDepth+1)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("over the limit: %v", err)
	}
}

// put overwrites 8 bytes of metadata and parses it.
func put(b []byte, off int, v uint64) error {
	b = bytes.Clone(b)
	binary.LittleEndian.PutUint64(b[off:], v)
	_, err := parseMetadata(b)
	return err
}

func TestTreesThatAreNotTreesAreRefused(t *testing.T) {
	b := buildMetadata(dir("", dir("a", file("f")), dir("b", dir("c"))))
	if _, err := parseMetadata(b); err != nil {
		t.Fatal(err)
	}
	const root, first = 8, 8 + 104 + 8 // the root dentry, and the first below it
	sub := root + 16
	second := first + 112
	var subA, subB uint64 = binary.LittleEndian.Uint64(b[first+16:]), binary.LittleEndian.Uint64(b[second+16:])
	for name, err := range map[string]error{
		"a directory in itself":            put(b, first+16, first),
		"the root below itself":            put(b, first+16, root),
		"two names for one directory":      put(b, second+16, subA),
		"a cycle of two":                   put(b, int(subB)+16, first),
		"a directory outside":              put(b, sub, uint64(len(b))),
		"a directory far outside":          put(b, sub, math.MaxUint64),
		"a directory in the table":         put(b, sub, 1),
		"an odd place":                     put(b, sub, first+4),
		"a file with children":             put(b, int(subA)+16, uint64(len(b)-8)),
		"a long dentry":                    put(b, first, math.MaxUint64),
		"a short dentry":                   put(b, first, 50),
		"a dentry that ends the metadata":  put(b, first, uint64(len(b))),
		"descriptors without end":          put(b, 0, 0xffffffff00000008),
		"a table without end":              put(b, 0, 0x00000000ffffffff),
		"a descriptor longer than its sum": put(append(binary.LittleEndian.AppendUint64(nil, 1<<32|24), b...), 8, math.MaxUint64),
		"streams without end":              put(b, first+96, 0x0002_0000_ffff),
	} {
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// allocated says how many bytes fn allocates.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestSizesThatLieAreRefusedBeforeTheyAreAllocated(t *testing.T) {
	b := sample(t, WriterOptions{Compression: XPRESS, Check: true})
	blobs := int(binary.LittleEndian.Uint64(b[56:]))
	for _, huge := range []uint64{1 << 35, 1 << 50, 1<<62 - 1, 1 << 63, math.MaxUint64} {
		for _, at := range []int{48, 56, 64, 72, 80, 88, 96, 104, 124, 132, 140, blobs, blobs + 8, blobs + 16, blobs + 50, blobs + 58, blobs + 66} {
			bad := bytes.Clone(b)
			binary.LittleEndian.PutUint64(bad[at:], huge&^(0xff<<56)|uint64(bad[at+7])<<56)
			if at%8 == 0 && huge>>56 != 0 {
				binary.LittleEndian.PutUint64(bad[at:], huge)
			}
			var err error
			n := allocated(func() {
				var f *File
				if f, err = open(bad); err == nil {
					err = f.Verify(context.Background(), nil)
				}
			})
			if n > 16<<20 {
				t.Errorf("%#x at %d: %d bytes allocated", huge, at, n)
			}
			// Where the resource claims to begin or end in a bit that is not used, the file is as good as before.
			if err == nil && !bytes.Equal(bad, b) && at < 96 {
				t.Errorf("%#x at %d was taken", huge, at)
			}
		}
	}
}

func TestOverlapsAreRefused(t *testing.T) {
	b := sample(t, WriterOptions{})
	blobs := int(binary.LittleEndian.Uint64(b[56:]))
	second := binary.LittleEndian.Uint64(b[blobs+2*50+8:])
	for name, off := range map[string]uint64{"another resource": second, "the blob table": uint64(blobs), "the header": 100} {
		bad := bytes.Clone(b)
		binary.LittleEndian.PutUint64(bad[blobs+3*50+8:], off)
		if _, err := open(bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("a resource over %s: %v", name, err)
		}
	}
}

func TestPieceTablesThatLieAreRefused(t *testing.T) {
	res := &Run{Location: Location{StoredSize: 12 + 3*100 + 100, Size: 3*32768 + 200}, Compression: XPRESS, PieceSize: 32768}
	good := []uint32{100, 200, 300}
	table := func(v []uint32) (b []byte) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, x)
		}
		return b
	}
	if _, err := ParsePieceTable(res, table(good)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]uint32{{0, 200, 300}, {100, 100, 300}, {200, 100, 300}, {100, 200, 400}, {100, 200, 4e9}, {math.MaxUint32, 200, 300}, {100, 200, 150}, {100, 200}, {1, 2, 3}} {
		if _, err := ParsePieceTable(res, table(bad)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	wide := &Run{Location: Location{StoredSize: 1 << 31, Size: 1 << 32}, Compression: LZX, PieceSize: 1 << 21}
	if n := wide.PieceTableSize(); n != 8*2047 {
		t.Errorf("a table of a 4 GiB resource has %d bytes", n)
	}
	if _, err := ParsePieceTable(wide, bytes.Repeat([]byte{0xff}, 8*2047)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("negative offsets: %v", err)
	}
}

func TestEveryTruncationFails(t *testing.T) {
	b := sample(t, WriterOptions{Compression: XPRESS, Check: true})
	for n := range len(b) {
		if _, err := open(b[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
}

func TestEveryFlippedByteIsSurvived(t *testing.T) {
	b := sample(t, WriterOptions{Compression: XPRESS, Check: true})
	noticed := 0
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= byte(1 + i%255)
		f, err := open(bad)
		if err == nil {
			err = f.Verify(context.Background(), nil)
		}
		if err != nil {
			noticed++
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
				t.Errorf("byte %d: %v is neither corrupt nor unsupported", i, err)
			}
		}
	}
	// Nothing sums the header and the XML; all else is summed.
	if f, _ := open(b); noticed < len(b)-HeaderSize-int(f.Header.XML.Size) {
		t.Errorf("only %d of %d flips were noticed", noticed, len(b))
	}
}

func TestXMLBombs(t *testing.T) {
	images := func() []ImageInfo { return make([]ImageInfo, 2) }
	for name, text := range map[string]string{
		"entities":  `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><WIM><IMAGE INDEX="1"><NAME>&b;</NAME></IMAGE></WIM>`,
		"depth":     strings.Repeat("<a>", 100000),
		"unclosed":  "<WIM><IMAGE INDEX=\"1\">",
		"crossed":   "<WIM><a></WIM></a>",
		"image 0":   `<WIM><IMAGE INDEX="0"/></WIM>`,
		"image 3":   `<WIM><IMAGE INDEX="3"/></WIM>`,
		"no index":  `<WIM><IMAGE/></WIM>`,
		"twice":     `<WIM><IMAGE INDEX="1"></IMAGE><IMAGE INDEX="1"></IMAGE></WIM>`,
		"no number": `<WIM><IMAGE INDEX="99999999999999999999"/></WIM>`,
	} {
		if err := parseXML([]byte(text), images()); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	m := images()
	must(t, parseXML([]byte(`<?xml version="1.0" encoding="UTF-16"?><WIM><TOTALBYTES>5</TOTALBYTES><IMAGE INDEX="2"><WINDOWS><NAME>no</NAME></WINDOWS><NAME>a &amp; b</NAME><DIRCOUNT>x</DIRCOUNT></IMAGE></WIM>`), m))
	if m[1].Name != "a & b" || m[1].DirCount != 0 || !bytes.HasPrefix(m[1].RawXML, []byte("<IMAGE")) || !bytes.HasSuffix(m[1].RawXML, []byte("</IMAGE>")) {
		t.Errorf("read as %+v", m[1])
	}
}

func TestSymlinksComeBackAsTheyWere(t *testing.T) {
	for _, target := range []string{"x", "../a/b", "/", "/etc/passwd", `a\b`, `/c\d`, "C:", "ünï", "𝄞", ".", strings.Repeat("y", 4000)} {
		data, ok := symlinkData(target)
		if !ok {
			t.Fatalf("%q was refused", target)
		}
		got, err := ParseSymlink(TagSymlink, data)
		if err != nil || got.Target != target || got.Relative != !strings.HasPrefix(target, "/") {
			t.Errorf("%q became %+v, %v", target, got, err)
		}
		for n := range 12 {
			if _, err := ParseSymlink(TagSymlink, data[:n]); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%q, %d bytes: %v", target, n, err)
			}
		}
	}
	for _, target := range []string{"bad \xff utf-8", strings.Repeat("z", 9000)} {
		if _, ok := symlinkData(target); ok {
			t.Errorf("%.20q was taken", target)
		}
	}
	if _, err := ParseSymlink(0x80000017, make([]byte, 100)); !errors.Is(err, ErrUnsupported) {
		t.Errorf("another tag: %v", err)
	}
}

func TestStreamsGetTheirKinds(t *testing.T) {
	a, b, c := SHA1{1}, SHA1{2}, SHA1{3}
	for _, test := range []struct {
		attributes uint32
		main       SHA1
		unnamed    []SHA1
		want       string
	}{
		{AttrNormal, a, nil, "data 1"},
		{AttrNormal, SHA1{}, []SHA1{a}, "data 1"},
		{AttrReparse, SHA1{}, []SHA1{a, {}}, "reparse 1"},
		{AttrReparse, a, []SHA1{b}, "data 2 reparse 1"},
		{AttrReparse | AttrDirectory, a, nil, "reparse 1"},
		{AttrEncrypted, a, nil, "raw 1"},
		{AttrNormal, SHA1{}, nil, ""},
	} {
		d := &Dentry{Attributes: test.attributes}
		d.addStream("", test.main)
		d.addStream("ads", c)
		for _, h := range test.unnamed {
			d.addStream("", h)
		}
		d.sortStreams()
		got := ""
		for _, s := range d.Streams {
			if s.Kind != StreamNamed {
				got += fmt.Sprint([]string{"data", "reparse", "raw"}[s.Kind], " ", s.Hash[0], " ")
			}
		}
		if last := d.Streams[len(d.Streams)-1]; strings.TrimSpace(got) != test.want || last != (Stream{Kind: StreamNamed, Name: "ads", Hash: c}) {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

func TestUnixDataIsFoundAmongOtherItems(t *testing.T) {
	want := UnixData{1, 2, 0o100644, 4}
	other := append(binary.LittleEndian.AppendUint64(nil, 5<<32|1), make([]byte, 8)...)
	if got, ok := (&Dentry{Tagged: want.append(other)}).Unix(); !ok || got != want {
		t.Errorf("got %+v, %v", got, ok)
	}
	for n := range 24 {
		if _, ok := (&Dentry{Tagged: want.append(nil)[:n]}).Unix(); ok {
			t.Errorf("found in %d bytes", n)
		}
	}
}
