package catalog

import (
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden keeps the formats from changing unnoticed: sites keep these files for years.
func TestGolden(t *testing.T) {
	x := fixture()
	req := must(NewEnrolRequest(x.token, x.node.Public(), "pc-17", EnrolBinding{1}))
	sig := SignFresh(x.online, Nonce{5}, hashHead(x.headRaw))
	for name, got := range map[string]string{
		"root":          hex.EncodeToString(x.rootRaw),
		"head":          hex.EncodeToString(x.headRaw),
		"manifest":      hex.EncodeToString(x.manifest.Raw),
		"node-record":   hex.EncodeToString(x.recordRaw),
		"token":         x.token.String(),
		"enrol-request": hex.EncodeToString(req),
		"fresh":         hex.EncodeToString(sig[:]),
	} {
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(want)) != got {
			t.Errorf("%s changed:\n got %s\nwant %s", name, got, want)
		}
	}
}

// verifiers runs each Verify function over raw and returns the errors by kind.
func verifiers(x *world, raw []byte) map[fileKind]error {
	_, root := VerifyRoot(raw, x.siteKey.Public())
	_, head := VerifyHead(raw, x.root)
	_, manifest := VerifyManifest(raw, x.root, x.head)
	_, node := VerifyNodeRecord(raw, x.root, x.head)
	return map[fileKind]error{fileRoot: root, fileHead: head, fileManifest: manifest, fileNode: node}
}

func signedFiles(x *world) map[fileKind][]byte {
	return map[fileKind][]byte{fileRoot: x.rootRaw, fileHead: x.headRaw, fileManifest: x.manifest.Raw, fileNode: x.recordRaw}
}

func TestSignedFilesPassTheirOwnVerifierOnly(t *testing.T) {
	x := fixture()
	for kind, raw := range signedFiles(x) {
		for as, err := range verifiers(x, raw) {
			if (err == nil) != (as == kind) {
				t.Errorf("a %v taken as %v: %v", kind, as, err)
			}
		}
	}
}

func TestSignedFilesCutOrFlippedAreRefused(t *testing.T) {
	x := fixture()
	for kind, raw := range signedFiles(x) {
		for n := range raw {
			if verifiers(x, raw[:n])[kind] == nil {
				t.Fatalf("%v: the first %d of %d bytes pass", kind, n, len(raw))
			}
			bad := clone(raw)
			bad[n] ^= 1 << (n % 8)
			if verifiers(x, bad)[kind] == nil {
				t.Fatalf("%v: passes with byte %d flipped", kind, n)
			}
		}
		if verifiers(x, append(clone(raw), 0))[kind] == nil {
			t.Fatalf("%v: passes with a byte more", kind)
		}
	}
}

// TestSignatureComesBeforeParsing: a body that cannot be parsed is told as such only when the right key signed it.
func TestSignatureComesBeforeParsing(t *testing.T) {
	x := fixture()
	junk := []byte("no root at all")
	_, err := VerifyRoot(seal(fileRoot, junk, x.siteKey), x.siteKey.Public())
	if err == nil || !strings.HasPrefix(err.Error(), "parse root") {
		t.Errorf("junk signed by the site: %v", err)
	}
	_, err = VerifyRoot(seal(fileRoot, junk, x.stranger), x.siteKey.Public())
	if !errors.Is(err, ErrSigner) {
		t.Errorf("junk signed by a stranger: %v", err)
	}
	forged := seal(fileRoot, junk, x.stranger)
	signer := x.siteKey.Public()
	copy(forged[16:48], signer[:])
	if _, err = VerifyRoot(forged, signer); !errors.Is(err, ErrSignature) {
		t.Errorf("junk under the site's name: %v", err)
	}
}

func TestEachRoleSignsOnlyItsOwn(t *testing.T) {
	x := fixture()
	headByPublisher := must(SignHead(x.head, x.publisher))
	if _, err := VerifyHead(headByPublisher, x.root); !errors.Is(err, ErrSigner) {
		t.Errorf("head by a publisher: %v", err)
	}
	recordByPublisher := must(SignNodeRecord(x.record, x.publisher))
	if _, err := VerifyNodeRecord(recordByPublisher, x.root, nil); !errors.Is(err, ErrSigner) {
		t.Errorf("node record by a publisher: %v", err)
	}
	if _, err := VerifyManifest(build(x.online, "a", "1", "x").Raw, x.root, nil); !errors.Is(err, ErrSigner) {
		t.Errorf("manifest by the online key: %v", err)
	}
	if _, err := SignRoot(x.root, x.online); err == nil {
		t.Error("the online key could sign a root")
	}
	other := *x.root
	other.SiteKey = x.stranger.Public()
	if _, err := VerifyRoot(seal(fileRoot, other.append(nil), x.siteKey), x.siteKey.Public()); err == nil {
		t.Error("a root that names another site key passes")
	}
}

func TestRevokedKeysAreRefused(t *testing.T) {
	x := fixture()
	head := &Head{Version: 9, Revoked: []PublicKey{x.publisher.Public(), x.node.Public()}}
	slices.SortFunc(head.Revoked, compareKeys)
	if _, err := VerifyManifest(x.manifest.Raw, x.root, head); !errors.Is(err, ErrRevoked) {
		t.Errorf("manifest of a revoked publisher: %v", err)
	}
	if _, err := VerifyNodeRecord(x.recordRaw, x.root, head); !errors.Is(err, ErrRevoked) {
		t.Errorf("record of a revoked node: %v", err)
	}
}

