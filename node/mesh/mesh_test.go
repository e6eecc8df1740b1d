package mesh

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"go.uber.org/goleak"

	"github.com/wimcast/wimcast/internal/ident"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit bounds every wait of a test.
const limit = 20 * time.Second

var loopback = netip.MustParseAddr("127.0.0.1")

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// fast makes failures show within a test's patience.
func fast(c *memberlist.Config) {
	c.ProbeInterval, c.ProbeTimeout = 50*time.Millisecond, 25*time.Millisecond
	c.GossipInterval = 10 * time.Millisecond
	c.SuspicionMult = 4
	c.AwarenessMaxMultiplier = 2
}

func testConfig(id byte, role ident.Roles, name string, key byte, seeds ...*Mesh) Config {
	c := Config{
		Meta: Meta{Roles: role, Name: name}, ID: [32]byte{31: id}, Bind: netip.AddrPortFrom(loopback, 0), Key: [32]byte{0: key},
	}
	for _, s := range seeds {
		c.Seeds = append(c.Seeds, netip.AddrPortFrom(loopback, s.Port()))
	}
	return c
}

func mustStart(t *testing.T, c Config) *Mesh {
	t.Helper()
	m, err := start(c, fast)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// await waits until the nodes that m knows are these.
func (m *Mesh) await(t *testing.T, want ...string) {
	t.Helper()
	ctx := testContext(t)
	for {
		var got []string
		for _, n := range m.Nodes() {
			got = append(got, n.Name)
		}
		if slices.Equal(got, want) {
			return
		}
		select {
		case <-m.table.changed:
		case <-ctx.Done():
			t.Fatalf("knows %q, want %q", got, want)
		}
	}
}

func TestNodesSeeEachOtherComeAndGo(t *testing.T) {
	dp := mustStart(t, testConfig(1, ident.RoleDistributionPoint, "server", 1))
	a := mustStart(t, testConfig(2, ident.RolePeer, "a", 1, dp))
	b := mustStart(t, testConfig(3, ident.RolePeer, "b", 1, dp))
	for _, m := range []*Mesh{dp, a, b} {
		m.await(t, "server", "a", "b")
	}
	for i, n := range a.Nodes() {
		m := []*Mesh{dp, a, b}[i]
		want := Node{
			Meta: Meta{Roles: []ident.Roles{ident.RoleDistributionPoint, ident.RolePeer, ident.RolePeer}[i], Name: []string{"server", "a", "b"}[i]},
			ID:   [32]byte{31: byte(i + 1)}, Addr: netip.AddrPortFrom(loopback, m.Port()), State: Alive, Self: m == a,
		}
		if n != want {
			t.Errorf("a knows %+v, want %+v", n, want)
		}
	}
	begin := time.Now()
	a.Leave(5 * time.Second)
	if took := time.Since(begin); took > time.Second {
		t.Errorf("leaving took %v though somebody answers", took)
	}
	dp.await(t, "server", "b")
	b.await(t, "server", "b")
	again := mustStart(t, testConfig(2, ident.RolePeer, "a", 1, dp)) // at another port
	for _, m := range []*Mesh{dp, again, b} {
		m.await(t, "server", "a", "b")
	}
	b.Close() // says nothing
	dp.await(t, "server", "a")
	again.await(t, "server", "a")
}

func TestUpdateReachesTheOthers(t *testing.T) {
	dp := mustStart(t, testConfig(1, ident.RoleDistributionPoint, "server", 1))
	a := mustStart(t, testConfig(2, ident.RolePeer, "a", 1, dp))
	dp.await(t, "server", "a")
	if err := a.Update(Meta{Roles: ident.RolePeer, Name: "a", What: "receives win@1"}); err != nil {
		t.Fatal(err)
	}
	ctx := testContext(t)
	for dp.Nodes()[1].What != "receives win@1" {
		select {
		case <-dp.table.changed:
		case <-ctx.Done():
			t.Fatalf("still %+v", dp.Nodes())
		}
	}
	if err := a.Update(Meta{Roles: ident.RolePeer, Name: "a", What: strings.Repeat("x", WhatMax+1)}); err == nil {
		t.Error("a text beyond the limit is taken")
	}
}

// TestADistributionPointThatWasRestartedIsJoinedAgain: it comes back at its address and knows nobody.
func TestADistributionPointThatWasRestartedIsJoinedAgain(t *testing.T) {
	dp := mustStart(t, testConfig(1, ident.RoleDistributionPoint, "server", 1))
	a := mustStart(t, testConfig(2, ident.RolePeer, "a", 1, dp))
	a.await(t, "server", "a")
	seeds := []netip.AddrPort{netip.AddrPortFrom(loopback, dp.Port())}
	dp.Close()
	c := testConfig(1, ident.RoleDistributionPoint, "server", 1)
	c.Bind = seeds[0]
	dp = mustStart(t, c)
	if err := a.Join(seeds); err != nil {
		t.Fatal(err)
	}
	dp.await(t, "server", "a")
	a.await(t, "server", "a") // not the old one beside it
}

func TestAnotherKeyIsKeptOut(t *testing.T) {
	dp := mustStart(t, testConfig(1, ident.RoleDistributionPoint, "server", 1))
	stranger := mustStart(t, testConfig(2, ident.RolePeer, "stranger", 2, dp))
	c, err := stranger.link.DialTimeout(netip.AddrPortFrom(loopback, dp.Port()).String(), limit)
	if !errors.Is(err, errStranger) {
		t.Errorf("dial with another key: %v, %v", c, err)
	}
	a := mustStart(t, testConfig(3, ident.RolePeer, "a", 1, dp))
	if n, err := stranger.list.Join(texts([]netip.AddrPort{netip.AddrPortFrom(loopback, a.Port())})); n != 0 || err == nil {
		t.Errorf("join with another key: %d nodes, %v", n, err)
	}
	dp.await(t, "server", "a")
	stranger.await(t, "stranger")
	a.await(t, "server", "a")
}

// TestStrangersGetNoMoreThanTheySent measures what the sockets give to somebody without the key.
func TestStrangersGetNoMoreThanTheySent(t *testing.T) {
	dp := mustStart(t, testConfig(1, ident.RoleDistributionPoint, "server", 1))
	mustStart(t, testConfig(2, ident.RolePeer, "a", 1, dp))
	dp.await(t, "server", "a")
	addr := netip.AddrPortFrom(loopback, dp.Port()).String()
	noise := rand.NewChaCha8([32]byte{7})
	for _, n := range []int{0, 1, 5, 31, 32, 33, 64, 100, 1400, 70_000} {
		for first := range 16 { // memberlist's message types, and noise
			sent := make([]byte, n)
			noise.Read(sent)
			if n > 0 && first < 15 {
				sent[0] = byte(first)
			}
			if got := strangerTCP(t, addr, sent); got > n {
				t.Errorf("TCP: %d bytes got %d back", n, got)
			}
		}
	}
	udp, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for n := 1; n < 1400; n += 13 {
		for first := range 16 {
			sent := make([]byte, n)
			noise.Read(sent)
			sent[0] = byte(first)
			if _, err := udp.Write(sent); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := quiet(t, dp, udp); got != 0 {
		t.Errorf("UDP: noise got %d bytes back", got)
	}
	dp.await(t, "server", "a")
}

// strangerTCP sends and returns how many bytes come back until the other side closes.
func strangerTCP(t *testing.T, addr string, sent []byte) int {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(limit))
	c.Write(sent) // it may be closed before all is sent
	c.(*net.TCPConn).CloseWrite()
	got, err := io.Copy(io.Discard, c)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		t.Errorf("after %d bytes the connection is still open", len(sent))
	}
	return int(got)
}

// quiet returns what has come to c by the time at which the mesh has answered a datagram sent later.
func quiet(t *testing.T, m *Mesh, c net.Conn) int {
	t.Helper()
	probe := mustStart(t, testConfig(9, ident.RolePeer, "probe", 1))
	ctx := testContext(t)
	for name := m.table.self; ; {
		if _, err := probe.list.Ping(name, net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, m.Port()))); err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("no answer to a genuine datagram")
		}
	}
	probe.Close()
	got := 0
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	for buf := make([]byte, 2048); ; {
		n, err := c.Read(buf)
		if err != nil {
			return got
		}
		got += n
	}
}

// TestSilentStreamsAreClosed: somebody who only connects holds a place for a moment, and only one of a few.
func TestSilentStreamsAreClosed(t *testing.T) {
	dp := mustStart(t, testConfig(1, ident.RoleDistributionPoint, "server", 1))
	var conns []net.Conn
	for range streamsMax + 1 {
		c, err := net.Dial("tcp", netip.AddrPortFrom(loopback, dp.Port()).String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	begin := time.Now()
	last := conns[streamsMax]
	last.SetDeadline(begin.Add(limit))
	if n, err := last.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("one stream too many: %d, %v", n, err)
	}
	if took := time.Since(begin); took > greetTimeout/2 {
		t.Errorf("one stream too many was closed after %v", took)
	}
	conns[0].SetDeadline(begin.Add(limit))
	if n, err := conns[0].Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		t.Errorf("a silent stream: %d, %v", n, err)
	}
}

// TestLeaveIsBoundedWhenNobodyAnswers: the end of a program does not wait for the dead.
func TestLeaveIsBoundedWhenNobodyAnswers(t *testing.T) {
	dp, err := Start(testConfig(1, ident.RoleDistributionPoint, "server", 1)) // with the real intervals
	if err != nil {
		t.Fatal(err)
	}
	a := mustStart(t, testConfig(2, ident.RolePeer, "a", 1, dp))
	b := mustStart(t, testConfig(3, ident.RolePeer, "b", 1, dp))
	dp.await(t, "server", "a", "b")
	a.Close()
	b.Close()
	begin := time.Now()
	dp.Leave(200 * time.Millisecond)
	if took := time.Since(begin); took > 600*time.Millisecond {
		t.Errorf("leaving took %v", took)
	}
	dp.Leave(limit) // again is nothing
	dp.Close()
}

// TestCloseWhileJoining: an address that takes the connection and says nothing does not hold up the end.
func TestCloseWhileJoining(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := testConfig(1, ident.RolePeer, "a", 1)
	c.Seeds = []netip.AddrPort{l.Addr().(*net.TCPAddr).AddrPort()}
	m := mustStart(t, c)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	begin := time.Now()
	m.Leave(200 * time.Millisecond)
	if took := time.Since(begin); took > 500*time.Millisecond {
		t.Errorf("leaving took %v", took)
	}
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	good := testConfig(1, ident.RolePeer, "a", 1)
	taken := mustStart(t, good)
	for name, break_ := range map[string]func(*Config){
		"no key":            func(c *Config) { c.Key = [32]byte{} },
		"no address":        func(c *Config) { c.Bind = netip.AddrPort{} },
		"nowhere to answer": func(c *Config) { c.Bind = netip.MustParseAddrPort("0.0.0.0:0") },
		"zone":              func(c *Config) { c.Bind = netip.MustParseAddrPort("[fe80::1%lo]:0") },
		"no name":           func(c *Config) { c.Meta.Name = "" },
		"no role":           func(c *Config) { c.Meta.Roles = 0 },
		"many seeds":        func(c *Config) { c.Seeds = make([]netip.AddrPort, seedsMax+1) },
		"bad seed":          func(c *Config) { c.Seeds = make([]netip.AddrPort, 1) },
		"port in use":       func(c *Config) { c.Bind = netip.AddrPortFrom(loopback, taken.Port()) },
	} {
		c := good
		break_(&c)
		if m, err := Start(c); err == nil {
			m.Close()
			t.Errorf("%s: started", name)
		}
	}
}

func TestSeedsAtAndOnePast(t *testing.T) {
	seeds := slices.Repeat([]netip.AddrPort{netip.AddrPortFrom(loopback, 1)}, seedsMax+1)
	if err := checkSeeds(seeds[:seedsMax]); err != nil {
		t.Error(err)
	}
	if err := checkSeeds(seeds); err == nil || !strings.Contains(err.Error(), "at most 8") {
		t.Errorf("%d seeds: %v", len(seeds), err)
	}
}

// TestLongDatagramsAreCut: at packetMax they arrive whole, and one byte longer they do not, and do no harm.
func TestLongDatagramsAreCut(t *testing.T) {
	l, err := newLink(netip.AddrPortFrom(loopback, 0), loopback, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Shutdown()
	c, err := net.Dial("udp", netip.AddrPortFrom(loopback, l.port()).String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got []int
	for _, n := range []int{packetMax, packetMax + 1, 7} {
		if _, err := c.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	for len(got) == 0 || got[len(got)-1] != 7 {
		select {
		case p := <-l.packets:
			got = append(got, len(p.Buf))
		case <-testContext(t).Done():
			t.Fatalf("got datagrams of %v bytes", got)
		}
	}
	if got[0] != packetMax || slices.Max(got) > packetMax { // Windows drops the second
		t.Errorf("got datagrams of %v bytes", got)
	}
}

// TestEveryAddress: bound to every address of both families, reached over IPv4.
func TestEveryAddress(t *testing.T) {
	c := testConfig(1, ident.RoleDistributionPoint, "server", 1)
	c.Bind, c.Advertise = netip.MustParseAddrPort("[::]:0"), loopback
	dp := mustStart(t, c)
	a := mustStart(t, testConfig(2, ident.RolePeer, "a", 1, dp))
	dp.await(t, "server", "a")
	a.await(t, "server", "a")
	a.Leave(time.Second)
	dp.await(t, "server")
}
