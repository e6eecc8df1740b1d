package chunk

import (
	"encoding/hex"

	"github.com/zeebo/blake3"
)

// ID names a chunk: the BLAKE3-256 hash of its bytes.
type ID [32]byte

// Sum returns the ID of b.
func Sum(b []byte) ID { return blake3.Sum256(b) }

// String returns the ID as 64 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }
