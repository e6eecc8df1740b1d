package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// Limits of the sockets.
const (
	streamsMax = 64   // incoming streams at a time; more are closed at once
	packetMax  = 2048 // bytes of a datagram; memberlist sends at most 1400
	bindTries  = 10   // to find a port that is free for both UDP and TCP

	failuresMax = 100 // of reading in a row, before it waits in between
)

// link is the mesh's sockets: one port of UDP and TCP. It implements memberlist.Transport, with a greeting before each
// stream, nothing but IP addresses, and a Shutdown that ends every stream.
type link struct {
	key       []byte // of the greeting
	advertise netip.Addr
	tcp       *net.TCPListener
	udp       *net.UDPConn
	packets   chan *memberlist.Packet
	streams   chan net.Conn
	ctx       context.Context
	cancel    context.CancelFunc
	wg        sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]struct{} // streams of both directions
}

// newLink binds and starts to listen. Port 0 stands for any that is free.
func newLink(bind netip.AddrPort, advertise netip.Addr, key []byte) (*link, error) {
	l := &link{
		key: key, advertise: advertise, packets: make(chan *memberlist.Packet), streams: make(chan net.Conn),
		open: make(map[net.Conn]struct{}),
	}
	var err error
	for range bindTries {
		if err = l.bind(bind); err == nil || bind.Port() != 0 {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.wg.Go(l.receive)
	l.wg.Go(l.accept)
	return l, nil
}

func (l *link) bind(at netip.AddrPort) (err error) {
	var ip net.IP // none: every address of both families
	if !at.Addr().IsUnspecified() {
		ip = at.Addr().AsSlice()
	}
	if l.tcp, err = net.ListenTCP("tcp", &net.TCPAddr{IP: ip, Port: int(at.Port())}); err != nil {
		return err
	}
	if l.udp, err = net.ListenUDP("udp", &net.UDPAddr{IP: ip, Port: int(l.port())}); err != nil {
		return errors.Join(err, l.tcp.Close())
	}
	return nil
}

func (l *link) port() uint16 { return uint16(l.tcp.Addr().(*net.TCPAddr).Port) }

// receive hands datagrams on. Those that are not sealed with the key memberlist drops without an answer.
func (l *link) receive() {
	buf := make([]byte, packetMax)
	for failures := 0; l.ctx.Err() == nil; {
		n, from, err := l.udp.ReadFromUDPAddrPort(buf)
		if err != nil { // Windows tells here that an earlier datagram found no port: one such error is not the end
			if failures++; failures > failuresMax {
				l.pause(err)
			}
			continue
		}
		failures = 0
		p := &memberlist.Packet{Buf: append([]byte(nil), buf[:n]...), From: net.UDPAddrFromAddrPort(from), Timestamp: time.Now()}
		select {
		case l.packets <- p:
		case <-l.ctx.Done():
		}
	}
}

// accept greets those who dial, at most streamsMax at a time.
func (l *link) accept() {
	room := make(chan struct{}, streamsMax)
	for l.ctx.Err() == nil {
		c, err := l.tcp.Accept()
		if err != nil {
			l.pause(err)
			continue
		}
		select {
		case room <- struct{}{}:
		default:
			c.Close()
			continue
		}
		s := l.track(c, func() { <-room })
		l.wg.Go(func() { l.admit(s) })
	}
}

// pause keeps a failing accept (no file descriptors left) from spinning.
func (l *link) pause(err error) {
	if errors.Is(err, net.ErrClosed) {
		return
	}
	select {
	case <-time.After(100 * time.Millisecond):
	case <-l.ctx.Done():
	}
}

func (l *link) admit(s net.Conn) {
	if err := answer(s, l.key); err != nil {
		s.Close()
		return
	}
	select {
	case l.streams <- s:
	case <-l.ctx.Done():
		s.Close()
	}
}

// stream is a connection that Shutdown can end.
type stream struct {
	net.Conn
	once  sync.Once
	freed func()
}

// track notes a connection until it is closed; freed is called then.
func (l *link) track(c net.Conn, freed func()) *stream {
	s := &stream{Conn: c}
	s.freed = func() {
		l.mu.Lock()
		delete(l.open, s)
		l.mu.Unlock()
		freed()
	}
	l.mu.Lock()
	l.open[s] = struct{}{}
	l.mu.Unlock()
	if l.ctx.Err() != nil { // Shutdown may have missed it
		s.Close()
	}
	return s
}

// Close closes the connection.
func (s *stream) Close() error {
	err := s.Conn.Close()
	s.once.Do(s.freed)
	return err
}

// FinalAdvertiseAddr implements memberlist.Transport.
func (l *link) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return l.advertise.AsSlice(), int(l.port()), nil
}

// WriteTo implements memberlist.Transport.
func (l *link) WriteTo(b []byte, addr string) (time.Time, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return time.Time{}, fmt.Errorf("send to %q: %w", addr, err)
	}
	_, err = l.udp.WriteToUDPAddrPort(b, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
	return time.Now(), err
}

// PacketCh implements memberlist.Transport.
func (l *link) PacketCh() <-chan *memberlist.Packet { return l.packets }

// StreamCh implements memberlist.Transport.
func (l *link) StreamCh() <-chan net.Conn { return l.streams }

// DialTimeout implements memberlist.Transport.
func (l *link) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(l.ctx, timeout)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s := l.track(c, func() {})
	if err := greet(s, l.key); err != nil {
		s.Close()
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return s, nil
}

// Shutdown implements memberlist.Transport: afterwards no socket is open and no goroutine of the link runs.
func (l *link) Shutdown() error {
	l.cancel()
	err := errors.Join(l.tcp.Close(), l.udp.Close())
	l.mu.Lock()
	open := make([]net.Conn, 0, len(l.open))
	for c := range l.open {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
	l.wg.Wait()
	return err
}
