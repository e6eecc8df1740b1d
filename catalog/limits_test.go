package catalog

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/chunk"
)

// TestSignedFilesAtTheirLargest: each bound in bytes is what the longest of its kind takes, or more.
func TestSignedFilesAtTheirLargest(t *testing.T) {
	x, long := fixture(), strings.Repeat("n", MaxName)
	keys := make([]PublicKey, maxRevoked)
	for i := range keys {
		binary.BigEndian.PutUint32(keys[i][:], uint32(i))
	}
	root := *x.root
	root.Site, root.Publishers = long, keys[:maxPublishers]
	head := &Head{Version: maxEntries, Revoked: keys, Entries: make([]Entry, maxEntries)}
	for i := range head.Entries {
		head.Entries[i] = Entry{Name: long, Version: fmt.Sprintf("%0*d", MaxName, i), Serial: uint64(i + 1)}
	}
	record := NodeRecord{Name: long, Roles: RolePeer}
	manifest := &Manifest{Name: long, Version: long, Kind: KindFile, Size: 1, Chunks: []ManifestChunk{{Size: 1}}}
	for what, c := range map[string]struct {
		raw   []byte
		bytes int
		tight bool
	}{
		"root":        {must(SignRoot(&root, x.siteKey)), MaxRoot, false},
		"head":        {must(SignHead(head, x.online)), MaxHead, true},
		"node record": {must(SignNodeRecord(record, x.online)), MaxNodeRecord, true},
		"manifest":    {must(SignManifest(manifest, x.publisher)).Raw, MaxManifest - (chunk.MaxChunks-1)*manifestChunkLen, true},
	} {
		if n := len(c.raw); n > c.bytes || c.tight && n < c.bytes {
			t.Errorf("the longest %s has %d bytes, the bound is %d", what, n, c.bytes)
		}
		if _, err := VerifyHead(c.raw, x.root); what == "head" && err != nil {
			t.Error(err)
		}
	}
}

// TestSignedFilesClaimNoMore: a body's size is refused before anything of the body is looked at.
func TestSignedFilesClaimNoMore(t *testing.T) {
	x := fixture()
	for kind, most := range map[fileKind]int{fileRoot: MaxRoot, fileHead: MaxHead, fileNode: MaxNodeRecord, fileManifest: MaxManifest} {
		raw := seal(kind, nil, x.siteKey)
		for past, want := range []string{errShort.Error(), "at most"} {
			binary.BigEndian.PutUint32(raw[12:], uint32(most-fileOverhead+past))
			if err := verifiers(x, raw)[kind]; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v that claims %d bytes: %v, want %q", kind, most+past, err, want)
			}
		}
	}
	c := newTestClient(t, newTestSite(t))
	for past, want := range []string{ErrUnknown.Error(), "at most"} {
		if _, err := c.Catalogue.AddManifest(make([]byte, MaxManifest+past)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a manifest of %d bytes: %v, want %q", MaxManifest+past, err, want)
		}
	}
}

// TestCountsInFilesAtAndOnePast: the counts of an enrolment's answer and of a token, which stand before what they
// count.
func TestCountsInFilesAtAndOnePast(t *testing.T) {
	answer := func(root, head, record int) error {
		e := &Enrolment{RootRaw: make([]byte, root), HeadRaw: make([]byte, head), RecordRaw: make([]byte, record)}
		_, err := parseEnrolResponse(e.append(nil))
		return err
	}
	token := func(addresses int) error {
		tok := fixture().token
		tok.Addresses = nil
		for range addresses {
			tok.Addresses = append(tok.Addresses, strings.Repeat("h", maxAddress-2)+":1")
		}
		_, err := ParseToken(tok.String())
		return err
	}
	for _, c := range []struct {
		what     string
		at, past error
		why      string
	}{
		{"root", answer(MaxRoot, 0, 0), answer(MaxRoot+1, 0, 0), "bytes of root: at most"},
		{"head", answer(0, MaxHead, 0), answer(0, MaxHead+1, 0), "bytes of head: at most"},
		{"record", answer(0, 0, MaxNodeRecord), answer(0, 0, MaxNodeRecord+1), "bytes of node record: at most"},
		{"token", token(MaxAddresses), token(MaxAddresses + 1), "it is too long"},
	} {
		if c.at != nil {
			t.Errorf("%s at its limit: %v", c.what, c.at)
		}
		if c.past == nil || !strings.Contains(c.past.Error(), c.why) {
			t.Errorf("%s past its limit: %v, want %q", c.what, c.past, c.why)
		}
	}
	if n := len(strings.TrimPrefix(tokenOfLongest(), tokenPrefix)); n != base64.RawURLEncoding.EncodedLen(maxTokenBytes) {
		t.Errorf("the longest token has %d characters", n)
	}
}

