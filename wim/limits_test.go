//go:build unix

package wim

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// claimed is a volume that says it is large; nothing can be read of it.
func claimed(size int64, h Header) *volume {
	h.Part, h.Parts = 1, 1
	return &volume{Input: Input{R: bytes.NewReader(nil), Size: size}, header: h}
}

// limitCase is what becomes of a value at a maximum and of one past it; at may fail for another reason than past,
// for there is no file.
type limitCase struct {
	at, past error
	why      string // is in past and not in at
}

func checkLimits(t *testing.T, cases map[string]limitCase) {
	t.Helper()
	for what, c := range cases {
		if c.at != nil && strings.Contains(c.at.Error(), c.why) {
			t.Errorf("%s at the limit: %v", what, c.at)
		}
		if c.past == nil || !strings.Contains(c.past.Error(), c.why) {
			t.Errorf("%s past the limit: %v, want %q", what, c.past, c.why)
		}
	}
}

// TestFileLimits: what header, blob table and solid runs may claim, before anything is allocated for it.
func TestFileLimits(t *testing.T) {
	blobs := func(n, before int64) error {
		f := &File{resources: make([]stored, before)}
		v := claimed(1<<40, Header{BlobTable: Location{Offset: HeaderSize, StoredSize: 1, Size: n * blobEntrySize, Flags: ResourceCompressed}})
		f.volumes = []volume{*v}
		return f.readBlobs(v)
	}
	xmlOf := func(n int64) error {
		f := &File{Header: Header{XML: Location{Offset: HeaderSize, StoredSize: n, Size: n}}}
		f.volumes = []volume{*claimed(1<<40, f.Header)}
		return f.readXML()
	}
	metadata := func(n int64) error {
		f := &File{}
		return f.addBlob(claimed(1<<40, Header{}), blob{at: Location{Offset: HeaderSize, StoredSize: n, Size: n, Flags: ResourceMetadata}})
	}
	run := func(size int64, piece int) error {
		l := Location{Offset: HeaderSize, StoredSize: 1 << 40, Size: size, Flags: ResourceCompressed}
		return l.check("it", Header{Compression: LZMS, PieceSize: piece}, 1<<50)
	}
	table := func(pieces int64) error {
		_, err := ParsePieceTable(&Run{Location: Location{StoredSize: 1 << 40, Size: pieces << 15}, Compression: LZX, PieceSize: 1 << 15}, nil)
		return err
	}
	solidHeader := func(size uint64) error {
		b := binary.LittleEndian.AppendUint64(nil, size)
		b = binary.LittleEndian.AppendUint32(b, 1<<26)
		_, err := parseSolidHeader(Location{StoredSize: 1 << 40}, binary.LittleEndian.AppendUint32(b, uint32(LZMS)))
		return err
	}
	location := func(offset, size int64) error {
		l := Location{Offset: offset, Size: size}
		if got, ok := parseLocation(l.append(nil)); !ok || got != l {
			return errors.New("not held")
		}
		return nil
	}
	together := func(more int64) error {
		_, err := openAll([]volume{*claimed(maxSize-HeaderSize, Header{}), *claimed(HeaderSize+more, Header{})})
		return err
	}
	files := func(n int) error {
		_, err := OpenSet(Input{R: bytes.NewReader(nil)}, make([]Input, n-1)...)
		return err
	}
	images := func(n uint32) error {
		h, err := headerOf(t, n)
		if err == nil && h.ImageCount != int(n) {
			err = fmt.Errorf("%d images", h.ImageCount)
		}
		return err
	}
	checkLimits(t, map[string]limitCase{
		"blobs":             {blobs(maxBlobs, 0), blobs(maxBlobs+1, 0), "are not up to"},
		"blobs of a set":    {blobs(maxBlobs-5, 5), blobs(maxBlobs-4, 5), "are not up to"},
		"XML":               {xmlOf(maxXML), xmlOf(maxXML + 1), "the limit is"},
		"metadata":          {metadata(maxMetadata), metadata(maxMetadata + 1), "the limit is"},
		"pieces of a run":   {run(maxPieces<<15, 1<<15), run(maxPieces<<15+1, 1<<15), "more than"},
		"pieces of a table": {table(maxPieces), table(maxPieces + 1), "more than"},
		"bytes of a run":    {run(maxContent, 1<<30), run(maxContent+1, 1<<30), "2^50"},
		"solid run":         {solidHeader(maxContent), solidHeader(maxContent + 1), "the limit is 2^50"},
		"offset":            {location(maxSize, 0), location(maxSize+1, 0), "not held"},
		"size":              {location(0, maxSize), location(0, maxSize+1), "not held"},
		"files together":    {together(0), together(1), "2^54"},
		"files":             {files(maxVolumes), files(maxVolumes + 1), "the limit is"},
		"images":            {images(MaxImages), images(MaxImages + 1), "the limit is"},
	})
	for what, err := range map[string]error{"metadata": metadata(maxMetadata), "size": location(0, maxSize), "solid": solidHeader(maxContent), "images": images(MaxImages)} {
		if err != nil {
			t.Errorf("%s at the limit: %v", what, err)
		}
	}
}

