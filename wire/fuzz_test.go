package wire

import (
	"bytes"
	"testing"
)

// FuzzReadMessage: whatever is read is written back as the same bytes.
func FuzzReadMessage(f *testing.F) {
	for _, m := range samples() {
		b, err := AppendMessage(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ReadMessage(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := AppendMessage(nil, m)
		if err != nil {
			t.Fatalf("%T was read but cannot be written: %v", m, err)
		}
		if !bytes.HasPrefix(b, again) {
			t.Fatalf("%T: read %x, written %x", m, b, again)
		}
		for n := range min(len(again), 64) {
			if _, err := ReadMessage(bytes.NewReader(again[:n])); err == nil {
				t.Fatalf("%T: its first %d bytes are a message", m, n)
			}
		}
	})
}

// FuzzDatagrams does the same for what travels in datagrams.
func FuzzDatagrams(f *testing.F) {
	f.Add(Header{Type: TypeSymbol, Seq: 1}.Append(nil))
	f.Add(sampleAnnounce().Append(nil))
	f.Add(sampleReport().Append([]byte{quicReport}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, why := parseHeader(b); why == "" && !bytes.Equal(h.Append(nil), b[:HeaderSize]) {
			t.Errorf("header %+v of %x", h, b)
		}
		if a, err := ParseAnnounce(b); err == nil && (!bytes.Equal(a.Append(nil), b) || a.Length() != len(b)) {
			t.Errorf("announce %+v of %x", a, b)
		}
		if r, ok, err := ParseQUICDatagram(b); err == nil && ok {
			if again, err := AppendQUICReport(nil, r); err != nil || !bytes.Equal(again, b) {
				t.Errorf("report %+v of %x: %v", r, b, err)
			}
		}
	})
}

// FuzzOpen: nothing that was not sealed with the key is opened.
func FuzzOpen(f *testing.F) {
	s, _ := pair(f)
	sealed := mustSeal(f, s, 1, []byte("symbol"))
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, o := pair(t)
		genuine := bytes.Equal(b, sealed)
		if _, _, err := o.Open(bytes.Clone(b)); (err == nil) != genuine {
			t.Errorf("genuine %v: %v", genuine, err)
		}
	})
}
