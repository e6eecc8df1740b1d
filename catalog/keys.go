package catalog

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"

	"github.com/wimcast/wimcast/internal/ident"
)

// Names that the signed files share with the rest of the house.
type (
	PublicKey    = ident.PublicKey
	NodeID       = ident.PublicKey    // of a node: the public key that its certificate wraps
	ManifestHash = ident.ManifestHash // BLAKE3-256 of a signed manifest
)

// Key is an Ed25519 key pair. Printing it shows the public half only.
type Key struct{ priv ed25519.PrivateKey }

// NewKey draws a key from the system's random source.
func NewKey() *Key {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails: crypto/rand ends the process instead
	return KeyFromSeed(seed)
}

// KeyFromSeed returns the key that Seed returned the seed of: 32 bytes, as RFC 8032 has it.
func KeyFromSeed(seed []byte) *Key { return &Key{priv: ed25519.NewKeyFromSeed(seed)} }

// Seed returns what the key is made of. It is a secret: only what keeps keys on disk needs it.
func (k *Key) Seed() []byte { return k.priv.Seed() }

// Public returns the public half.
func (k *Key) Public() PublicKey { return PublicKey(k.priv.Public().(ed25519.PublicKey)) }

// Signer returns the key in the form that crypto/x509 and crypto/tls take.
func (k *Key) Signer() crypto.Signer { return k.priv }

// String names the public half, so that a key in a log line gives nothing away.
func (k *Key) String() string { return "key(" + k.Public().String() + ")" }

// GoString is String, for %#v.
func (k *Key) GoString() string { return k.String() }
