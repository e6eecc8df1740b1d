package catalog

import (
	"bytes"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/wimcast/wimcast/chunk"
)

// world is one of everything, the same in every run.
type world struct {
	siteKey, online, publisher, node, stranger *Key

	root      *Root
	rootRaw   []byte
	head      *Head
	headRaw   []byte
	record    NodeRecord
	recordRaw []byte
	manifest  *SignedManifest
	token     Token
}

func testKey(n byte) *Key { return KeyFromSeed(bytes.Repeat([]byte{n}, 32)) }

var fixture = sync.OnceValue(func() *world {
	x := &world{siteKey: testKey(1), online: testKey(2), publisher: testKey(3), node: testKey(4), stranger: testKey(5)}
	x.root = &Root{
		Version: 1, Site: "Lab 3", SiteKey: x.siteKey.Public(), Online: x.online.Public(),
		Publishers: []PublicKey{x.publisher.Public()},
	}
	x.rootRaw = must(SignRoot(x.root, x.siteKey))
	x.manifest = build(x.publisher, "win11", "24H2", "header", "body", "header", "more")
	x.head = &Head{
		Version: 7, Epoch: 2, Revoked: []PublicKey{x.stranger.Public()},
		Entries: []Entry{
			{Name: "office", Version: "1", Serial: 3, Manifest: ManifestHash{9}},
			{Name: "win11", Version: "23H2", Serial: 2, Manifest: ManifestHash{8}},
			{Name: "win11", Version: "24H2", Serial: 7, Manifest: x.manifest.Hash},
		},
	}
	x.headRaw = must(SignHead(x.head, x.online))
	x.record = NodeRecord{Key: x.node.Public(), Name: "pc-17", Roles: RolePeer}
	x.recordRaw = must(SignNodeRecord(x.record, x.online))
	x.token = Token{
		Site: x.siteKey.Public(), Node: testKey(6).Public(), Addresses: []string{"10.0.0.1:4790", "[fe80::1%eth0]:4790"},
		Secret: [16]byte{1, 2, 3},
	}
	return x
})

// build makes a manifest of the given chunks; the first is the prologue.
func build(key *Key, name, version string, chunks ...string) *SignedManifest {
	b := must(NewBuilder(name, version, KindImage))
	for i, c := range chunks {
		if err := b.Add(chunk.Sum([]byte(c)), []byte(c), i == 0); err != nil {
			panic(err)
		}
	}
	return must(b.Sign(key))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// fixTokenSum makes length and checksum of a token's bytes right, so that a fuzzer gets behind them.
func fixTokenSum(in []byte) []byte {
	b := clone(in)
	for len(b) < tokenFixed+tokenSum {
		b = append(b, 0)
	}
	b[0], b[1] = byte(len(b)>>8), byte(len(b))
	sum := blake3.Sum256(b[:len(b)-tokenSum])
	copy(b[len(b)-tokenSum:], sum[:])
	return b
}
