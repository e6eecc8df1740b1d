package catalog

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/zeebo/blake3"
)

// fileKind tells the kinds of signed files apart; it is the last byte of their magic.
type fileKind byte

const (
	fileRoot     fileKind = 'R'
	fileManifest fileKind = 'M'
	fileHead     fileKind = 'H'
	fileNode     fileKind = 'N'
)

func (k fileKind) String() string {
	switch k {
	case fileRoot:
		return "root"
	case fileManifest:
		return "manifest"
	case fileHead:
		return "head"
	case fileNode:
		return "node record"
	}
	return fmt.Sprintf("file of kind %d", byte(k))
}

const (
	fileMagic     = "wimcast"
	fileVersion   = 1
	fileHeaderLen = 48
	fileOverhead  = fileHeaderLen + ed25519.SignatureSize

	// Every use of a key signs under a context of its own, so that no signature can pass for another.
	contextFile  = "wimcast signed file 1\x00"
	contextFresh = "wimcast fresh head 1\x00"
	contextEnrol = "wimcast enrol 1\x00"
)

// Errors of signed files that callers tell apart.
var (
	ErrSignature = errors.New("signature does not fit")
	ErrSigner    = errors.New("signed by a key that has no such role in this site")
	ErrRevoked   = errors.New("the key is revoked")
)

// seal makes a signed file.
func seal(kind fileKind, body []byte, key *Key) []byte {
	raw := make([]byte, 0, fileOverhead+len(body))
	raw = append(raw, fileMagic...)
	raw = append(raw, byte(kind))
	raw = binary.BigEndian.AppendUint32(raw, fileVersion)
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(body)))
	signer := key.Public()
	raw = append(raw, signer[:]...)
	raw = append(raw, body...)
	return append(raw, ed25519.Sign(key.priv, fileMessage(raw))...)
}

// fileMessage is what is signed: the context and the hash of everything before the signature.
func fileMessage(signed []byte) []byte {
	sum := blake3.Sum256(signed)
	return append([]byte(contextFile), sum[:]...)
}

// unseal checks a signed file's frame and signature and returns its body, which nobody has looked at before.
func unseal(kind fileKind, raw []byte, maxBody int, signers ...PublicKey) (body []byte, signer PublicKey, err error) {
	p := parser{b: raw}
	magic := p.take(len(fileMagic) + 1)
	version, size := p.u32(), p.u32()
	signer = p.b32()
	switch {
	case p.err != nil:
		return nil, signer, p.err
	case string(magic) != fileMagic+string(rune(kind)):
		return nil, signer, fmt.Errorf("not a wimcast %v", kind)
	case version != fileVersion:
		return nil, signer, fmt.Errorf("format version %d: this program knows version %d", version, fileVersion)
	case uint64(size) > uint64(maxBody):
		return nil, signer, fmt.Errorf("body of %d bytes: at most %d", size, maxBody)
	}
	body = p.take(int(size))
	sig := p.take(ed25519.SignatureSize)
	if err := p.end(); err != nil {
		return nil, signer, err
	}
	if !slices.Contains(signers, signer) {
		return nil, signer, fmt.Errorf("%w: %v", ErrSigner, signer)
	}
	if !ed25519.Verify(signer[:], fileMessage(raw[:fileHeaderLen+int(size)]), sig) {
		return nil, signer, ErrSignature
	}
	return body, signer, nil
}

// Nonce is what a client sends, drawn anew each time, to learn whether its head is the newest.
type Nonce [32]byte

// HeadHash is the BLAKE3-256 hash of a signed head.
type HeadHash [32]byte

// hashHead returns the hash of a signed head.
func hashHead(raw []byte) HeadHash { return blake3.Sum256(raw) }

func freshMessage(nonce Nonce, head HeadHash) []byte {
	return slices.Concat([]byte(contextFresh), nonce[:], head[:])
}

// SignFresh answers a nonce: head is the hash of the newest head. No clock is involved on either side.
func SignFresh(online *Key, nonce Nonce, head HeadHash) [64]byte {
	return [64]byte(ed25519.Sign(online.priv, freshMessage(nonce, head)))
}

// VerifyFresh checks that the site named head as its newest head in answer to nonce.
func VerifyFresh(root *Root, nonce Nonce, head HeadHash, sig [64]byte) error {
	if !ed25519.Verify(root.Online[:], freshMessage(nonce, head), sig[:]) {
		return fmt.Errorf("verify freshness of head %x: %w", head[:4], ErrSignature)
	}
	return nil
}
