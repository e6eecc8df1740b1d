package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/ident"
)

var update = flag.Bool("update", false, "rewrite the golden vectors")

func seq32(from byte) (b [32]byte) {
	for i := range b {
		b[i] = from + byte(i)
	}
	return b
}

// samples has at least one value of every stream message.
func samples() []any {
	run := [16]byte{0xaa, 0xbb, 0xcc, 0xdd, 15: 1}
	fresh := [64]byte{0: 1, 63: 2}
	return []any{
		Hello{Version: 1, Nonce: seq32(1), Record: []byte("record")},
		Welcome{Version: 1, HeadHash: seq32(2), Fresh: fresh, MeshKey: seq32(10), MeshPort: 4793, Record: []byte("server")},
		Enrol{Payload: []byte("please")},
		Enrolled{Payload: []byte("welcome")},
		Error{Code: CodeUnknown, Text: "no such content: win11"},
		GetHead{Nonce: seq32(3)},
		Head{Fresh: fresh, Root: []byte("root"), Signed: []byte("head")},
		JoinCast{Manifest: ident.ManifestHash(seq32(4))},
		CastInfo{
			Cast: 1, Epoch: 2, Run: run, Secret: seq32(5), Sender: seq32(6), Manifest: ident.ManifestHash(seq32(7)),
			Group: "239.192.7.1:4790", RateBps: 50_000_000,
		},
		CastInfo{Group: "[ff15::7:1]:4790"},
		Want{Cast: 1, Final: true, Spans: []Span{{0, 5}, {7, 8}}},
		Want{Cast: 1},
		Held{Cast: 1, Spans: []Span{{2, 3}}},
		Leave{Cast: 9},
		Progress{Cast: 1, Seq: 77, RateBps: 400_000_000},
		Demote{Cast: 1, Reason: DemoteBacklog},
		Promote{Cast: 1},
		Unicast{Cast: 1, Spans: []Span{{1, 2}}},
		Fetch{ID: chunk.ID(seq32(8))},
		Reply{Status: ReplyOK, Size: 262144},
		Reply{Status: ReplyBusy},
		GetManifest{Hash: ident.ManifestHash(seq32(9))},
	}
}

func sampleReport() Report {
	return Report{
		Cast: 1, Run: 0xaabbccdd, Serial: 3, Highest: 1000, Received: 990, First: 1, BacklogKiB: 512, Deaf: true,
		Deficits: []Deficit{{Block: 4, Sent: 100, Need: 3}, {Block: 9, Sent: 187, Need: 187}},
	}
}

func sampleAnnounce() Announce {
	return Announce{LeaseMillis: 1000, ReportMillis: 20, Closed: []Closed{{Block: 4, Sent: 100}, {Block: 9, Sent: 187}}}
}

func TestEveryTypeHasASample(t *testing.T) {
	have := map[MessageType]bool{}
	for _, m := range samples() {
		have[typeOf(m)] = true
	}
	for i := range 256 {
		if known := lookup(MessageType(i)).parse != nil; known != have[MessageType(i)] {
			t.Errorf("type %d: known %v, has a sample %v", i, known, have[MessageType(i)])
		}
	}
}

func TestMessagesRoundTrip(t *testing.T) {
	for _, m := range samples() {
		b, err := AppendMessage(nil, m)
		if err != nil {
			t.Fatalf("%T: %v", m, err)
		}
		if want := m.(message).Length() + FrameSize; len(b) != want {
			t.Errorf("%T: %d bytes, Length says %d", m, len(b), want)
		}
		got, err := ReadMessage(iotest.OneByteReader(bytes.NewReader(b)))
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%T: got %+v, %v; want %+v", m, got, err, m)
		}
	}
}

// TestMeshKeyIsNotPrinted: whatever the verb, alone or in its message.
func TestMeshKeyIsNotPrinted(t *testing.T) {
	m := Welcome{MeshKey: seq32(200), MeshPort: 4793}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "welcome", m)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "welcome", m)
	for _, v := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
		fmt.Fprintf(&log, v+"\n"+v+"\n", m, m.MeshKey)
	}
	for _, leak := range []string{"200", "c8", "C8"} {
		if strings.Contains(log.String(), leak) {
			t.Errorf("%q is in:\n%s", leak, log.String())
		}
	}
	if !strings.Contains(log.String(), "hidden") || !strings.Contains(log.String(), "4793") {
		t.Errorf("nothing printed:\n%s", log.String())
	}
}