func tokenOfLongest() string {
	tok := fixture().token
	tok.Addresses = make([]string, MaxAddresses)
	for i := range tok.Addresses {
		tok.Addresses[i] = strings.Repeat("h", maxAddress-2) + ":1"
	}
	return tok.String()
}

func TestNamesAtAndOnePast(t *testing.T) {
	long := strings.Repeat("n", MaxName)
	for what, c := range map[string]struct{ at, past error }{
		"word":  {checkWord("name", long), checkWord("name", long+"n")},
		"label": {CheckLabel("site", long), CheckLabel("site", long+"n")},
		"image": {refError(fmt.Sprint("a:", maxImage)), refError(fmt.Sprint("a:", maxImage+1))},
	} {
		if c.at != nil || c.past == nil {
			t.Errorf("%s: at its limit %v, past it %v", what, c.at, c.past)
		}
	}
}

func refError(s string) error { _, err := ParseRef(s); return err }

// TestFullCatalogue: the last content, revoked key and node find room, and the next is told that the catalogue is
// full.
func TestFullCatalogue(t *testing.T) {
	s := newTestSite(t)
	s.Catalogue.file.db.NoSync = true // speed: nothing here is about crashes
	s.Catalogue.head.Version = maxEntries
	for i := range maxEntries - 1 {
		s.Catalogue.head.Entries = append(s.Catalogue.head.Entries, Entry{Name: "m", Version: fmt.Sprintf("%05d", i), Serial: uint64(i + 1)})
	}
	publish(t, s, "n", "1", "content")
	if _, err := s.Catalogue.Publish(build(s.Publisher, "n", "2", "content"), false); !errors.Is(err, ErrFull) {
		t.Errorf("content %d: %v", maxEntries+1, err)
	}
	if _, err := s.Catalogue.Publish(build(s.Publisher, "n", "1", "other"), true); err != nil {
		t.Errorf("one in the place of another, in a full catalogue: %v", err)
	}

	for i := range maxRevoked - 1 {
		s.Catalogue.head.Revoked = append(s.Catalogue.head.Revoked, PublicKey{byte(i >> 8), byte(i)})
	}
	if err := s.Catalogue.Revoke(PublicKey{0xfe}); err != nil {
		t.Errorf("key %d: %v", maxRevoked, err)
	}
	if err := s.Catalogue.Revoke(PublicKey{0xff}); !errors.Is(err, ErrFull) {
		t.Errorf("key %d: %v", maxRevoked+1, err)
	}
	if err := s.Catalogue.Revoke(PublicKey{0xfe}); err != nil {
		t.Errorf("a key that is revoked already: %v", err)
	}
}

func TestFullTableOfNodes(t *testing.T) {
	s := newTestSite(t)
	s.Catalogue.file.db.NoSync = true
	tok := newTestToken(t, s.Catalogue, TokenPolicy{})
	err := s.Catalogue.file.update(func(t tables) error {
		for i := range maxNodes - 1 - t.nodes.len() {
			if err := t.nodes.put([]byte{0, byte(i >> 16), byte(i >> 8), byte(i)}, []byte{1}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	last, next := testKey(9), testKey(10)
	if _, err := enrolOnce(s.Catalogue, tok, last, "pc", noon); err != nil {
		t.Errorf("node %d: %v", maxNodes, err)
	}
	if _, err := enrolOnce(s.Catalogue, tok, next, "pc", noon); !errors.Is(err, ErrFull) {
		t.Errorf("node %d: %v", maxNodes+1, err)
	}
	if _, err := enrolOnce(s.Catalogue, tok, last, "pc-2", noon); err != nil {
		t.Errorf("a node that is enrolled already: %v", err)
	}
}

// TestPagesNestNoDeeper: a tree of pages is walked to its deepest, and no further.
func TestPagesNestNoDeeper(t *testing.T) {
	const size, leaf = 1024, 2
	file := make([]byte, 3*size)
	binary.NativeEndian.PutUint64(file[leaf*size:], leaf)
	binary.NativeEndian.PutUint16(file[leaf*size+8:], pageLeaf)
	bucket := make([]byte, 16+pageHeaderLen) // with its page in it
	binary.NativeEndian.PutUint16(bucket[16+8:], pageLeaf)
	for past, ok := range []bool{true, false} {
		c := &pageChecker{r: bytes.NewReader(file), size: size, end: 3, seen: make([]bool, 3)}
		if err := c.tree(leaf, pageDepthMax+past); (err == nil) != ok {
			t.Errorf("a page at depth %d: %v", pageDepthMax+past, err)
		}
		c.r = bytes.NewReader(append(bucket, 0)) // a file goes on
		if err := c.bucket(0, uint64(len(bucket)), pageDepthMax-1+past); (err == nil) != ok {
			t.Errorf("a bucket whose page is at depth %d: %v", pageDepthMax+past, err)
		}
	}
}