// headerOf reads the header of a file that says it has so many images.
func headerOf(t *testing.T, images uint32) (Header, error) {
	t.Helper()
	m := &memFile{}
	w, err := Create(m, WriterOptions{})
	must(t, err)
	_, err = w.Finish(context.Background())
	must(t, err)
	binary.LittleEndian.PutUint32(m.b[44:], images)
	return readHeader(bytes.NewReader(m.b), int64(len(m.b)))
}

// TestSolidPiecesOfAFile: all its solid runs together.
func TestSolidPiecesOfAFile(t *testing.T) {
	b := binary.LittleEndian.AppendUint64(make([]byte, HeaderSize), 2<<15)
	b = binary.LittleEndian.AppendUint32(b, 1<<15)
	b = binary.LittleEndian.AppendUint32(b, uint32(XPRESS))
	b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, 10), 10)
	b = append(b, make([]byte, 20)...)
	v := &volume{Input: Input{R: bytes.NewReader(b), Size: int64(len(b))}}
	at := Location{Offset: HeaderSize, StoredSize: int64(len(b)) - HeaderSize, Flags: ResourceSolid}
	for before, ok := range map[int64]bool{maxSolid - 2: true, maxSolid - 1: false} {
		f := &File{solidPieces: before}
		if _, err := f.readSolid(v, at); (err == nil) != ok || !ok && !errors.Is(err, ErrUnsupported) {
			t.Errorf("2 pieces after %d: %v", before, err)
		}
	}
}

func TestNamesOfDentriesHaveABound(t *testing.T) {
	for n, ok := range map[int]bool{maxNameBytes: true, maxNameBytes + 2: false} {
		for _, field := range []int{98, 100} { // of the short and the long name
			b := make([]byte, 2*dentrySize+n)
			binary.LittleEndian.PutUint16(b[field:], uint16(n))
			if _, err := parseDentry(b); (err == nil) != ok {
				t.Errorf("a name of %d bytes in field %d: %v", n, field, err)
			}
		}
	}
}

func nested(depth int, in string) string {
	return strings.Repeat("<a>", depth) + in + strings.Repeat("</a>", depth)
}

