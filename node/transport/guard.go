package transport

import (
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/ipv4"
)

// maxStrangers bounds how many addresses that are not trusted a guard remembers. Forgetting one takes its credit away,
// so who floods the table can only make strangers wait.
const maxStrangers = 8192

// guard is a UDP socket that never sends an address more bytes than came from it, unless the address is trusted. What
// would be too much is dropped as a network would drop it. Bytes are UDP payload.
//
// It implements what quic-go needs to use a socket in full: OOBCapablePacketConn and ReadBatch.
type guard struct {
	*net.UDPConn
	batch batchReader
	drop  func() bool // nil: nothing is dropped on receipt

	mu      sync.Mutex
	credit  map[netip.AddrPort]int // bytes that may still be sent there; strangers only
	trusted map[netip.AddrPort]int // how many connections vouch for the address
}

type batchReader interface {
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
}

func newGuard(conn *net.UDPConn, drop func() bool) *guard {
	return &guard{
		UDPConn: conn,
		batch:   ipv4.NewPacketConn(conn),
		drop:    drop,
		credit:  make(map[netip.AddrPort]int),
		trusted: make(map[netip.AddrPort]int),
	}
}

// trust lifts the limit for an address, once for each connection that asks; distrust takes it back.
func (g *guard) trust(a netip.AddrPort) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trusted[a]++
	delete(g.credit, a)
}

func (g *guard) distrust(a netip.AddrPort) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.trusted[a]--; g.trusted[a] <= 0 {
		delete(g.trusted, a)
	}
}

// received counts n bytes from a and says whether the packet is to be lost.
func (g *guard) received(from net.Addr, n int) (lost bool) {
	if g.drop != nil && g.drop() {
		return true
	}
	a, ok := addrPort(from)
	if !ok {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.trusted[a] > 0 {
		return false
	}
	if _, known := g.credit[a]; !known && len(g.credit) >= maxStrangers {
		for other := range g.credit {
			delete(g.credit, other)
			break
		}
	}
	g.credit[a] += n
	return false
}

// maysend says whether n bytes may be sent to an address, and takes them from its credit.
func (g *guard) maySend(to net.Addr, n int) bool {
	a, ok := addrPort(to)
	if !ok {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch left := g.credit[a] - n; {
	case g.trusted[a] > 0:
		return true
	case left < 0:
		return false
	case left == 0:
		delete(g.credit, a)
	default:
		g.credit[a] = left
	}
	return true
}

// ReadBatch implements quic-go's batch reading. A lost packet becomes an empty one, which quic-go skips.
func (g *guard) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	n, err := g.batch.ReadBatch(ms, flags)
	for i := range ms[:max(n, 0)] {
		if g.received(ms[i].Addr, ms[i].N) {
			ms[i].N = 0
		}
	}
	return n, err
}

// ReadFrom implements net.PacketConn, where batches are not to be had.
func (g *guard) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := g.UDPConn.ReadFrom(b)
	if err == nil && g.received(from, n) {
		n = 0
	}
	return n, from, err
}

// ReadMsgUDP implements quic.OOBCapablePacketConn.
func (g *guard) ReadMsgUDP(b, oob []byte) (n, oobn, flags int, from *net.UDPAddr, err error) {
	n, oobn, flags, from, err = g.UDPConn.ReadMsgUDP(b, oob)
	if err == nil && g.received(from, n) {
		n = 0
	}
	return n, oobn, flags, from, err
}

// WriteTo implements net.PacketConn.
func (g *guard) WriteTo(b []byte, to net.Addr) (int, error) {
	if !g.maySend(to, len(b)) {
		return len(b), nil
	}
	return g.UDPConn.WriteTo(b, to)
}

// WriteMsgUDP implements quic.OOBCapablePacketConn. b may hold several packets, which the kernel cuts.
func (g *guard) WriteMsgUDP(b, oob []byte, to *net.UDPAddr) (n, oobn int, err error) {
	if !g.maySend(to, len(b)) {
		return len(b), len(oob), nil
	}
	return g.UDPConn.WriteMsgUDP(b, oob, to)
}

// addrPort returns the address in the form that the tables use.
func addrPort(a net.Addr) (netip.AddrPort, bool) {
	u, ok := a.(*net.UDPAddr)
	if !ok || u == nil {
		return netip.AddrPort{}, false
	}
	p := u.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port()), true
}
