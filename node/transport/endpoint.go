package transport

import (
	"context"
	"crypto/ed25519"
	"net/netip"
)

// Key is the Ed25519 public key that a node is.
type Key [ed25519.PublicKeySize]byte

// Config describes an Endpoint. Key is required.
type Config struct {
	Key    ed25519.PrivateKey // the node's
	Listen netip.AddrPort     // zero: any address, any free port
	Accept bool               // answer incoming connections; otherwise only dial

	// DropReceived, when set, is asked once a received UDP packet and loses it when it says so: for tests and
	// demonstrations of loss.
	DropReceived func() bool
}

// Endpoint is one UDP socket for QUIC connections in both directions. It is safe for concurrent use.
type Endpoint struct{}

// Listen opens an endpoint.
func Listen(cfg Config) (*Endpoint, error) { return nil, nil }

// Addr returns the local address.
func (e *Endpoint) Addr() netip.AddrPort { return netip.AddrPort{} }

// Accept waits for the next incoming connection whose handshake is complete. Its peer has proved that it owns Conn.Peer and
// nothing else: the caller reads Hello or Enrol, checks it, and then calls Conn.Trust. A connection that is not trusted in
// time is closed. The error is net.ErrClosed once the endpoint is closed.
func (e *Endpoint) Accept(ctx context.Context) (*Conn, error) { return nil, nil }

// Dial connects to the node with the given key. It opens the control stream. The error names the address and says what to
// look at: nobody answers, or another node answers.
func (e *Endpoint) Dial(ctx context.Context, addr netip.AddrPort, peer Key) (*Conn, error) {
	return nil, nil
}

// Close closes all connections and the socket.
func (e *Endpoint) Close() error { return nil }
