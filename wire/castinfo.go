package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/wimcast/wimcast/internal/ident"
)

// maxGroup is the size in bytes of the longest CastInfo.Group.
const maxGroup = 64

// CastInfo describes a running cast to a member: the answer to JoinCast.
type CastInfo struct {
	Cast     uint32
	Epoch    uint32
	Run      [16]byte // run id
	Secret   [32]byte // cast secret
	Sender   ident.PublicKey
	Manifest ident.ManifestHash
	Group    string // "239.192.7.1:4790" or "[ff15::7:1]:4790"
	RateBps  uint64 // current rate, bits per second
}

// RunTag returns the first four bytes of the run id: what Header.Run carries.
func (m CastInfo) RunTag() uint32 { return runTag(m.Run) }

// String describes the cast without its secret.
func (m CastInfo) String() string {
	return fmt.Sprintf("cast %08x epoch %d run %x group %s", m.Cast, m.Epoch, m.Run[:4], m.Group)
}

// GoString is String, so that no format verb for people shows the secret.
func (m CastInfo) GoString() string { return m.String() }

// Length returns the size of the body in bytes.
func (m CastInfo) Length() int { return 8 + 16 + 32 + 32 + 32 + 2 + len(m.Group) + 8 }

// Append appends the body.
func (m CastInfo) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, m.Cast)
	dst = binary.BigEndian.AppendUint32(dst, m.Epoch)
	dst = append(dst, m.Run[:]...)
	dst = append(dst, m.Secret[:]...)
	dst = append(dst, m.Sender[:]...)
	dst = append(dst, m.Manifest[:]...)
	dst = appendBytes16(dst, []byte(m.Group))
	return binary.BigEndian.AppendUint64(dst, m.RateBps)
}

// ParseCastInfo parses a body. Group is a multicast address without a zone, and a port other than 0.
func ParseCastInfo(b []byte) (CastInfo, error) {
	c := cursor{b: b}
	m := CastInfo{Cast: c.u32(), Epoch: c.u32()}
	c.fill(m.Run[:])
	c.fill(m.Secret[:])
	c.fill(m.Sender[:])
	c.fill(m.Manifest[:])
	m.Group = string(c.bytes16(maxGroup))
	m.RateBps = c.u64()
	if g, err := netip.ParseAddrPort(m.Group); c.bad == "" &&
		(err != nil || !g.Addr().IsMulticast() || g.Addr().Zone() != "" || g.Port() == 0) {
		c.fail("group is not a multicast address and port")
	}
	if err := c.end("CastInfo"); err != nil {
		return CastInfo{}, err
	}
	return m, nil
}
