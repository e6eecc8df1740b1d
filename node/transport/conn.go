package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/wimcast/wimcast/internal/ident"
	"github.com/wimcast/wimcast/wire"
)

// Waits and sizes of a connection.
const (
	sendTimeout    = 10 * time.Second // for a message to be taken by QUIC
	messageTimeout = 30 * time.Second // from a message's first bytes to its last
	padding        = 4                // QUIC datagrams of padding that a dialler sends, to be allowed the first answers
	controlBuffer  = 16 << 10         // bytes read ahead on the control stream
)

// closeCode is the application error code of every close; the reason is text.
const closeCode quic.ApplicationErrorCode = 0

// Conn is a connection to a node. It is safe for concurrent use, except that Receive and ReceiveReport have one caller each.
type Conn struct {
	endpoint *Endpoint
	quic     *quic.Conn
	peer     ident.PublicKey
	dialled  bool

	mu         sync.Mutex
	trusted    bool
	trustedAt  netip.AddrPort // the address that the guard was told to trust
	trustTimer *time.Timer    // accepted connections only; never changes

	opening chan struct{} // holds a token while someone waits for the control stream
	sending chan struct{} // holds a token while someone writes to it
	control *quic.Stream  // guarded by opening
	reader  *bufio.Reader
}

func (e *Endpoint) newConn(q *quic.Conn, dialled bool) (*Conn, error) {
	peer, err := peerKey(q.ConnectionState().TLS)
	if err != nil {
		return nil, err
	}
	c := &Conn{
		endpoint: e, quic: q, peer: peer, dialled: dialled, trusted: dialled,
		opening: make(chan struct{}, 1),
		sending: make(chan struct{}, 1),
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, net.ErrClosed
	}
	e.conns[c] = struct{}{}
	if !dialled {
		c.trustTimer = time.AfterFunc(trustTimeout, func() { _ = c.Close("not enrolled in time") })
	}
	context.AfterFunc(q.Context(), c.ended)
	return c, nil
}

// ended cleans up after the connection.
func (c *Conn) ended() {
	c.endpoint.mu.Lock()
	delete(c.endpoint.conns, c)
	c.endpoint.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trustTimer != nil {
		c.trustTimer.Stop()
	}
	if c.trustedAt.IsValid() {
		c.endpoint.guard.distrust(c.trustedAt)
		c.trustedAt = netip.AddrPort{}
	}
}

// open opens the control stream of a dialled connection and sends padding, so that the other side may answer.
func (c *Conn) open(ctx context.Context) error {
	for range padding {
		if err := c.quic.SendDatagram(wire.AppendQUICPadding(nil)); err != nil {
			return err
		}
	}
	s, err := c.quic.OpenStreamSync(ctx)
	if err != nil {
		return err
	}
	c.setControl(s)
	return nil
}

func (c *Conn) setControl(s *quic.Stream) {
	c.control, c.reader = s, bufio.NewReaderSize(s, controlBuffer)
}

// stream returns the control stream. The side that accepted the connection waits until the other has opened it.
func (c *Conn) stream(ctx context.Context) (*quic.Stream, error) {
	select {
	case c.opening <- struct{}{}:
		defer func() { <-c.opening }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.control == nil {
		s, err := c.quic.AcceptStream(ctx)
		if err != nil {
			return nil, err
		}
		c.setControl(s)
	}
	return c.control, nil
}

// Node returns the key that the node at the other end proved to own.
func (c *Conn) Node() ident.PublicKey { return c.peer }

// RemoteAddr returns the other node's address.
func (c *Conn) RemoteAddr() netip.AddrPort {
	a, _ := addrPort(c.quic.RemoteAddr())
	return a
}

// ExportKey returns 32 bytes that both ends of this connection, and no one else, can compute for a label (RFC 8446,
// section 7.5).
func (c *Conn) ExportKey(label string) ([32]byte, error) {
	var key [32]byte
	state := c.quic.ConnectionState().TLS
	b, err := state.ExportKeyingMaterial(label, nil, len(key))
	if err != nil {
		return key, fmt.Errorf("export key %q: %w", label, err)
	}
	return [32]byte(b), nil
}

// Trust says that the other node is enrolled: from now on it may get more bytes than it sent, and send any message. A dialled
// connection is trusted.
func (c *Conn) Trust() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dialled || c.quic.Context().Err() != nil {
		return
	}
	c.trusted = true
	c.trustTimer.Stop()
	if s, ok := c.quic.Context().Value(seatKey{}).(*seat); ok {
		s.trust()
	}
	if now := c.RemoteAddr(); now != c.trustedAt {
		if c.trustedAt.IsValid() {
			c.endpoint.guard.distrust(c.trustedAt)
		}
		c.trustedAt = now
		c.endpoint.guard.trust(now)
	}
}

// follow keeps the trust of a trusted node with it when its address changes.
func (c *Conn) follow() {
	c.mu.Lock()
	moved := c.trusted && !c.dialled && c.trustedAt != c.RemoteAddr()
	c.mu.Unlock()
	if moved {
		c.Trust()
	}
}

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.quic.Context().Done() }

// cause returns why the connection ended, or nil while it lives.
func (c *Conn) cause() error {
	if err := context.Cause(c.quic.Context()); err != nil {
		return explain(err)
	}
	return nil
}

// Close ends the connection and tells the other node why.
func (c *Conn) Close(why string) error { return c.quic.CloseWithError(closeCode, why) }

// failed wraps an error of the connection to the other node.
func (c *Conn) failed(what string, err error) error {
	return fmt.Errorf("%s %s: %w", what, c.RemoteAddr(), explain(err))
}

// interruptible makes deadline setters follow ctx: when ctx ends, the blocked call ends. The returned function puts
// things back, and gives ctx's error precedence over the error of the call.
func interruptible(ctx context.Context, set func(time.Time) error) func(err error) error {
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = set(time.Unix(1, 0))
		close(fired)
	})
	return func(err error) error {
		if !stop() {
			<-fired
			_ = set(time.Time{})
			if err != nil {
				err = errors.Join(context.Cause(ctx), err)
			}
		}
		return err
	}
}
