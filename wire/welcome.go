package wire

import (
	"encoding/binary"
	"fmt"
	"io"
)

// MeshKey is the key of the site's mesh. However it is printed, it shows nothing.
type MeshKey [32]byte

// Format implements fmt.Formatter.
func (MeshKey) Format(f fmt.State, _ rune) { io.WriteString(f, "hidden") }

// MarshalText keeps the key out of structured logs.
func (MeshKey) MarshalText() ([]byte, error) { return []byte("hidden"), nil }

// Welcome answers a Hello that was found good.
type Welcome struct {
	Version  uint16
	HeadHash [32]byte // BLAKE3 of the newest signed head: a client that has another asks for it
	Fresh    [64]byte // the site's signature over Hello.Nonce and HeadHash
	MeshKey  MeshKey  // for the gossip mesh; only nodes of the site get it
	MeshPort uint16   // UDP and TCP port of the node in the mesh; 0: it is not in it
	Record   []byte   // the distribution point's signed node record
}

// Length returns the size of the body in bytes.
func (m Welcome) Length() int {
	return 2 + len(m.HeadHash) + len(m.Fresh) + len(m.MeshKey) + 2 + 2 + len(m.Record)
}

// Append appends the body.
func (m Welcome) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, m.Version)
	dst = append(dst, m.HeadHash[:]...)
	dst = append(dst, m.Fresh[:]...)
	dst = append(dst, m.MeshKey[:]...)
	dst = binary.BigEndian.AppendUint16(dst, m.MeshPort)
	return appendBytes16(dst, m.Record)
}

// ParseWelcome parses a body.
func ParseWelcome(b []byte) (Welcome, error) {
	c := cursor{b: b}
	m := Welcome{Version: c.u16()}
	c.fill(m.HeadHash[:])
	c.fill(m.Fresh[:])
	c.fill(m.MeshKey[:])
	m.MeshPort = c.u16()
	m.Record = c.bytes16(MaxRecord)
	if err := c.end("Welcome"); err != nil {
		return Welcome{}, err
	}
	return m, nil
}
