package catalog

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// PublicKey is an Ed25519 public key (RFC 8032).
type PublicKey [ed25519.PublicKeySize]byte

// NodeID is a node's identity: the public key that its certificate wraps.
type NodeID = PublicKey

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

// Key is an Ed25519 key pair. Printing it shows the public half only.
type Key struct{ priv ed25519.PrivateKey }

// NewKey draws a key from the system's random source.
func NewKey() *Key {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails: crypto/rand ends the process instead
	return keyFromSeed(seed)
}

func keyFromSeed(seed []byte) *Key { return &Key{priv: ed25519.NewKeyFromSeed(seed)} }

// Public returns the public half.
func (k *Key) Public() PublicKey { return PublicKey(k.priv.Public().(ed25519.PublicKey)) }

// Signer returns the key in the form that crypto/x509 and crypto/tls take.
func (k *Key) Signer() crypto.Signer { return k.priv }

// String names the public half, so that a key in a log line gives nothing away.
func (k *Key) String() string { return "key(" + k.Public().String() + ")" }

// GoString is String, for %#v.
func (k *Key) GoString() string { return k.String() }
