package catalog

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wimcast/wimcast/chunk"
)

// roundTrip checks what every parser promises: what parses is written back byte for byte, and no strict prefix of it parses.
func roundTrip[T any](t *testing.T, in []byte, parse func([]byte) (T, error), appendTo func(T, []byte) []byte) {
	t.Helper()
	v, err := parse(in)
	if err != nil {
		return
	}
	if out := appendTo(v, nil); !bytes.Equal(in, out) {
		t.Fatalf("parse and append changed the bytes:\n in %x\nout %x", in, out)
	}
	step := 1 + len(in)/256
	for n := 0; n < len(in); n += step {
		if _, err := parse(in[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes parse too", n, len(in))
		}
	}
}

func seeds(f *testing.F, bodies ...[]byte) {
	f.Helper()
	f.Add([]byte{})
	for _, b := range bodies {
		f.Add(b)
		f.Add(b[:len(b)/2])
		f.Add(append(clone(b), 0))
	}
}

func FuzzRoot(f *testing.F) {
	seeds(f, fixture().root.append(nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		roundTrip(t, in, parseRoot, (*Root).append)
	})
}

func FuzzHead(f *testing.F) {
	seeds(f, fixture().head.append(nil), (&Head{Version: 1}).append(nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		roundTrip(t, in, parseHead, (*Head).append)
	})
}

func FuzzManifest(f *testing.F) {
	seeds(f, fixture().manifest.Manifest.append(nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		roundTrip(t, in, parseManifest, (*Manifest).append)
		if m, err := parseManifest(in); err == nil {
			checkLayout(t, m.Chunks)
		}
	})
}

func FuzzNodeRecord(f *testing.F) {
	seeds(f, fixture().record.append(nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		roundTrip(t, in, parseNodeRecord, NodeRecord.append)
	})
}

// FuzzUnseal feeds whole files: nothing but what the key signed may come through.
func FuzzUnseal(f *testing.F) {
	x := fixture()
	seeds(f, x.rootRaw, x.headRaw, x.recordRaw, x.manifest.Raw)
	f.Fuzz(func(t *testing.T, in []byte) {
		signed := [][]byte{x.rootRaw, x.headRaw, x.recordRaw, x.manifest.Raw}
		known := func(b []byte) bool { return bytes.Equal(b, in) }
		for kind, limit := range map[fileKind]int{fileRoot: MaxRoot, fileHead: MaxHead, fileManifest: MaxManifest, fileNode: MaxNodeRecord} {
			_, _, err := unseal(kind, in, limit-fileOverhead, x.siteKey.Public(), x.online.Public(), x.publisher.Public())
			if err == nil && !known(signed[0]) && !known(signed[1]) && !known(signed[2]) && !known(signed[3]) {
				t.Fatalf("a forged %v came through: %x", kind, in)
			}
		}
	})
}

func FuzzToken(f *testing.F) {
	f.Add(fixture().token.String())
	f.Add(tokenPrefix)
	f.Add("wimcast2-AAAA")
	f.Fuzz(func(t *testing.T, in string) {
		tok, err := ParseToken(in)
		if err != nil {
			return
		}
		again, err := ParseToken(tok.String())
		if err != nil || again.String() != tok.String() {
			t.Fatalf("token %q does not survive: %v", tok, err)
		}
	})
}

// FuzzTokenBytes reaches behind the checksum.
func FuzzTokenBytes(f *testing.F) {
	f.Add(fixture().token.append(nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > maxTokenBytes {
			return
		}
		roundTrip(t, fixTokenSum(in), parseTokenBytes, Token.append)
	})
}

func FuzzEnrolRequest(f *testing.F) {
	x := fixture()
	req, err := NewEnrolRequest(x.token, x.node.Public(), "pc-17", EnrolBinding{1})
	if err != nil {
		f.Fatal(err)
	}
	seeds(f, req)
	f.Fuzz(func(t *testing.T, in []byte) {
		roundTrip(t, in, parseEnrolRequest, enrolRequest.append)
	})
}

func FuzzEnrolResponse(f *testing.F) {
	x := fixture()
	resp := (&Enrolment{RootRaw: x.rootRaw, HeadRaw: x.headRaw, RecordRaw: x.recordRaw}).append(nil)
	seeds(f, resp)
	f.Fuzz(func(t *testing.T, in []byte) {
		roundTrip(t, in, parseEnrolResponse, (*Enrolment).append)
		if _, err := OpenEnrolResponse(in, x.token, x.node.Public()); err == nil && !bytes.Equal(in, resp) {
			t.Fatalf("a forged response was taken: %x", in)
		}
	})
}

func FuzzRef(f *testing.F) {
	for _, s := range []string{"win11", "win11@24H2", "win11@24H2:2", "win11:2", "@:", "a:0", "a:01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		r, err := ParseRef(in)
		if err == nil && r.String() != in {
			t.Fatalf("%q came back as %q", in, r)
		}
	})
}