// TestXMLLimits: elements in one another, and bytes of one tag.
func TestXMLLimits(t *testing.T) {
	read := func(text string) error { return parseXML([]byte(text), nil) }
	beside := func(text string) error { _, _, err := xmlBesideImages([]byte(text)); return err }
	set := func(text, path string) error {
		m := ImageInfo{RawXML: []byte(text)}
		return m.SetProperty(path, "x")
	}
	image := func(depth int) string { return "<IMAGE>" + nested(depth-2, "") + "</IMAGE>" } // in a WIM
	path := func(depth int) string { return strings.TrimSuffix(strings.Repeat("a/", depth-2), "/") }
	tag := func(n int) string { return "<a>" + "<" + strings.Repeat("b", n-3) + "/></a>" }
	name := func(n int) string { return strings.Repeat("n", n-len("</>")) }
	many := func(n int) string { return "<IMAGE>" + strings.Repeat("<a/>", n-3) + "</IMAGE>" } // with its INDEX and the one that is set
	checkLimits(t, map[string]limitCase{
		"depth that is read":         {read(nested(maxXMLDepth, "")), read(nested(maxXMLDepth+1, "")), "too deep"},
		"depth beside images":        {beside(nested(maxXMLDepth, "")), beside(nested(maxXMLDepth+1, "")), "too deep"},
		"depth of an image":          {set(image(maxXMLDepth), "b"), set(image(maxXMLDepth+1), "b"), "too deep"},
		"depth that is made":         {set("<IMAGE/>", path(maxXMLDepth)), set("<IMAGE/>", path(maxXMLDepth+1)), "too deep"},
		"tag that is read":           {read(tag(maxXMLMarkup)), read(tag(maxXMLMarkup + 1)), "a tag or comment of more than"},
		"tag that is made":           {set("<IMAGE/>", name(maxXMLMarkup)), set("<IMAGE/>", name(maxXMLMarkup+1)), "a tag or comment of more than"},
		"elements":                   {set(many(maxXMLElements), "b"), set(many(maxXMLElements+1), "b"), "more than 65536 elements"},
		"number of an element":       {set("<IMAGE/>", fmt.Sprintf("a[%d]", maxXMLElements)), set("<IMAGE/>", fmt.Sprintf("a[%d]", maxXMLElements+1)), "is not a name with a number"},
		"tag that escapes make long": {encodeWith(maxXMLMarkup / 8), encodeWith(maxXMLMarkup / 2), "a tag or comment of more than"},
	})
	for what, err := range map[string]error{
		"depth": set(image(maxXMLDepth), "b"), "path": set("<IMAGE/>", path(maxXMLDepth)), "tag": read(tag(maxXMLMarkup)),
		"name": set("<IMAGE/>", name(maxXMLMarkup)), "elements": set(many(maxXMLElements), "b"), "escapes": encodeWith(maxXMLMarkup / 8),
	} {
		if err != nil {
			t.Errorf("%s at the limit: %v", what, err)
		}
	}
}

// encodeWith writes an image with an attribute of so many quotes, each of which becomes five bytes.
func encodeWith(quotes int) error {
	_, err := encodeXML([]ImageInfo{{RawXML: []byte("<IMAGE a='" + strings.Repeat(`"`, quotes) + "'/>")}}, nil, 0)
	return err
}

// TestDeepestXMLIsReadAgain: what SetProperty takes can be written and read.
func TestDeepestXMLIsReadAgain(t *testing.T) {
	m := &memFile{}
	w, err := Create(m, WriterOptions{})
	must(t, err)
	info := ImageInfo{Name: "x"}
	must(t, info.SetProperty(strings.TrimSuffix(strings.Repeat("a/", maxXMLDepth-2), "/"), "x"))
	must(t, w.Image(&Image{Info: info, Root: newDir("")}, nil))
	_, err = w.Finish(context.Background())
	must(t, err)
	f, err := open(m.b)
	must(t, err)
	if got := string(f.Images()[0].RawXML); !strings.Contains(got, nested(maxXMLDepth-2, "x")) {
		t.Errorf("%s", got)
	}
}

