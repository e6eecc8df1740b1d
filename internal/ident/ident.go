// Package ident has the names that every part of the house uses for who and what: a key's public half, which is also a
// node's identity, and the hash that names a manifest. Chunks and blocks have theirs in package chunk.
package ident

import (
	"encoding/hex"
	"fmt"
)

// PublicKey is an Ed25519 public key (RFC 8032). A node's is its identity: the key that its certificate wraps.
type PublicKey [32]byte

// String returns the key as 64 hexadecimal digits.
func (k PublicKey) String() string { return hex.EncodeToString(k[:]) }

// Short returns the first 8 digits, for status and log lines only.
func (k PublicKey) Short() string { return hex.EncodeToString(k[:4]) }

// ParsePublicKey reads what String wrote.
func ParsePublicKey(s string) (PublicKey, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(PublicKey{}) {
		return PublicKey{}, fmt.Errorf("parse public key %q: want 64 hexadecimal digits", s)
	}
	return PublicKey(b), nil
}

// ManifestHash is the BLAKE3-256 hash of a signed manifest: its name on the wire and in the catalogue.
type ManifestHash [32]byte

// String returns the hash as 64 hexadecimal digits.
func (h ManifestHash) String() string { return hex.EncodeToString(h[:]) }

// ParseManifestHash reads what String wrote.
func ParseManifestHash(s string) (ManifestHash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(ManifestHash{}) {
		return ManifestHash{}, fmt.Errorf("parse manifest hash %q: want 64 hexadecimal digits", s)
	}
	return ManifestHash(b), nil
}
