package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wimcast/wimcast/wire"
)

// relay stands between a client and a server and counts the bytes that it, an address of its own, sends to the server and
// gets back.
type relay struct {
	front, back *net.UDPConn
	forward     atomic.Int64 // how many of the client's packets are let through
	sent, got   atomic.Int64
	done        chan struct{}
}

// newRelay forwards the client's first packets, as many as forward says, and answers only as long as it forwards.
func newRelay(t *testing.T, server netip.AddrPort, forward int64) *relay {
	t.Helper()
	front, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback4))
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{front: front, back: back, done: make(chan struct{}, 2)}
	r.forward.Store(forward)
	var client atomic.Pointer[net.UDPAddr]
	go func() {
		defer func() { r.done <- struct{}{} }()
		buf := make([]byte, 65536)
		for n := int64(0); ; {
			size, from, err := front.ReadFromUDP(buf)
			if err != nil {
				return
			}
			client.Store(from)
			if n++; n <= r.forward.Load() {
				r.sent.Add(int64(size))
				_, _ = back.Write(buf[:size])
			}
		}
	}()
	go func() {
		defer func() { r.done <- struct{}{} }()
		buf := make([]byte, 65536)
		for {
			size, err := back.Read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				r.got.Add(int64(size))
				_, _ = front.WriteToUDP(buf[:size], client.Load())
			}
		}
	}()
	t.Cleanup(func() {
		_, _ = front.Close(), back.Close()
		<-r.done
		<-r.done
	})
	return r
}

func (r *relay) addr() netip.AddrPort { return r.front.LocalAddr().(*net.UDPAddr).AddrPort() }

func (r *relay) backAddr() netip.AddrPort { return r.back.LocalAddr().(*net.UDPAddr).AddrPort() }

func (r *relay) check(t *testing.T, name string) {
	t.Helper()
	sent, got := r.sent.Load(), r.got.Load()
	t.Logf("%s: sent %d bytes, got %d", name, sent, got)
	if got > sent {
		t.Errorf("%s: got more bytes than were sent", name)
	}
}

// An attacker begins a handshake, with an address of its choice, and falls silent after each possible packet.
func TestSilentAttackerGetsNoMoreThanItSent(t *testing.T) {
	s := listen(t, Config{Key: testKey(1), Accept: true})
	const most = 8
	results, relays := make(chan error, most), make([]*relay, most)
	ctx, cancel := context.WithTimeout(testContext(t), 2*time.Second)
	defer cancel()
	for n := range relays {
		relays[n] = newRelay(t, s.Addr(), int64(n+1))
		c := listen(t, Config{Key: testKey(2)})
		go func() {
			conn, err := c.Dial(ctx, relays[n].addr(), publicKey(testKey(1)))
			if err == nil {
				<-ctx.Done() // the server goes on trying until then
				err = conn.Close("")
			}
			results <- err
		}()
	}
	for range relays {
		<-results
	}
	answered := int64(0)
	for _, r := range relays {
		r.check(t, "silent")
		answered += r.got.Load()
	}
	if answered < 10_000 {
		t.Error("the server hardly answered: the test shows nothing")
	}
}

// The check checks: without the guard an attacker gets more than it sent.
func TestWithoutTheGuardAnAttackerGainsBytes(t *testing.T) {
	s := listen(t, Config{Key: testKey(1), Accept: true})
	r := newRelay(t, s.Addr(), 1<<40)
	s.guard.trust(r.backAddr())
	ctx, cancel := context.WithTimeout(testContext(t), limit)
	defer cancel()
	c := listen(t, Config{Key: testKey(2)})
	go func() {
		_, _ = c.Dial(ctx, r.addr(), publicKey(testKey(1)))
	}()
	accepted, err := s.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r.forward.Store(0) // silence
	accepted.Trust()
	deadline := time.Now().Add(limit)
	for r.got.Load() <= r.sent.Load() && time.Now().Before(deadline) {
		if err := accepted.quic.SendDatagram(make([]byte, 1100)); err != nil {
			break
		}
	}
	if r.got.Load() <= r.sent.Load() {
		t.Errorf("sent %d bytes, got %d", r.sent.Load(), r.got.Load())
	}
}

// A complete handshake with a key that nobody enrolled, and a server that has a lot to say.
func TestUnenrolledKeyGetsNoMoreThanItSent(t *testing.T) {
	ctx := testContext(t)
	s := listen(t, Config{Key: testKey(1), Accept: true})
	r := newRelay(t, s.Addr(), 1<<40)
	c := listen(t, Config{Key: testKey(2)})
	dialled := make(chan *Conn, 1)
	go func() {
		conn, err := c.Dial(ctx, r.addr(), publicKey(testKey(1)))
		if err == nil {
			err = conn.Send(ctx, wire.Enrol{})
		}
		if err != nil {
			t.Error(err)
		}
		dialled <- conn
	}()
	server, err := s.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	client := <-dialled
	if _, err := server.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err = server.Send(short, wire.Enrolled{Payload: make([]byte, wire.MaxEnrolled)})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("5 MiB to a stranger: %v", err)
	}
	<-client.Done() // half a message is of no use: the connection is closed
	r.check(t, "unenrolled")
}

func TestGarbageGetsNoMoreThanItSent(t *testing.T) {
	s := listen(t, Config{Key: testKey(1), Accept: true})
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(s.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	rng := rand.New(rand.NewPCG(1, 1))
	sent, got, buf := 0, 0, make([]byte, 65536)
	read := func(wait time.Duration) {
		_ = conn.SetReadDeadline(time.Now().Add(wait))
		for {
			n, err := conn.Read(buf)
			if err != nil {
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
				return
			}
			got += n
		}
	}
	for n := range 2000 {
		b := make([]byte, 1+rng.IntN(1400))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		switch n % 4 {
		case 0: // a long header of an unknown version: asks for version negotiation
			b[0] |= 0xc0
		case 1: // an Initial of version 1 with any contents
			b = append(b, make([]byte, 1400-len(b))...)
			copy(b, []byte{0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0})
		case 2: // a short header: asks for a stateless reset
			b[0] = b[0]&0x3f | 0x40
		}
		if m, err := conn.Write(b); err == nil {
			sent += m
		}
		if n%50 == 0 {
			read(time.Millisecond)
		}
	}
	read(500 * time.Millisecond)
	t.Logf("sent %d bytes, got %d", sent, got)
	if got > sent || got == 0 {
		t.Errorf("sent %d bytes, got %d", sent, got)
	}
}

func TestEnrolledClientsConnectReliably(t *testing.T) {
	for name, loss := range map[string]int{"no loss": 0, "5 % loss": 5} {
		t.Run(name, func(t *testing.T) {
			drop := func(seed uint64) func() bool {
				rng := rand.New(rand.NewPCG(seed, 9))
				return func() bool { return rng.IntN(100) < loss }
			}
			s := listen(t, Config{Key: testKey(1), Accept: true, DropReceived: drop(0)})
			ctx := testContext(t)
			const clients = 20
			accepting := make(chan struct{})
			go func() {
				defer close(accepting)
				for range clients {
					server, err := s.Accept(ctx)
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := server.Receive(ctx); err != nil {
						t.Error(err)
						return
					}
					server.Trust()
					if err := server.Send(ctx, wire.Welcome{Record: make([]byte, wire.MaxRecord)}); err != nil {
						t.Error(err)
						return
					}
				}
			}()
			var slowest time.Duration
			for n := range clients {
				start := time.Now()
				c := listen(t, Config{Key: testKey(2), DropReceived: drop(uint64(n + 1))})
				client, err := c.Dial(ctx, s.Addr(), publicKey(testKey(1)))
				if err != nil {
					t.Fatal(err)
				}
				if err := client.Send(ctx, wire.Hello{Record: make([]byte, wire.MaxRecord)}); err != nil {
					t.Fatal(err)
				}
				if _, err := client.Receive(ctx); err != nil {
					t.Fatal(err)
				}
				slowest = max(slowest, time.Since(start))
			}
			<-accepting
			t.Logf("slowest of %d: %s", clients, slowest)
		})
	}
}

func TestGuardTableIsBounded(t *testing.T) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback4))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	g := newGuard(conn, nil)
	friend := netip.MustParseAddrPort("198.18.0.1:5")
	g.trust(friend)
	g.trust(friend)
	g.distrust(friend)
	at := func(n int) *net.UDPAddr {
		return &net.UDPAddr{IP: net.IPv4(198, 19, byte(n>>8), byte(n)), Port: 7}
	}
	for n := range maxStrangers + 100 {
		if g.received(at(n), 100) {
			t.Fatal("lost")
		}
		if n >= maxStrangers-1 && len(g.credit) != maxStrangers {
			t.Fatalf("%d strangers remembered, limit is %d", len(g.credit), maxStrangers)
		}
	}
	last := at(maxStrangers + 99)
	if g.maySend(last, 101) || !g.maySend(last, 60) || g.maySend(last, 41) || !g.maySend(last, 40) || g.maySend(last, 1) {
		t.Error("credit is miscounted")
	}
	if !g.maySend(net.UDPAddrFromAddrPort(friend), 1<<20) {
		t.Error("a trusted address is limited")
	}
	g.distrust(friend)
	if g.maySend(net.UDPAddrFromAddrPort(friend), 1) {
		t.Error("trust outlives the connection")
	}
}

func TestTooManyStrangersAreTurnedAway(t *testing.T) {
	s := listen(t, Config{Key: testKey(1), Accept: true})
	c := listen(t, Config{Key: testKey(2)})
	_, server := connectTo(t, c, s)
	count := func() (incoming, untrusted int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.incoming, s.untrusted
	}
	if in, un := count(); in != 1 || un != 1 {
		t.Errorf("%d incoming, %d untrusted", in, un)
	}
	server.Trust()
	server.Trust()
	if in, un := count(); in != 1 || un != 0 {
		t.Errorf("trusted: %d incoming, %d untrusted", in, un)
	}
	// Last: a hello takes two packets, and were the limit lifted between them the second would be let in.
	s.mu.Lock()
	s.untrusted = maxUntrusted
	s.mu.Unlock()
	if _, err := c.Dial(testContext(t), s.Addr(), publicKey(testKey(1))); err == nil {
		t.Fatal("one past the limit was let in")
	}
}
