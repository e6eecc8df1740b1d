package transport

import (
	"cmp"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/quic-go/quic-go"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/ident"
)

// Limits of an endpoint.
const (
	maxConns      = 4096 // incoming connections
	maxUntrusted  = 512  // of them, those not trusted yet
	maxServing    = 64   // requests that an endpoint answers at a time; more get ErrBusy
	maxServingOne = 8    // of them, those of one connection
	maxStreams    = 32   // streams that a node may have open

	streamWindow         = 512 << 10 // flow control at the start, in bytes
	streamWindowMost     = 4 << 20
	connectionWindow     = 1 << 20
	connectionWindowMost = 8 << 20

	packetSize = 1200 // bytes: what every path carries; larger packets are found by probing
)

// Waits.
const (
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 5 * time.Second
	trustTimeout     = 10 * time.Second // from the handshake to Conn.Trust
	idleTimeout      = 6 * time.Second  // a node that is silent for so long after a question counts as dead
	keepAlives       = 3                // questions in idleTimeout
)

// Config describes an Endpoint. Key is required.
type Config struct {
	Key    crypto.Signer  // the node's, Ed25519
	Listen netip.AddrPort // zero: any address, any free port
	Accept bool           // answer incoming connections; otherwise only dial

	// DropReceived, when set, is asked once a received UDP packet and loses it when it says so: for tests and
	// demonstrations of loss. It is called by one goroutine.
	DropReceived func() bool

	now  func() time.Time // for tests of wrong clocks; nil: the wall clock
	idle time.Duration    // for tests of dead nodes; 0: idleTimeout
}

// Endpoint is one UDP socket for QUIC connections in both directions. It is safe for concurrent use.
type Endpoint struct {
	guard     *guard
	transport *quic.Transport
	listener  *quic.Listener // nil: does not accept
	cert      tls.Certificate
	now       func() time.Time
	idle      time.Duration
	serving   chan struct{} // a token for each request being answered
	buffers   sync.Pool     // *[]byte of chunk.MaxSize

	mu        sync.Mutex
	closed    bool
	conns     map[*Conn]struct{}
	incoming  int // accepted by QUIC, the untrusted included
	untrusted int
}

// Listen opens an endpoint.
func Listen(cfg Config) (*Endpoint, error) {
	if cfg.Key == nil {
		return nil, errors.New("open QUIC endpoint: no key")
	}
	cert, err := certificate(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("open QUIC endpoint: %w", err)
	}
	network := "udp"
	var at *net.UDPAddr
	if cfg.Listen.IsValid() {
		at = net.UDPAddrFromAddrPort(cfg.Listen)
		switch {
		case cfg.Listen.Addr().Is4():
			network = "udp4"
		case cfg.Listen.Addr().IsUnspecified():
			at.IP = nil // every address there is: of IPv4 alone where the system has no IPv6
		}
	}
	conn, err := net.ListenUDP(network, at)
	if err != nil {
		return nil, bindError("open QUIC endpoint at", cfg.Listen, err)
	}
	e := &Endpoint{
		guard:   newGuard(conn, cfg.DropReceived),
		cert:    cert,
		now:     cfg.now,
		idle:    cmp.Or(cfg.idle, idleTimeout),
		serving: make(chan struct{}, maxServing),
		conns:   make(map[*Conn]struct{}),
	}
	e.buffers.New = func() any { b := make([]byte, 0, chunk.MaxSize); return &b }
	reset, err := resetKey(cfg.Key)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	e.transport = &quic.Transport{
		Conn:                e.guard,
		StatelessResetKey:   reset,
		VerifySourceAddress: func(net.Addr) bool { return true }, // Retry always
		ConnContext:         e.admit,
	}
	if cfg.Accept {
		anyone := func(ident.PublicKey) error { return nil }
		e.listener, err = e.transport.Listen(tlsConfig(cert, cfg.now, anyone), e.quicConfig())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open QUIC endpoint at %s: %w", e.Addr(), err), e.transport.Close(), conn.Close())
		}
	}
	return e, nil
}

// resetKey returns the same key for the same node each time it starts, so that a node that still speaks to the process before
// it is told at once (RFC 9000, section 10.3). An Ed25519 signature is a function of key and message.
func resetKey(key crypto.Signer) (*quic.StatelessResetKey, error) {
	sig, err := key.Sign(nil, []byte("wimcast stateless reset 1"), crypto.Hash(0))
	if err != nil {
		return nil, fmt.Errorf("derive reset key: %w", err)
	}
	k := quic.StatelessResetKey(sha256.Sum256(sig))
	return &k, nil
}

func (e *Endpoint) quicConfig() *quic.Config {
	return &quic.Config{
		Versions:                       []quic.Version{quic.Version1},
		HandshakeIdleTimeout:           handshakeTimeout,
		MaxIdleTimeout:                 e.idle,
		KeepAlivePeriod:                e.idle / keepAlives,
		InitialStreamReceiveWindow:     streamWindow,
		MaxStreamReceiveWindow:         streamWindowMost,
		InitialConnectionReceiveWindow: connectionWindow,
		MaxConnectionReceiveWindow:     connectionWindowMost,
		MaxIncomingStreams:             maxStreams,
		MaxIncomingUniStreams:          -1,
		InitialPacketSize:              packetSize,
		EnableDatagrams:                true,
	}
}

