//go:build unix

package wim

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"io"
	"testing"
)

// readAllOf reads everything that a file has to read, on one goroutine. Errors must be of this package.
func readAllOf(t *testing.T, f *File) {
	t.Helper()
	check := func(err error) {
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrMissing) {
			t.Fatalf("%v is neither corrupt, unsupported nor missing", err)
		}
	}
	end := int64(0)
	for _, r := range f.Layout().Runs {
		if r.Offset < end || r.End() > f.Size() {
			t.Fatalf("run at %d to %d, the one before ends at %d, the files at %d", r.Offset, r.End(), end, f.Size())
		}
		end = r.End()
	}
	check(newVerifier(context.Background(), f, &meter{}).work())
	for _, res := range f.Resources() {
		if res.Size > 1<<20 {
			continue
		}
		r, err := f.Open(res)
		check(err)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			check(err)
		}
	}
	for n := range f.Images() {
		_, err := f.Image(n + 1)
		check(err)
	}
}

func FuzzSolidRun(f *testing.F) {
	f.Add(solidRunOf(5, 4096, 1, []uint32{5}, []byte("hello")), int64(1), int64(4))
	f.Add(solidRunOf(4100, 4096, 1, []uint32{4096, 4}, make([]byte, 4100)), int64(4000), int64(100))
	f.Fuzz(func(t *testing.T, body []byte, off, n int64) {
		if off < 0 || n < 0 || n > maxSize {
			return
		}
		w, err := open(handmade(Header{}, body, run(len(body)), member(body, 0, min(n, 10)), member(body, off, n)))
		if err != nil {
			return
		}
		// 64 MiB of zeros would be decoded each time.
		if r := w.Layout().Runs[0]; r.PieceSize > 1<<22 && r.Size > 1<<22 || r.pieces() > 1000 {
			return
		}
		readAllOf(t, w)
	})
}

func FuzzPipableRun(f *testing.F) {
	content := []byte("hello")
	f.Add(pipableRun(content, 4096), int64(len(content)))
	f.Add(pipableRun(make([]byte, 4100), 4096), int64(4100))
	f.Fuzz(func(t *testing.T, body []byte, size int64) {
		if size < 0 || size > 1<<24 {
			return
		}
		w, err := open(handmade(Header{Pipable: true, Compression: XPRESS, PieceSize: 4096}, body, entry{
			at: Location{Offset: HeaderSize, StoredSize: int64(len(body)), Size: size, Flags: ResourceCompressed}, hash: sha1.Sum(content),
		}))
		if err == nil {
			readAllOf(t, w)
		}
	})
}

func FuzzBlobTable(f *testing.F) {
	body := []byte("some bytes that resources are made of")
	entries := []entry{
		{at: Location{Offset: HeaderSize, StoredSize: 10, Size: 10}, hash: sha1.Sum(body[:10])},
		{at: Location{Offset: HeaderSize + 10, StoredSize: 5, Size: 100, Flags: ResourceCompressed}},
		{at: Location{Offset: HeaderSize + 20, StoredSize: 5, Size: solidRun, Flags: ResourceSolid}},
	}
	b := handmade(Header{}, body, entries...)
	at := HeaderSize + len(body)
	f.Add(b[at : at+3*blobEntrySize])
	f.Add(b[at : at+2*blobEntrySize])
	f.Fuzz(func(t *testing.T, table []byte) {
		n := len(table) / blobEntrySize
		b := handmade(Header{}, body, make([]entry, n)...)
		copy(b[at:], table[:n*blobEntrySize])
		w, err := open(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("%v is neither corrupt nor unsupported", err)
			}
			return
		}
		for _, r := range w.Resources() {
			if r.Size > 1<<22 {
				return
			}
		}
		readAllOf(t, w)
	})
}

func FuzzSplitSet(f *testing.F) {
	part := func(n int, text string) []byte {
		return handmade(Header{Part: n, Parts: 2, Flags: FlagSpanned}, []byte(text), entry{
			at: Location{Offset: HeaderSize, StoredSize: int64(len(text)), Size: int64(len(text))}, part: n, hash: sha1.Sum([]byte(text)),
		})
	}
	f.Add(part(1, "the first part"), part(2, "the second"))
	f.Add(part(2, "the second"), part(1, "the first part"))
	f.Add(part(2, "the second"), handmade(Header{}, nil))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		w, err := OpenSet(Input{bytes.NewReader(a), int64(len(a)), "a"}, Input{bytes.NewReader(b), int64(len(b)), "b"})
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrMissing) {
				t.Fatalf("%v is neither corrupt, unsupported nor missing", err)
			}
			return
		}
		got := make([]byte, w.Size())
		if n, err := w.ReaderAt().ReadAt(got, 0); n != len(a)+len(b) || err != nil && err != io.EOF {
			t.Fatalf("%d of %d bytes, %v", n, len(a)+len(b), err)
		}
		for _, r := range w.Resources() {
			if r.Run.Size > 1<<22 {
				return
			}
		}
		readAllOf(t, w)
	})
}
