package wire

import (
	"encoding/binary"

	"github.com/wimcast/wimcast/internal/ident"
)

// CastID names the cast of a content by its manifest's hash: the same after a restart of the sender, and with any other.
func CastID(manifest ident.ManifestHash) uint32 { return binary.BigEndian.Uint32(manifest[:4]) }