// admit bounds incoming connections. Each counts as untrusted until it is trusted or gone.
func (e *Endpoint) admit(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.incoming >= maxConns || e.untrusted >= maxUntrusted {
		return nil, errors.New("too many connections")
	}
	e.incoming++
	e.untrusted++
	seat := &seat{endpoint: e}
	ctx = context.WithValue(ctx, seatKey{}, seat)
	context.AfterFunc(ctx, seat.leave)
	return ctx, nil
}

// seat is an incoming connection's place in its endpoint's counters.
type seat struct {
	endpoint *Endpoint
	trusted  bool // guarded by endpoint.mu
}

type seatKey struct{}

func (s *seat) trust() {
	s.endpoint.mu.Lock()
	defer s.endpoint.mu.Unlock()
	if !s.trusted {
		s.trusted = true
		s.endpoint.untrusted--
	}
}

func (s *seat) leave() {
	s.trust()
	s.endpoint.mu.Lock()
	defer s.endpoint.mu.Unlock()
	s.endpoint.incoming--
}

// Addr returns the local address.
func (e *Endpoint) Addr() netip.AddrPort {
	a, _ := addrPort(e.guard.LocalAddr())
	return a
}

// Accept waits for the next incoming connection whose handshake is complete. The other node has proved that it owns Conn.Node and
// nothing else: the caller reads Hello or Enrol, checks it, and then calls Conn.Trust. A connection that is not trusted within
// 10 seconds is closed. The error is net.ErrClosed once the endpoint is closed.
func (e *Endpoint) Accept(ctx context.Context) (*Conn, error) {
	if e.listener == nil {
		return nil, errors.New("accept connection: the endpoint does not accept any")
	}
	for {
		q, err := e.listener.Accept(ctx)
		switch {
		case errors.Is(err, quic.ErrServerClosed) || errors.Is(err, quic.ErrTransportClosed):
			return nil, fmt.Errorf("accept connection: %w", net.ErrClosed)
		case err != nil:
			return nil, fmt.Errorf("accept connection: %w", err)
		}
		c, err := e.newConn(q, false)
		if err != nil {
			_ = q.CloseWithError(closeCode, err.Error())
			continue
		}
		return c, nil
	}
}

// Dial connects to the node with the given key, within 10 seconds. It opens the control stream. The error names the address
// and says what to look at: nobody answers, or another node answers.
func (e *Endpoint) Dial(ctx context.Context, addr netip.AddrPort, peer ident.PublicKey) (*Conn, error) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	e.guard.trust(addr) // we chose it
	conf := tlsConfig(e.cert, e.now, func(k ident.PublicKey) error {
		if k != peer {
			return ErrOtherPeer
		}
		return nil
	})
	q, err := e.transport.Dial(ctx, net.UDPAddrFromAddrPort(addr), conf, e.quicConfig())
	if err != nil {
		e.guard.distrust(addr)
		var idle *quic.IdleTimeoutError
		if err = explain(err); errors.Is(err, context.DeadlineExceeded) || errors.As(err, &idle) {
			err = unanswered(context.DeadlineExceeded)
		}
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	context.AfterFunc(q.Context(), func() { e.guard.distrust(addr) })
	c, err := e.newConn(q, true)
	if err == nil {
		err = c.open(ctx)
	}
	if err != nil {
		_ = q.CloseWithError(closeCode, "")
		return nil, fmt.Errorf("connect to %s: %w", addr, explain(err))
	}
	return c, nil
}

func unanswered(err error) error {
	return fmt.Errorf("no answer: is the node running, and does a firewall let this UDP port through? (%w)", err)
}

// ClosedError says that the other side closed the connection, and why in its words.
type ClosedError struct {
	Why string
	err error
}

func (e *ClosedError) Error() string {
	why := e.Why
	if strings.ContainsFunc(why, func(r rune) bool { return !unicode.IsPrint(r) }) {
		why = strconv.Quote(why) // a terminal must not obey it
	}
	if why == "" {
		return "the other side closed the connection"
	}
	return "the other side closed the connection: " + why
}

func (e *ClosedError) Unwrap() error { return e.err }

// explain puts what QUIC says into words that help.
func explain(err error) error {
	var idle *quic.IdleTimeoutError
	var handshake *quic.HandshakeTimeoutError
	var reset *quic.StatelessResetError
	var app *quic.ApplicationError
	switch {
	case errors.Is(err, ErrOtherPeer):
		return ErrOtherPeer
	case errors.As(err, &handshake):
		return unanswered(context.DeadlineExceeded)
	case errors.As(err, &idle):
		return fmt.Errorf("the other node does not answer any more: is it running, and is the link up? (%w)", err)
	case errors.As(err, &reset):
		return fmt.Errorf("the other node was restarted (%w)", err)
	case errors.As(err, &app) && app.Remote:
		return &ClosedError{Why: app.ErrorMessage, err: err}
	}
	return err
}

// Close tells every other node, closes all connections and the socket.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	conns := make([]*Conn, 0, len(e.conns))
	for c := range e.conns {
		conns = append(conns, c)
	}
	e.mu.Unlock()
	for _, c := range conns {
		_ = c.Close("the node is shutting down")
	}
	var err error
	if e.listener != nil {
		err = e.listener.Close()
	}
	return errors.Join(err, e.transport.Close(), e.guard.Close())
}
