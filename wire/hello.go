package wire

import "encoding/binary"

// MaxRecord is the size in bytes of the largest signed node record.
const MaxRecord = 1024

// Nonce is what a client draws so that the site can show that an answer is fresh.
type Nonce [32]byte

// Hello is the first message of an enrolled client.
type Hello struct {
	Version uint16 // of the protocol: Version
	Nonce   Nonce  // Welcome.Fresh signs it
	Record  []byte // the client's signed node record
}

// Length returns the size of the body in bytes.
func (m Hello) Length() int { return 2 + len(m.Nonce) + 2 + len(m.Record) }

// Append appends the body.
func (m Hello) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, m.Version)
	return appendBytes16(append(dst, m.Nonce[:]...), m.Record)
}

// ParseHello parses a body. It accepts any Version: the receiver answers one it does not speak with an Error.
func ParseHello(b []byte) (Hello, error) {
	c := cursor{b: b}
	m := Hello{Version: c.u16()}
	c.fill(m.Nonce[:])
	m.Record = c.bytes16(MaxRecord)
	if err := c.end("Hello"); err != nil {
		return Hello{}, err
	}
	return m, nil
}