func TestFresh(t *testing.T) {
	x := fixture()
	hash := hashHead(x.headRaw)
	sig := SignFresh(x.online, Nonce{5}, hash)
	if err := VerifyFresh(x.root, Nonce{5}, hash, sig); err != nil {
		t.Error(err)
	}
	if VerifyFresh(x.root, Nonce{6}, hash, sig) == nil {
		t.Error("an answer to another nonce passes: heads could be replayed")
	}
	if VerifyFresh(x.root, Nonce{5}, HeadHash{}, sig) == nil {
		t.Error("an answer about another head passes")
	}
	if VerifyFresh(x.root, Nonce{5}, hash, SignFresh(x.publisher, Nonce{5}, hash)) == nil {
		t.Error("an answer by another key passes")
	}
}

// TestSignRefusesWhatCannotBeParsed: limits hold where data is written too, at the limit and one past it.
func TestSignRefusesWhatCannotBeParsed(t *testing.T) {
	x := fixture()
	long := strings.Repeat("n", MaxName)
	keys := make([]PublicKey, maxRevoked+1)
	for i := range keys {
		keys[i] = PublicKey{byte(i >> 8), byte(i)}
	}
	entries := make([]Entry, maxEntries+1)
	for i := range entries {
		entries[i] = Entry{
			Name: "n", Version: strings.Repeat("v", 10) + string([]byte{'a' + byte(i>>12), 'a' + byte(i>>8&15), 'a' + byte(i>>4&15), 'a' + byte(i&15)}),
			Serial: uint64(i + 1), Manifest: ManifestHash{1},
		}
	}
	root := func(edit func(*Root)) error {
		r := *x.root
		edit(&r)
		raw, err := SignRoot(&r, x.siteKey)
		if err == nil {
			_, err = VerifyRoot(raw, x.siteKey.Public())
		}
		return err
	}
	head := func(h Head) error {
		raw, err := SignHead(&h, x.online)
		if err == nil {
			_, err = VerifyHead(raw, x.root)
		}
		return err
	}
	for _, c := range []struct {
		what string
		err  error
		ok   bool
	}{
		{"root with the longest name", root(func(r *Root) { r.Site = long }), true},
		{"root with a name too long", root(func(r *Root) { r.Site = long + "n" }), false},
		{"root with a name that wraps its length byte", root(func(r *Root) { r.Site = strings.Repeat("n", 256+5) }), false},
		{"root of version 0", root(func(r *Root) { r.Version = 0 }), false},
		{"root without publishers", root(func(r *Root) { r.Publishers = nil }), false},
		{"root with all publishers", root(func(r *Root) { r.Publishers = keys[:maxPublishers] }), true},
		{"root with a publisher too many", root(func(r *Root) { r.Publishers = keys[:maxPublishers+1] }), false},
		{"root with a publisher twice", root(func(r *Root) { r.Publishers = []PublicKey{keys[1], keys[1]} }), false},
		{"head of version 0", head(Head{}), false},
		{"head with all revoked keys", head(Head{Version: 1, Revoked: keys[:maxRevoked]}), true},
		{"head with a revoked key too many", head(Head{Version: 1, Revoked: keys}), false},
		{"head with revoked keys out of order", head(Head{Version: 1, Revoked: []PublicKey{keys[2], keys[1]}}), false},
		{"full head", head(Head{Version: 1 << 20, Entries: entries[:maxEntries]}), true},
		{"head with a content too many", head(Head{Version: 1 << 20, Entries: entries}), false},
		{"head with contents out of order", head(Head{Version: 9, Entries: []Entry{entries[1], entries[0]}}), false},
		{"head with a serial from the future", head(Head{Version: 1, Entries: entries[1:2]}), false},
		{"head with one serial twice", head(Head{Version: 9, Entries: []Entry{entries[0], {Name: "o", Version: "1", Serial: 1}}}), false},
	} {
		if (c.err == nil) != c.ok {
			t.Errorf("%s: %v", c.what, c.err)
		}
	}
	for _, r := range []NodeRecord{{Name: "a"}, {Name: "a", Roles: 8}, {Name: "", Roles: 1}, {Name: "a\nb", Roles: 1}, {Name: " a", Roles: 1}} {
		if _, err := SignNodeRecord(r, x.online); err == nil {
			t.Errorf("signed %+v", r)
		}
	}
}

func TestCountsAreCheckedBeforeTheySizeAnything(t *testing.T) {
	body := (&Head{Version: 1}).append(nil)
	for i := len(body) - 8; i < len(body); i++ {
		body[i] = 0xff // both counts: 4 billion
	}
	allocs := testing.AllocsPerRun(10, func() {
		if _, err := parseHead(body); err == nil {
			t.Error("a head with 4 billion contents parses")
		}
	})
	if allocs > 20 {
		t.Errorf("%v allocations for a head that cannot be", allocs)
	}
}
