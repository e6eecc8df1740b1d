package catalog

import (
	"encoding/binary"
	"fmt"

	"github.com/zeebo/blake3"

	"github.com/wimcast/wimcast/chunk"
)

// Builder makes a manifest from chunks in content order.
type Builder struct {
	m      Manifest
	digest *blake3.Hasher
}

// NewBuilder starts the manifest of name@version.
func NewBuilder(name, version string, kind Kind) (*Builder, error) {
	if err := checkWord("name", name); err != nil {
		return nil, fmt.Errorf("begin manifest: %w", err)
	}
	if err := checkWord("version", version); err != nil {
		return nil, fmt.Errorf("begin manifest: %w", err)
	}
	if !kind.valid() {
		return nil, fmt.Errorf("begin manifest: unknown %v", kind)
	}
	return &Builder{m: Manifest{Name: name, Version: version, Kind: kind}, digest: blake3.New()}, nil
}

// Add appends one chunk: id is the name of data, which is digested and not kept.
func (b *Builder) Add(id chunk.ID, data []byte, prologue bool) error {
	if len(data) == 0 || len(data) > chunk.MaxSize {
		return fmt.Errorf("add chunk %v: %d bytes: want 1 to %d", id, len(data), chunk.MaxSize)
	}
	if len(b.m.Chunks) == chunk.MaxChunks {
		return fmt.Errorf("add chunk %v: the content has more than %d chunks (%d bytes so far); split it",
			id, chunk.MaxChunks, b.m.Size)
	}
	if b.m.Kind.DigestsList() {
		b.digest.Write(binary.BigEndian.AppendUint32(id[:], uint32(len(data))))
	} else {
		b.digest.Write(data)
	}
	b.m.Size += uint64(len(data))
	b.m.Chunks = append(b.m.Chunks, ManifestChunk{ID: id, Size: uint32(len(data)), Prologue: prologue})
	return nil
}

// Sign ends and signs the manifest. Only sign what is durable: a signed manifest is a promise to hold its chunks.
func (b *Builder) Sign(publisher *Key) (*SignedManifest, error) {
	m := b.m
	b.digest.Sum(m.Digest[:0])
	return SignManifest(&m, publisher)
}
