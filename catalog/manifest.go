package catalog

import (
	"github.com/wimcast/wimcast/chunk"
)

// Limits of a manifest.
const (
	// MaxChunks bounds a content's chunk list: about 256 GiB at the average chunk size, 72 MiB of manifest. With the
	// parsed list and its Layout it is what a peer's memory budget of 256 MiB allows.
	MaxChunks = 2 << 20
	// MaxManifest bounds a signed manifest in bytes.
	MaxManifest = MaxChunks*manifestChunkLen + 1024
)

const manifestChunkLen = 36

// Kind says what a content is.
type Kind uint8

// Kinds of content.
const (
	KindImage   Kind = 1 // a WIM file
	KindPackage Kind = 2
	KindDriver  Kind = 3
	KindRaw     Kind = 4 // raw disk image, or any other bytes
)

// ManifestChunk is one entry of a manifest's chunk list.
type ManifestChunk struct {
	ID       chunk.ID
	Size     uint32 // bytes, 1..chunk.MaxSize
	Prologue bool   // sent before all others: what a client needs to plan
}

// Manifest is the ordered list of a content's chunks.
type Manifest struct {
	Name    string
	Version string
	Kind    Kind
	Size    uint64   // bytes: the sum of the chunks' sizes
	Digest  [32]byte // BLAKE3-256 of the whole content
	Chunks  []ManifestChunk
}

// SignedManifest is a manifest as it travels and rests: the signed bytes and what they say.
type SignedManifest struct {
	Raw      []byte
	Hash     chunk.ID // BLAKE3-256 of Raw: the manifest's name on the wire
	Signer   PublicKey
	Manifest *Manifest
}