// FuzzTokenState covers the one table entry that is not a signed file.
func FuzzTokenState(f *testing.F) {
	f.Add(tokenState{uses: 3, expires: 1 << 40}.append(nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		roundTrip(t, in, parseTokenState, tokenState.append)
	})
}

// FuzzPages overwrites two places of a bbolt file, makes the meta pages' checksums right again, and runs the check that
// comes before bbolt: no panic, and no more memory than in proportion.
func FuzzPages(f *testing.F) {
	path := filepath.Join(f.TempDir(), catalogueName)
	x := fixture()
	if err := Create(path, x.rootRaw, x.headRaw, x.recordRaw); err != nil {
		f.Fatal(err)
	}
	whole := must(os.ReadFile(path))
	page := binary.NativeEndian.Uint32(whole[pageHeaderLen+8:])
	f.Add(uint32(0), uint64(0), uint32(0), uint64(0))
	f.Add(2*page+8, uint64(1<<63), page+pageHeaderLen+40, uint64(1<<40))
	f.Fuzz(func(t *testing.T, at1 uint32, v1 uint64, at2 uint32, v2 uint64) {
		bad := clone(whole)
		binary.NativeEndian.PutUint64(bad[int(at1)%(len(bad)-8):], v1)
		binary.NativeEndian.PutUint64(bad[int(at2)%(len(bad)-8):], v2)
		for _, meta := range [][]byte{bad[pageHeaderLen:], bad[page+pageHeaderLen:]} {
			sum := fnv.New64a()
			sum.Write(meta[:metaLen-8])
			binary.NativeEndian.PutUint64(meta[metaLen-8:], sum.Sum64())
		}
		err := (&pageChecker{r: bytes.NewReader(bad)}).check(int64(len(bad)))
		if err != nil && bytes.Equal(bad, whole) {
			t.Fatalf("a whole file is refused: %v", err)
		}
	})
}

// checkLayout compares a Layout with a plain implementation.
func checkLayout(t *testing.T, chunks []ManifestChunk) {
	t.Helper()
	type seen struct {
		block chunk.Block
		size  uint32
	}
	first := map[chunk.ID]seen{}
	at := map[chunk.Block][]uint32{}
	conflict := false
	for i, c := range chunks {
		s, ok := first[c.ID]
		if !ok {
			s = seen{chunk.Block(i), c.Size}
			first[c.ID] = s
		}
		conflict = conflict || s.size != c.Size
		at[s.block] = append(at[s.block], uint32(i))
	}
	l, err := newLayout(chunks)
	if (err != nil) != conflict {
		t.Fatalf("newLayout: %v, but conflict is %v", err, conflict)
	}
	if err != nil {
		return
	}
	var offset uint64
	for i, c := range chunks {
		pos := uint32(i)
		b := first[c.ID].block
		if l.First(pos) != b || l.IsBlock(pos) != (uint32(b) == pos) || l.Offset(pos) != offset {
			t.Fatalf("position %d: first %d, offset %d; want %d, %d", i, l.First(pos), l.Offset(pos), b, offset)
		}
		if l.At(offset) != pos || l.At(offset+uint64(c.Size)-1) != pos {
			t.Fatalf("position %d is not at its offsets", i)
		}
		if found, ok := l.Find(c.ID); !ok || found != b {
			t.Fatalf("find chunk of position %d: %d, %v; want %d", i, found, ok, b)
		}
		offset += uint64(c.Size)
		if l.IsBlock(pos) != (uint32(b) == pos) {
			t.Fatalf("position %d is a block: %v", pos, l.IsBlock(pos))
		}
	}
	if end := l.Offset(uint32(l.Len())); end != offset {
		t.Fatalf("end %d, want %d", end, offset)
	}
	for b, want := range at {
		prologue := false
		for _, i := range want {
			prologue = prologue || chunks[i].Prologue
		}
		if got := l.positions(b); !slices.Equal(got, want) || l.Prologue(b) != prologue {
			t.Fatalf("block %d: positions %v, prologue %v; want %v, %v", b, got, l.Prologue(b), want, prologue)
		}
	}
}
