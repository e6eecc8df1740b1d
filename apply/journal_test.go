package apply

import (
	"bytes"
	"encoding/hex"
	"os"
	"reflect"
	"testing"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/vfs"
)

// sampleJournal is a journal of two commits.
func sampleJournal(t testing.TB) ([]byte, []record) {
	t.Helper()
	recs := []record{
		{
			blocks: []chunk.Block{0, 3, 4}, resources: []int{1},
			waiting: []frag{{run: 2, kind: fragUnit, off: 100, size: 7, at: 0, logged: true}, {run: 5, kind: fragTable, off: 0, size: 16, at: 7, logged: true}},
		},
		{kind: recordReset, blocks: []chunk.Block{9}, resources: []int{}, freed: []int64{7}},
	}
	mem := vfs.NewMem()
	f, err := mem.OpenFile(markerName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	h := jobID{content: chunk.Sum([]byte("content")), image: 2, flags: flagXattrs}.header()
	if _, err := f.WriteAt(h, 0); err != nil {
		t.Fatal(err)
	}
	j := journal{file: f, size: int64(len(h)), crc: headerSum(h)}
	for i := range recs {
		if err := j.add(&recs[i]); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, j.size)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b, recs
}

func TestJournalRoundTrip(t *testing.T) {
	b, want := sampleJournal(t)
	id, recs, size, _, err := parseJournal(b, 10, 6)
	if err != nil || size != int64(len(b)) || id.image != 2 || id.flags != flagXattrs || id.content != chunk.Sum([]byte("content")) {
		t.Fatalf("%+v, %d of %d bytes, %v", id, size, len(b), err)
	}
	if !reflect.DeepEqual(recs, want) {
		t.Errorf("got  %+v\nwant %+v", recs, want)
	}
	if _, recs, _, _, _ := parseJournal(b, 9, 6); len(recs) != 1 {
		t.Error("a block that is not of the content was taken")
	}
}

// TestJournalGolden fails when the format changes: then its magic must, too.
func TestJournalGolden(t *testing.T) {
	b, _ := sampleJournal(t)
	const want = "5743415050" + "4c5932"
	if got := hex.EncodeToString(b[:8]); got != want {
		t.Errorf("magic %s, want %s", got, want)
	}
	const body = "00" + "03" + "000301" + "01" + "01" + "02" + "0264070000" + "0500100701" + "00"
	if got := hex.EncodeToString(b[journalHeader+recordHeader:][:len(body)/2]); got != body {
		t.Errorf("first body %s, want %s", got, body)
	}
}

func TestJournalPrefixesAndDamageNeverAdd(t *testing.T) {
	b, want := sampleJournal(t)
	for n := range b {
		_, recs, size, _, err := parseJournal(b[:n], 10, 6)
		if n < journalHeader && err == nil || len(recs) == len(want) || size > int64(n) {
			t.Errorf("prefix of %d bytes: %d records, %d bytes, %v", n, len(recs), size, err)
		}
	}
	for i := range b {
		d := bytes.Clone(b)
		d[i] ^= 0x10
		_, recs, _, _, err := parseJournal(d, 10, 6)
		if err == nil && len(recs) == len(want) {
			t.Errorf("a changed byte %d was not seen", i)
		}
	}
	// a record is only valid behind the one it was written behind
	first := int64(journalHeader) + recordHeader + 19
	d := append(bytes.Clone(b[:journalHeader]), b[first:]...)
	if _, recs, _, _, _ := parseJournal(d, 10, 6); len(recs) != 0 {
		t.Error("a record was taken behind another one than its own")
	}
}

func FuzzParseJournal(f *testing.F) {
	b, _ := sampleJournal(f)
	f.Add(b)
	f.Add(b[:journalHeader])
	f.Fuzz(func(t *testing.T, b []byte) {
		_, recs, size, _, err := parseJournal(b, 10, 6)
		if err == nil && (size < int64(journalHeader) || size > int64(len(b))) {
			t.Errorf("%d of %d bytes are valid", size, len(b))
		}
		for _, r := range recs {
			for _, x := range r.blocks {
				if x >= 10 {
					t.Errorf("block %d", x)
				}
			}
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	b, recs := sampleJournal(f)
	for i := range recs {
		f.Add(recs[i].append(nil))
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := parseRecord(b, 1000, 1000)
		if !ok {
			return
		}
		again, ok := parseRecord(r.append(nil), 1000, 1000)
		if !ok || !reflect.DeepEqual(r, again) {
			t.Errorf("%+v became %+v", r, again)
		}
	})
}
