package catalog

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/zeebo/blake3"

	"github.com/wimcast/wimcast/chunk"
)

func TestBuilder(t *testing.T) {
	x := fixture()
	m := x.manifest.Manifest
	whole := "headerbodyheadermore"
	if m.Size != uint64(len(whole)) || m.Digest != blake3.Sum256([]byte(whole)) {
		t.Errorf("size %d, digest %x of %q", m.Size, m.Digest, whole)
	}
	back := must(VerifyManifest(x.manifest.Raw, x.root, x.head))
	if back.Hash != x.manifest.Hash || back.Signer != x.publisher.Public() || len(back.Manifest.Chunks) != 4 {
		t.Errorf("came back as %+v", back)
	}
	checkLayout(t, m.Chunks)
	if l := x.manifest.Layout; l.IsBlock(2) || !l.IsBlock(3) || l.First(2) != 0 {
		t.Error("the third chunk repeats the first, and no other one")
	}
}

func TestDigestOfADiskIsThatOfItsChunkList(t *testing.T) {
	digest := func(kind Kind, parts ...string) [32]byte {
		b := must(NewBuilder("a", "1", kind))
		for _, p := range parts {
			if err := b.Add(chunk.Sum([]byte(p)), []byte(p), false); err != nil {
				t.Fatal(err)
			}
		}
		return must(b.Sign(testKey(3))).Manifest.Digest
	}
	if digest(KindDisk, "ab", "c") == digest(KindDisk, "a", "bc") {
		t.Error("the digest of a disk does not depend on its cuts")
	}
	if digest(KindFile, "ab", "c") != digest(KindFile, "a", "bc") {
		t.Error("the digest of a file depends on its cuts")
	}
}

func TestBuilderRefuses(t *testing.T) {
	for _, name := range []string{"", "..", "a/b", "a b", "a@b", "a:b", "é", strings.Repeat("a", 65)} {
		if _, err := NewBuilder(name, "1", KindFile); err == nil {
			t.Errorf("name %q passes", name)
		}
		if _, err := NewBuilder("a", name, KindFile); err == nil {
			t.Errorf("version %q passes", name)
		}
	}
	if _, err := NewBuilder("a", "1", 9); err == nil {
		t.Error("kind 9 passes")
	}
	b := must(NewBuilder("a", "1", KindFile))
	if _, err := b.Sign(testKey(3)); err == nil {
		t.Error("an empty content was signed")
	}
	if b.Add(chunk.ID{}, nil, false) == nil || b.Add(chunk.ID{}, make([]byte, chunk.MaxSize+1), false) == nil {
		t.Error("a chunk of impossible size was added")
	}
	if err := b.Add(chunk.ID{1}, make([]byte, chunk.MaxSize), false); err != nil {
		t.Error(err)
	}
	if err := b.Add(chunk.ID{1}, []byte{1}, false); err != nil {
		t.Error(err)
	}
	if _, err := b.Sign(testKey(3)); err == nil {
		t.Error("one chunk with two sizes was signed")
	}
}

func TestManifestAtItsLimit(t *testing.T) {
	m := &Manifest{Name: "a", Version: "1", Kind: KindFile, Chunks: make([]ManifestChunk, chunk.MaxChunks)}
	for i := range m.Chunks {
		m.Chunks[i] = ManifestChunk{ID: chunk.ID{byte(i), byte(i >> 8), byte(i >> 16)}, Size: chunk.MaxSize}
		m.Size += chunk.MaxSize
	}
	if err := m.validate(); err != nil {
		t.Errorf("%d chunks: %v", chunk.MaxChunks, err)
	}
	body := m.append(nil)
	if len(body)+fileOverhead > MaxManifest {
		t.Errorf("a full manifest has %d bytes, more than MaxManifest", len(body)+fileOverhead)
	}
	if _, err := parseManifest(body); err != nil {
		t.Errorf("parse full manifest: %v", err)
	}
	m.Chunks = append(m.Chunks, m.Chunks[0])
	m.Size += chunk.MaxSize
	if m.validate() == nil {
		t.Error("one chunk more than chunk.MaxChunks passes")
	}
	if _, err := parseManifest(m.append(nil)); err == nil {
		t.Error("one chunk more than chunk.MaxChunks parses")
	}
}

func TestManifestSizeMustBeTheSum(t *testing.T) {
	m := *fixture().manifest.Manifest
	m.Size++
	if _, err := SignManifest(&m, testKey(3)); err == nil {
		t.Error("signed a manifest whose size is not the sum of its chunks")
	}
}

// TestLayout compares with the plain implementation over many lists with few distinct chunks.
func TestLayout(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 0))
		chunks := make([]ManifestChunk, 1+rng.IntN(60))
		kinds := 1 + rng.IntN(40)
		for i := range chunks {
			id := byte(rng.IntN(kinds))
			chunks[i] = ManifestChunk{ID: chunk.ID{id}, Size: 1 + uint32(id), Prologue: rng.IntN(8) == 0}
		}
		checkLayout(t, chunks)
	}
}

func BenchmarkLayout(b *testing.B) {
	chunks := make([]ManifestChunk, 1<<18)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range chunks {
		for j := range 4 {
			chunks[i].ID[j] = byte(rng.Uint32())
		}
		chunks[i].Size = 1
	}
	for b.Loop() {
		if _, err := newLayout(chunks); err != nil {
			b.Fatal(err)
		}
	}
}
