package transport

import (
	"context"
	"errors"
	"io"
	"net/netip"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/wire"
)

// Errors of Fetch and Manifest.
var (
	ErrNotHeld = errors.New("the peer does not hold it")
	ErrBusy    = errors.New("the peer is busy; ask again later")
)

// Conn is a connection to a peer. It is safe for concurrent use, except that Receive and ReceiveReport have one caller each.
type Conn struct{}

// Peer returns the key that the peer proved to own.
func (c *Conn) Peer() Key { return Key{} }

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() netip.AddrPort { return netip.AddrPort{} }

// Trust says that the peer is enrolled: from now on it may get more bytes than it sent. A dialled connection is trusted.
func (c *Conn) Trust() {}

// Done is closed when the connection has ended. Cause then says why.
func (c *Conn) Done() <-chan struct{} { return nil }

// Cause returns why the connection ended, or nil while it lives.
func (c *Conn) Cause() error { return nil }

// Send sends a message of package wire on the control stream. It fails after sendTimeout, when ctx ends, or when the
// connection is dead; the control stream is of no use after a failed Send.
func (c *Conn) Send(ctx context.Context, msg any) error { return nil }

// Receive waits for the next message on the control stream.
func (c *Conn) Receive(ctx context.Context) (any, error) { return nil, nil }

// SendReport sends a report as a QUIC datagram: it may be lost.
func (c *Conn) SendReport(r wire.Report) error { return nil }

// ReceiveReport waits for the next report. What is not a report is skipped.
func (c *Conn) ReceiveReport(ctx context.Context) (wire.Report, error) { return wire.Report{}, nil }

// Fetch asks the peer for a chunk, appends it to buf[:0] and returns it, its name checked. The error is ErrNotHeld,
// ErrBusy, or says what failed.
func (c *Conn) Fetch(ctx context.Context, id chunk.ID, buf []byte) ([]byte, error) { return nil, nil }

// Manifest asks the peer for the signed manifest with this hash and writes it to w. The caller checks hash and signature.
func (c *Conn) Manifest(ctx context.Context, hash chunk.ID, w io.Writer) error { return nil }

// Source answers what a peer asks on streams of its own. Its methods are called concurrently, at most maxServing at a time.
type Source interface {
	// Chunk appends the chunk to buf[:0] and returns it, or ErrNotHeld or ErrBusy.
	Chunk(ctx context.Context, id chunk.ID, buf []byte) ([]byte, error)
	// Manifest returns the signed manifest with this hash and its size in bytes, or ErrNotHeld or ErrBusy.
	Manifest(ctx context.Context, hash chunk.ID) (io.ReadCloser, int64, error)
}

// Serve answers fetches of the peer until ctx ends or the connection does. Call it only once the peer is trusted.
func (c *Conn) Serve(ctx context.Context, src Source) error { return nil }

// Close ends the connection and tells the peer why.
func (c *Conn) Close(why string) error { return nil }