// TestXMLThatIsWrittenHasABound: at 16 MiB of UTF-16, and one character more; an image's description may take all
// of it.
func TestXMLThatIsWrittenHasABound(t *testing.T) {
	of := func(n int) ([]byte, error) {
		return encodeXML([]ImageInfo{{RawXML: []byte("<IMAGE>" + strings.Repeat("x", n) + "</IMAGE>")}}, nil, 0)
	}
	short, err := of(1)
	must(t, err)
	room := (maxXML-len(short))/2 + 1
	if b, err := of(room); err != nil || len(b) != maxXML {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if _, err := of(room + 1); err == nil {
		t.Error("longer than the limit: no error")
	}
	m := ImageInfo{Name: "x"}
	must(t, m.SetProperty("DESCRIPTION", "x"))
	room = maxXML/2 - len(m.RawXML) + 1
	if err := m.SetProperty("DESCRIPTION", strings.Repeat("x", room+1)); err == nil {
		t.Error("a description longer than the limit: no error")
	}
	if err := m.SetProperty("DESCRIPTION", strings.Repeat("x", room)); err != nil || len(m.RawXML) != maxXML/2 {
		t.Errorf("%d bytes, %v", len(m.RawXML), err)
	}
}

// room takes whatever it is given.
type room struct{}

func (room) begin(int64) (int32, int64, error) { return 0, 0, nil }
func (room) space() ([]byte, error)            { return nil, nil }
func (room) took(int)                          {}

// TestWriterLimits: contents, pieces, link groups, reparse data.
func TestWriterLimits(t *testing.T) {
	content := func(before int) error { // of the entries only those are there among which the last one comes
		j := &writeJob{entries: newEntryTable()}
		j.entries.n, j.entries.blocks = before, make([][]writeEntry, maxBlobs/listBlock)
		j.entries.blocks[maxBlobs/listBlock-1] = make([]writeEntry, listBlock)
		_, err := (&feeder{writeJob: j, to: room{}}).enter(SHA1{1}, 1)
		return err
	}
	packed := func(size int64) error {
		p := &pipe{ctx: t.Context(), opts: &WriterOptions{Compression: LZX, PieceSize: 1 << 15}, size: 1 << 20, free: make(chan *parcel, 1)}
		p.free <- &parcel{}
		_, _, err := (&runPacker{pipe: p}).begin(size)
		return err
	}
	linked := func(group uint64) error {
		g := make(linkGroups[struct{}], maxSlots+1)
		_, err := g.of(&Dentry{HardLink: group})
		return err
	}
	link := func(units int) error {
		if data, ok := symlinkData(strings.Repeat("x", units)); !ok || len(data) > maxReparse {
			return fmt.Errorf("%v, %d bytes", ok, len(data))
		}
		return nil
	}
	parsed := func(n int) error {
		data, _ := symlinkData("x")
		_, err := ParseSymlink(TagSymlink, append(data, make([]byte, n-len(data))...))
		return err
	}
	checkLimits(t, map[string]limitCase{
		"contents":     {content(maxBlobs - 1), content(maxBlobs), "capture several files"},
		"pieces":       {packed(maxPieces << 15), packed(maxPieces<<15 + 1), "more than"},
		"link groups":  {linked(maxSlots), linked(maxSlots + 1), "hard link group"},
		"link":         {link((maxReparse - 16) / 4), link((maxReparse-16)/4 + 1), "false"},
		"reparse data": {parsed(maxReparse), parsed(maxReparse + 1), "bytes"},
	})
	for what, err := range map[string]error{"contents": content(maxBlobs - 1), "pieces": packed(maxPieces << 15), "reparse data": parsed(maxReparse)} {
		if err != nil {
			t.Errorf("%s at the limit: %v", what, err)
		}
	}
}

// TestParcelOfManyStretches: it is passed on when it has maxStretches, however few their bytes.
func TestParcelOfManyStretches(t *testing.T) {
	for n, want := range map[int]int{maxStretches - 1: 0, maxStretches: 1} {
		p := &pipe{ctx: t.Context(), size: 100, free: make(chan *parcel, 1), queue: make(chan *parcel, 1), now: &parcel{stretches: make([]stretch, n), ready: make(chan struct{}, 1)}}
		p.free <- &parcel{}
		if _, err := p.parcel(1); err != nil || len(p.queue) != want {
			t.Errorf("a parcel of %d stretches: %d are passed on, %v", n, len(p.queue), err)
		}
	}
}

// TestLargeNameSetsAreMadeAnew: up to nameSetMax names a set is emptied, past it there is another.
func TestLargeNameSetsAreMadeAnew(t *testing.T) {
	for n, again := range map[int]bool{nameSetMax: true, nameSetMax + 1: false} {
		var s nameSet
		s.clear()
		for i := range uint64(n) {
			s.at[i] = 0
		}
		before := s.seed
		if s.clear(); len(s.at) != 0 || (s.seed == before) != again {
			t.Errorf("after %d names: %d are left, used again %v", n, len(s.at), s.seed == before)
		}
	}
}

// TestMetadataOfLargePiecesIsReadWhole: of pieces up to metaPieceMax only some are kept.
func TestMetadataOfLargePiecesIsReadWhole(t *testing.T) {
	for piece, whole := range map[int]bool{metaPieceMax: false, 2 * metaPieceMax: true} {
		m := &memFile{}
		w, err := Create(m, WriterOptions{Compression: LZX, PieceSize: piece})
		must(t, err)
		must(t, w.Image(&Image{Root: newDir("")}, nil))
		_, err = w.Finish(context.Background())
		must(t, err)
		f, err := open(m.b)
		must(t, err)
		res, err := f.MetadataOf(1)
		must(t, err)
		src, err := f.metaSource(res)
		must(t, err)
		if _, got := src.(metaBytes); got != whole {
			t.Errorf("pieces of %d bytes: %T", piece, src)
		}
	}
}
