package wire

import "encoding/binary"

// Welcome answers a Hello that was found good.
type Welcome struct {
	Version  uint16
	HeadHash [32]byte // BLAKE3 of the newest signed head: a client that has another asks for it
	Fresh    [64]byte // the site's signature over Hello.Nonce and HeadHash
	Record   []byte   // the server's signed node record
}

// Length returns the size of the body in bytes.
func (m Welcome) Length() int { return 2 + len(m.HeadHash) + len(m.Fresh) + 2 + len(m.Record) }

// Append appends the body.
func (m Welcome) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, m.Version)
	dst = append(dst, m.HeadHash[:]...)
	dst = append(dst, m.Fresh[:]...)
	return appendBytes16(dst, m.Record)
}

// ParseWelcome parses a body.
func ParseWelcome(b []byte) (Welcome, error) {
	c := cursor{b: b}
	m := Welcome{Version: c.u16()}
	c.fill(m.HeadHash[:])
	c.fill(m.Fresh[:])
	m.Record = c.bytes16(MaxRecord)
	if err := c.end("Welcome"); err != nil {
		return Welcome{}, err
	}
	return m, nil
}
