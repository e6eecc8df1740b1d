//go:build unix

package wim

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

func FuzzOpen(f *testing.F) {
	f.Add(sample(f, WriterOptions{Compression: XPRESS, Check: true}))
	f.Add(craft(f, dir("", dir("a", file("f")))))
	hello := []byte("hello")
	body := solidRunOf(5, 4096, 1, []uint32{5}, hello)
	f.Add(handmade(Header{}, body, run(len(body)), member(hello, 0, 2), member(hello, 2, 3)))
	f.Add(handmade(Header{Pipable: true}, hello, entry{at: Location{Offset: HeaderSize, StoredSize: 5, Size: 5}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := open(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("%v is neither corrupt nor unsupported", err)
			}
			return
		}
		l := w.Layout()
		end := int64(0)
		for _, r := range l.Runs {
			if r.PieceSize > 1<<22 && r.Size > 1<<22 {
				return // decoding zeros for long tells nothing
			}
			if r.Offset < end || r.End() > int64(len(b)) {
				t.Fatalf("run at %d to %d, the one before ends at %d, the file at %d", r.Offset, r.End(), end, len(b))
			}
			end = r.End()
		}
		for n := range w.Images() {
			if img, err := w.Image(n + 1); err == nil {
				_ = checkInMemory(img, Rules{}) // either answer is right, a panic is not
				img.HardLinks()
			}
		}
		// not by Verify: several goroutines make coverage random
		_ = newVerifier(context.Background(), w, &meter{}).work() // likewise
		_ = w.VerifyIntegrity(context.Background())
	})
}

func FuzzPipedParts(f *testing.F) {
	head := Header{Version: versionNormal, Pipable: true, Part: 1, Parts: 2}
	part := append(head.append(nil), "not XML "...)
	head.XML = Location{Offset: HeaderSize, StoredSize: 8, Size: 8}
	part = head.append(part)
	f.Add(append(part, part...))
	f.Fuzz(func(t *testing.T, b []byte) {
		parts, err := PipedParts(Input{R: bytes.NewReader(b), Size: int64(len(b))})
		if err != nil {
			t.Fatal(err)
		}
		at := int64(0)
		for _, in := range parts {
			got := make([]byte, in.Size)
			if _, err := in.R.ReadAt(got, 0); err != nil && err != io.EOF || !bytes.Equal(got, b[at:at+in.Size]) {
				t.Fatalf("part from %d: %v", at, err)
			}
			at += in.Size
		}
		if at != int64(len(b)) {
			t.Fatalf("%d bytes in parts, of %d", at, len(b))
		}
		if f, err := OpenSet(parts[0], parts[1:]...); err == nil {
			f.Layout()
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add(buildMetadata(dir("", dir("a", file("f")), dir("b"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || sameTree(t, b, 100) != nil {
			return
		}
		img, err := parseMetadata(b)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		_ = img.Walk(func(d *Dentry) error { n++; d.Unix(); return nil }) // fn gives no error
		if n > len(b)/dentrySize {
			t.Fatalf("%d dentries from %d bytes", n, len(b))
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Add(sample(f, WriterOptions{Compression: XPRESS, Check: true})[:HeaderSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != HeaderSize {
			return
		}
		h, err := parseHeader(b)
		if err != nil {
			return
		}
		out := h.append(nil)
		again, err := parseHeader(out)
		if err != nil || again != h {
			t.Fatalf("%+v became %+v, %v", h, again, err)
		}
		if h.Compression != None && !bytes.Equal(out[:148], b[:148]) {
			t.Fatal("bytes differ")
		}
	})
}

func FuzzPieceTable(f *testing.F) {
	f.Add(int64(100000), int64(70000), []byte{0, 0x40, 0, 0, 0, 0x80, 0, 0, 0, 0xc0, 0, 0})
	f.Fuzz(func(t *testing.T, stored, size int64, b []byte) {
		if stored < 0 || size < 0 || size > maxSize {
			return
		}
		res := &Run{Location: Location{StoredSize: stored, Size: size}, Compression: XPRESS, PieceSize: 32768}
		table, err := ParsePieceTable(res, b)
		if err != nil {
			return
		}
		at, plain := int64(len(b)), int64(0)
		for i := range table.Count() {
			p := table.Piece(i)
			if p.StoredOffset != at || p.Offset != plain || p.StoredSize < 1 || p.StoredSize > p.Size {
				t.Fatalf("piece %d is %+v, expected at %d and %d", i, p, at, plain)
			}
			at, plain = at+p.StoredSize, plain+p.Size
		}
		if table.Count() > 0 && (at != stored || plain != size) {
			t.Fatalf("pieces end at %d of %d, %d of %d", at, stored, plain, size)
		}
	})
}

func FuzzXML(f *testing.F) {
	f.Add([]byte(`<WIM><IMAGE INDEX="1"><NAME>x</NAME><CREATIONTIME><HIGHPART>0x01</HIGHPART></CREATIONTIME></IMAGE></WIM>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		images := make([]ImageInfo, 2)
		if parseXML(b, images) == nil && images[0].RawXML != nil && !bytes.Contains(b, images[0].RawXML) {
			t.Fatal("the raw element is not in the text")
		}
	})
}

func FuzzUTF16(f *testing.F) {
	f.Add([]byte{0x3d, 0xd8, 0x00, 0xde, 'a', 0, 0x00, 0xdc})
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:len(b)&^1]
		s := decodeUTF16(b)
		if again, ok := encodeUTF16(s); !ok || !bytes.Equal(again, b) {
			t.Fatalf("%x became %q became %x", b, s, again)
		}
	})
}

func FuzzSymlink(f *testing.F) {
	data, _ := symlinkData("../some/where")
	f.Add(uint32(TagSymlink), data)
	f.Fuzz(func(t *testing.T, tag uint32, data []byte) {
		if s, err := ParseSymlink(tag, data); err == nil && s.Target == "" {
			t.Fatal("an empty target")
		}
	})
}