func TestEveryStrictPrefixFails(t *testing.T) {
	for _, m := range samples() {
		b, _ := AppendMessage(nil, m)
		for n := range b {
			if got, err := ReadMessage(bytes.NewReader(b[:n])); err == nil {
				t.Errorf("%T: the first %d of %d bytes give %+v", m, n, len(b), got)
			}
			if n >= FrameSize { // the body alone, said to be complete
				if got, err := lookup(MessageType(b[0])).parse(b[FrameSize:n]); !errors.Is(err, ErrMalformed) {
					t.Errorf("%T: body of %d bytes gives %+v, %v", m, n-FrameSize, got, err)
				}
			}
		}
		if got, err := lookup(MessageType(b[0])).parse(append(b[FrameSize:], 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%T: a byte too many gives %+v, %v", m, got, err)
		}
	}
	prefixes(t, sampleReport().Append(nil), func(b []byte) error { _, err := ParseReport(b); return err })
	prefixes(t, sampleAnnounce().Append(nil), func(b []byte) error { _, err := ParseAnnounce(b); return err })
	head := Header{Type: TypeSymbol, Seq: 1}.Append(nil)
	prefixes(t, head, func(b []byte) error {
		if len(b) > len(head) {
			return ErrMalformed // a header has no end
		}
		if _, why := parseHeader(b); why != "" {
			return fmt.Errorf("%w: %s", ErrMalformed, why)
		}
		return nil
	})
}

func prefixes(t *testing.T, b []byte, parse func([]byte) error) {
	t.Helper()
	for n := range b {
		if err := parse(b[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("the first %d of %d bytes: %v", n, len(b), err)
		}
	}
	if err := parse(b); err != nil {
		t.Error(err)
	}
	if err := parse(append(b, 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a byte too many: %v", err)
	}
}

func TestGoldenVectors(t *testing.T) {
	var got strings.Builder
	for _, m := range samples() {
		b, err := AppendMessage(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%s %s\n", strings.TrimPrefix(fmt.Sprintf("%T", m), "wire."), hex.EncodeToString(b))
	}
	header := Header{Type: TypeSymbol, Symbol: 186, Cast: 0x01020304, Run: 0xaabbccdd, Seq: 5, Block: 6}
	key := DeriveRunKey(seq32(1), 7, seq32(2), [16]byte{0xaa, 0xbb, 0xcc, 0xdd})
	sealed, err := NewSealer(key).Seal(nil, header, []byte("symbol"))
	if err != nil {
		t.Fatal(err)
	}
	quic, err := AppendQUICReport(nil, sampleReport())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&got, "header %x\nannounce %x\nreport-datagram %x\nrun-key %x\nsealed %x\n",
		header.Append(nil), sampleAnnounce().Append(nil), quic, key[:], sealed)
	const file = "testdata/vectors.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the encoding has changed:\n%s\nwant:\n%s", got.String(), want)
	}
}

func TestLimitsHoldAtAndOnePast(t *testing.T) {
	spans := make([]Span, MaxSpans+1)
	for i := range spans {
		spans[i] = Span{Block(2 * i), Block(2*i + 1)}
	}
	group := func(n int) string { // a port may have noughts in front
		const address = "[ff15::7:1]:"
		return address + strings.Repeat("0", n-len(address)-4) + "4790"
	}
	for _, c := range []struct{ at, past any }{
		{Want{Spans: spans[:MaxSpans]}, Want{Spans: spans}},
		{Held{Spans: spans[:MaxSpans]}, Held{Spans: spans}},
		{Unicast{Spans: spans[:MaxSpans]}, Unicast{Spans: spans}},
		{Hello{Record: make([]byte, MaxRecord)}, Hello{Record: make([]byte, MaxRecord+1)}},
		{Welcome{Record: make([]byte, MaxRecord)}, Welcome{Record: make([]byte, MaxRecord+1)}},
		{Enrol{Payload: make([]byte, MaxEnrol)}, Enrol{Payload: make([]byte, MaxEnrol+1)}},
		{Enrolled{Payload: make([]byte, MaxEnrolled)}, Enrolled{Payload: make([]byte, MaxEnrolled+1)}},
		{Error{Text: strings.Repeat("x", MaxErrorText)}, Error{Text: strings.Repeat("x", MaxErrorText+1)}},
		{Head{Root: make([]byte, MaxRoot), Signed: make([]byte, MaxHead)}, Head{Root: make([]byte, MaxRoot+1), Signed: make([]byte, MaxHead)}},
		{Head{}, Head{Signed: make([]byte, MaxHead+1)}},
		{CastInfo{Group: group(maxGroup)}, CastInfo{Group: group(maxGroup + 1)}},
	} {
		b, err := AppendMessage(nil, c.at)
		if err != nil {
			t.Errorf("%T at its limit: %v", c.at, err)
		} else if _, err := ReadMessage(bytes.NewReader(b)); err != nil {
			t.Errorf("%T at its limit: %v", c.at, err)
		}
		m := c.past.(message)
		fits := m.Length() <= lookup(typeOf(m)).limit // one of two fields past its limit, the other small
		if _, err := AppendMessage(nil, c.past); err == nil && !fits {
			t.Errorf("%T past its limit was written", c.past)
		}
		b = append([]byte{byte(typeOf(m)), 0, byte(m.Length() >> 16), byte(m.Length() >> 8), byte(m.Length())}, m.Append(nil)...)
		if _, err := ReadMessage(bytes.NewReader(b)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%T past its limit was read: %v", m, err)
		}
	}
}

func TestReportAndAnnounceFitTheirDatagrams(t *testing.T) {
	r := sampleReport()
	r.Deficits = make([]Deficit, MaxDeficits+1)
	for i := range r.Deficits {
		r.Deficits[i].Need = 1
	}
	if _, err := AppendQUICReport(nil, r); err == nil {
		t.Error("a report past its limit was written")
	}
	if _, err := ParseReport(r.Append(nil)); err == nil {
		t.Error("a report past its limit was read")
	}
	r.Deficits = r.Deficits[:MaxDeficits]
	b, err := AppendQUICReport(nil, r)
	if err != nil || len(b) != MaxQUICDatagram || len(b) > 1150 {
		t.Errorf("full report: %d bytes, %v", len(b), err)
	}
	if got, ok, err := ParseQUICDatagram(b); err != nil || !ok || !reflect.DeepEqual(got, r) {
		t.Errorf("full report: %v %v", ok, err)
	}
	if _, ok, err := ParseQUICDatagram(AppendQUICPadding(nil)); ok || err != nil {
		t.Errorf("padding: %v %v", ok, err)
	}
	a := Announce{Closed: make([]Closed, MaxClosed)}
	if a.Length() > SymbolSize {
		t.Errorf("full announce: %d bytes", a.Length())
	}
	if _, err := ParseAnnounce(a.Append(nil)); err != nil {
		t.Error(err)
	}
	a.Closed = append(a.Closed, Closed{})
	if _, err := ParseAnnounce(a.Append(nil)); err == nil {
		t.Error("an announce past its limit was read")
	}
}

func TestValuesOutOfRangeAreRefused(t *testing.T) {
	for name, m := range map[string]any{
		"empty span":      Want{Spans: []Span{{3, 3}}},
		"backward span":   Held{Spans: []Span{{3, 2}}},
		"no reason":       Demote{},
		"unknown reason":  Demote{Reason: DemoteRate + 1},
		"unknown status":  Reply{Status: 3},
		"bytes with busy": Reply{Status: ReplyBusy, Size: 1},
		"huge reply":      Reply{Size: MaxManifest + 1},
		"escape sequence": Error{Text: "\x1b[2J"},
		"two lines":       Error{Text: "a\nb"},
		"not UTF-8":       Error{Text: "\xff"},
		"unicast group":   CastInfo{Group: "192.0.2.1:5"},
		"zoned group":     CastInfo{Group: "[ff12::1%lo]:5"},
		"no port":         CastInfo{Group: "239.192.0.1:0"},
		"late progress":   Progress{Seq: MaxSeq + 1},
	} {
		b, err := AppendMessage(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ReadMessage(bytes.NewReader(b)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, change := range map[string]func(*Report){
		"need 0":             func(r *Report) { r.Deficits[0].Need = 0 },
		"highest past a run": func(r *Report) { r.Highest = MaxSeq + 1 },
		"first past highest": func(r *Report) { r.First = r.Highest + 1 },
		"received too many":  func(r *Report) { r.Received = uint64(MaxSeq) + 1 },
	} {
		r := sampleReport()
		change(&r)
		if _, err := ParseReport(r.Append(nil)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := AppendMessage(nil, &Leave{}); err == nil {
		t.Error("a pointer was written")
	}
}

// TestNumbersHoldAtAndOnePast: those that bound a value rather than a length.
func TestNumbersHoldAtAndOnePast(t *testing.T) {
	header := func(h Header) error {
		if _, why := parseHeader(h.Append(nil)); why != "" {
			return fmt.Errorf("%s: %w", why, ErrMalformed)
		}
		return nil
	}
	message := func(m any) error {
		b, err := AppendMessage(nil, m)
		if err == nil {
			_, err = ReadMessage(bytes.NewReader(b))
		}
		return err
	}
	report := func(change func(*Report), need byte) error {
		r := sampleReport()
		r.Deficits = r.Deficits[:1]
		change(&r)
		b := r.Append(nil)
		b[len(b)-1] = need
		_, err := ParseReport(b)
		return err
	}
	same := func(*Report) {}
	body := func(n uint32) error {
		b := append(binary.BigEndian.AppendUint32([]byte{byte(TypeLeave)}, n), make([]byte, n)...)
		_, err := ReadMessage(bytes.NewReader(b))
		return err
	}
	for name, c := range map[string]struct{ at, past error }{
		"symbol":   {header(Header{Type: TypeSymbol, Seq: 1, Symbol: MaxSource + ParitySymbols - 1}), header(Header{Type: TypeSymbol, Seq: 1, Symbol: MaxSource + ParitySymbols})},
		"sequence": {header(Header{Type: TypeSymbol, Seq: MaxSeq}), header(Header{Type: TypeSymbol, Seq: MaxSeq + 1})},
		"progress": {message(Progress{Seq: MaxSeq}), message(Progress{Seq: MaxSeq + 1})},
		"reply":    {message(Reply{Size: MaxManifest}), message(Reply{Size: MaxManifest + 1})},
		"need":     {report(same, MaxSource), report(same, MaxSource+1)},
		"highest":  {report(func(r *Report) { r.Highest = MaxSeq }, 1), report(func(r *Report) { r.Highest = MaxSeq + 1 }, 1)},
		"received": {report(func(r *Report) { r.Received = uint64(MaxSeq) }, 1), report(func(r *Report) { r.Received = uint64(MaxSeq) + 1 }, 1)},
		"frame":    {body(uint32(lookup(TypeLeave).limit)), body(uint32(lookup(TypeLeave).limit) + 1)},
	} {
		if c.at != nil {
			t.Errorf("%s at its limit: %v", name, c.at)
		}
		if !errors.Is(c.past, ErrMalformed) {
			t.Errorf("%s past its limit: %v", name, c.past)
		}
	}
	r := Report{Deficits: []Deficit{{Need: MaxSource + 1}}}
	if got, err := ParseReport(r.Append(nil)); err != nil || got.Deficits[0].Need != MaxSource {
		t.Errorf("a need past MaxSource was written as %+v, %v", got.Deficits, err)
	}
}

func TestReadMessageTakesOnlyAllowedTypes(t *testing.T) {
	b, _ := AppendMessage(nil, Leave{Cast: 1})
	if _, err := ReadMessage(bytes.NewReader(b), TypeHello, TypeEnrol); !errors.Is(err, ErrMalformed) {
		t.Errorf("got %v", err)
	}
	if _, err := ReadMessage(bytes.NewReader(b), TypeHello, TypeLeave); err != nil {
		t.Error(err)
	}
	if _, err := ReadMessage(bytes.NewReader(nil)); err != io.EOF {
		t.Errorf("end of stream: %v", err)
	}
	if _, err := ReadMessage(bytes.NewReader(b[:7])); err != io.ErrUnexpectedEOF {
		t.Errorf("end inside: %v", err)
	}
}

// A length alone must not make the reader take memory.
func TestReadMessageTakesMemoryAsBytesArrive(t *testing.T) {
	frame := []byte{byte(TypeHead), 0, 0x40, 0, 0} // 4 MiB, of which nothing comes
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ReadMessage(bytes.NewReader(frame)); err != io.ErrUnexpectedEOF {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if got > 4*readStep {
		t.Errorf("%d bytes were allocated for a body that never came", got)
	}
}

func TestCastInfoHidesItsSecret(t *testing.T) {
	m := CastInfo{Secret: seq32(0xe0), Group: "239.192.0.1:1"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, m); strings.Contains(s, "e0e1e2") || strings.Contains(s, "224 225") || strings.Contains(s, "0xe0, 0xe1") {
			t.Errorf("%s shows the secret: %s", verb, s)
		}
	}
}

// Every reason for a demotion that can come over the wire has a word for traces.
func TestEveryReasonHasAWord(t *testing.T) {
	words := map[string]bool{"": true, "unknown": true}
	for reason := 1; reason < 256; reason++ {
		m, err := ParseDemote(Demote{Cast: 1, Reason: DemoteReason(reason)}.Append(nil))
		if err != nil {
			continue
		}
		if words[m.Reason.String()] {
			t.Errorf("reason %d is called %q", reason, m.Reason)
		}
		words[m.Reason.String()] = true
	}
	if len(words) < 5 {
		t.Errorf("only these words: %v", words)
	}
	if got := DemoteReason(255).String(); got != "unknown" {
		t.Errorf("what is no reason is called %q", got)
	}
}
