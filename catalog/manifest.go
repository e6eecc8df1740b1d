package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/wimcast/wimcast/chunk"
)

// Limits of a manifest.
const (
	// MaxManifest bounds a signed manifest in bytes: 36 MiB.
	MaxManifest = fileOverhead + manifestHeadMax + chunk.MaxChunks*manifestChunkLen

	manifestHeadMax  = 2*(1+MaxName) + 1 + 32 + 8 + 4
	manifestChunkLen = 36
	prologueFlag     = 1 << 31
)

// Kind says what a content is: package content knows what that means.
type Kind uint8

// Kinds of content.
const (
	KindImage  Kind = 1 // a WIM file
	KindFolder Kind = 2 // a directory tree, as a WIM file of one image
	KindDriver Kind = 3 // a folder of drivers
	KindFile   Kind = 4 // any bytes
	KindDisk   Kind = 5 // a raw disk image
)

var kindNames = [...]string{KindImage: "image", KindFolder: "folder", KindDriver: "driver", KindFile: "file", KindDisk: "disk"}

// oldKinds are the names that two kinds had before.
var oldKinds = map[string]Kind{"package": KindFolder, "raw": KindFile}

// String returns the kind's name on the command line.
func (k Kind) String() string {
	if !k.valid() {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kindNames[k]
}

func (k Kind) valid() bool { return KindImage <= k && k <= KindDisk }

// DigestsList says whether Digest is that of the chunk list in place of the bytes: a disk's holes are not worth hashing.
func (k Kind) DigestsList() bool { return k == KindDisk }

// ParseKind reads what String wrote, and the names package and raw, which folder and file had before.
func ParseKind(s string) (Kind, error) {
	if i := slices.Index(kindNames[:], s); i > 0 {
		return Kind(i), nil
	}
	if k, ok := oldKinds[s]; ok {
		return k, nil
	}
	return 0, fmt.Errorf("parse kind %q: want image, folder, disk, file or driver", s)
}

// ManifestChunk is one entry of a manifest's chunk list.
type ManifestChunk struct {
	ID       chunk.ID
	Size     uint32 // bytes, 1..chunk.MaxSize
	Prologue bool   // sent before all others: a client needs it to plan
}

// Manifest is the ordered list of a content's chunks.
type Manifest struct {
	Name    string
	Version string
	Kind    Kind
	Size    uint64   // bytes, at least 1: the sum of the chunks' sizes
	Digest  [32]byte // BLAKE3-256 of the whole content; of a disk, of its chunk list
	Chunks  []ManifestChunk
}

// SignedManifest is a manifest as it travels and rests: the signed bytes and what they say.
type SignedManifest struct {
	Raw      []byte
	Hash     ManifestHash // BLAKE3-256 of Raw: the manifest's name on the wire
	Signer   PublicKey
	Manifest *Manifest
	Layout   *Layout // of Manifest.Chunks
}

// SignManifest signs m. The same manifest and key give the same bytes, always.
func SignManifest(m *Manifest, publisher *Key) (*SignedManifest, error) {
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("sign manifest of %s@%s: %w", m.Name, m.Version, err)
	}
	layout, err := newLayout(m.Chunks)
	if err != nil {
		return nil, fmt.Errorf("sign manifest of %s@%s: %w", m.Name, m.Version, err)
	}
	size := manifestHeadMax + len(m.Chunks)*manifestChunkLen
	raw := seal(fileManifest, m.append(make([]byte, 0, size)), publisher)
	return &SignedManifest{
		Raw: raw, Hash: blake3.Sum256(raw), Signer: publisher.Public(), Manifest: m, Layout: layout,
	}, nil
}

// VerifyManifest checks a manifest against the root's publishers and parses it. A publisher that head revokes is refused
// with ErrRevoked; head is nil only where none is known.
func VerifyManifest(raw []byte, root *Root, head *Head) (*SignedManifest, error) {
	body, signer, err := unseal(fileManifest, raw, MaxManifest-fileOverhead, root.Publishers...)
	if err != nil {
		return nil, fmt.Errorf("verify manifest: %w", err)
	}
	if head.revokes(signer) {
		return nil, fmt.Errorf("verify manifest signed by %v: %w", signer, ErrRevoked)
	}
	m, err := parseManifest(body)
	if err != nil {
		return nil, fmt.Errorf("parse manifest: %w", err)
	}
	layout, err := newLayout(m.Chunks)
	if err != nil {
		return nil, fmt.Errorf("parse manifest of %s@%s: %w", m.Name, m.Version, err)
	}
	return &SignedManifest{Raw: raw, Hash: blake3.Sum256(raw), Signer: signer, Manifest: m, Layout: layout}, nil
}

// sameContent says whether two manifests hold the same bytes under the same name and kind; how they are cut, and who
// signed, does not matter.
func (m *Manifest) sameContent(o *Manifest) bool {
	return m.Name == o.Name && m.Version == o.Version && m.Kind == o.Kind && m.Size == o.Size && m.Digest == o.Digest
}

func (m *Manifest) append(b []byte) []byte {
	b = appendText(appendText(b, m.Name), m.Version)
	b = append(b, byte(m.Kind))
	b = append(b, m.Digest[:]...)
	b = binary.BigEndian.AppendUint64(b, m.Size)
	b = binary.BigEndian.AppendUint32(b, uint32(len(m.Chunks)))
	for _, c := range m.Chunks {
		size := c.Size
		if c.Prologue {
			size |= prologueFlag
		}
		b = append(b, c.ID[:]...)
		b = binary.BigEndian.AppendUint32(b, size)
	}
	return b
}

func parseManifest(body []byte) (*Manifest, error) {
	p := parser{b: body}
	m := &Manifest{Name: p.text(), Version: p.text(), Kind: Kind(p.u8()), Digest: p.b32(), Size: p.u64()}
	n := p.count(chunk.MaxChunks, manifestChunkLen, "chunks")
	m.Chunks = make([]ManifestChunk, n)
	for i := range m.Chunks {
		c := &m.Chunks[i]
		c.ID = p.b32()
		size := p.u32()
		c.Size, c.Prologue = size&^prologueFlag, size&prologueFlag != 0
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	return m, m.validate()
}

func (m *Manifest) validate() error {
	if err := checkWord("name", m.Name); err != nil {
		return err
	}
	if err := checkWord("version", m.Version); err != nil {
		return err
	}
	switch {
	case !m.Kind.valid():
		return fmt.Errorf("unknown %v", m.Kind)
	case len(m.Chunks) == 0:
		return errors.New("the content is empty")
	case len(m.Chunks) > chunk.MaxChunks:
		return fmt.Errorf("%d chunks: at most %d", len(m.Chunks), chunk.MaxChunks)
	}
	var sum uint64
	for i, c := range m.Chunks {
		if c.Size == 0 || c.Size > chunk.MaxSize {
			return fmt.Errorf("chunk %d has %d bytes: want 1 to %d", i, c.Size, chunk.MaxSize)
		}
		sum += uint64(c.Size)
	}
	if sum != m.Size {
		return fmt.Errorf("the chunks hold %d bytes, the content %d", sum, m.Size)
	}
	return nil
}
