package wire

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"

	"github.com/wimcast/wimcast/internal/ident"
)

// RunKey seals the datagrams of one run.
type RunKey [16]byte

// DeriveRunKey returns the key of a run: HKDF-SHA256 (RFC 5869, no salt) of the cast secret, bound to the epoch, the
// sender's node key and the run id.
func DeriveRunKey(secret [32]byte, epoch uint32, sender ident.PublicKey, run [16]byte) RunKey {
	info := binary.BigEndian.AppendUint32([]byte("wimcast run 1"), epoch)
	info = append(info, sender[:]...)
	info = append(info, run[:]...)
	key, err := hkdf.Key(sha256.New, secret[:], nil, string(info), len(RunKey{}))
	if err != nil {
		panic(err) // our bug: 16 bytes are never too many
	}
	return RunKey(key)
}

// runTag returns the first four bytes of a run id.
func runTag(run [16]byte) uint32 { return binary.BigEndian.Uint32(run[:4]) }
