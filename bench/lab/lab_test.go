//go:build linux

package lab

import (
	"context"
	"flag"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// full runs every scenario at full size, as `make lab` does; without it a short set at a small size.
var full = flag.Bool("lab", false, "run every scenario at full size")

func TestMain(m *testing.M) { Main(m, "github.com/wimcast/wimcast/cmd/wimcast") }

// group is where the tests of the lab itself send.
var group = &net.UDPAddr{IP: net.IPv4(239, 192, 9, 9), Port: 4999}

// listen joins the group on a host.
func listen(t *testing.T, h *Host) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	err := h.Do(func() (err error) {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		conn, err = net.ListenMulticastUDP("udp4", eth0, group)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// cast sends n datagrams of size bytes to the group.
func cast(t *testing.T, h *Host, n, size int) {
	t.Helper()
	var conn net.Conn
	err := h.Do(func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(context.Background(), "udp4", group.String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range n {
		if _, err := conn.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
}

// count reads datagrams until quiet passes without one.
func count(conn *net.UDPConn, quiet time.Duration) (n int) {
	buf := make([]byte, 2000)
	for {
		conn.SetReadDeadline(time.Now().Add(quiet))
		if _, err := conn.Read(buf); err != nil {
			return n
		}
		n++
	}
}

func TestMulticastReachesEveryHostButTheDeafOne(t *testing.T) {
	l := New(t, Config{Hosts: 4})
	conns := []*net.UDPConn{listen(t, l.Host(1)), listen(t, l.Host(2)), listen(t, l.Host(3))}
	l.Host(3).BlockMulticast(true)
	before := l.Host(0).Counters()
	cast(t, l.Host(0), 50, 1000)
	for i, want := range []int{50, 50, 0} {
		if got := count(conns[i], 300*time.Millisecond); got != want {
			t.Errorf("host %d got %d datagrams, want %d", i+1, got, want)
		}
	}
	if sent := l.Host(0).Counters().Sub(before); sent.TxBytes < 50*1042 || sent.TxBytes > 50*1042+5000 {
		t.Errorf("host 0 sent %d bytes on the wire, want 50 datagrams of 1042, once", sent.TxBytes)
	}
	l.Host(3).BlockMulticast(false)
	cast(t, l.Host(0), 50, 1000)
	if got := count(conns[2], 300*time.Millisecond); got != 50 {
		t.Errorf("host 3 got %d datagrams when no longer deaf, want 50", got)
	}
}

func TestLossIsAsAsked(t *testing.T) {
	l := New(t, Config{Hosts: 2, Loss: 0.3})
	conn := listen(t, l.Host(1))
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	got := 0
	for range 20 { // in bursts that a socket buffer holds
		cast(t, l.Host(0), 100, 100)
		got += count(conn, 30*time.Millisecond)
	}
	if got < 1250 || got > 1550 { // 1400 and seven standard deviations
		t.Errorf("%d of 2000 datagrams arrived at 30 %% loss", got)
	}
}

func TestLinkDownAndUp(t *testing.T) {
	l := New(t, Config{Hosts: 2})
	conn := listen(t, l.Host(1))
	l.Host(1).SetLink(false)
	cast(t, l.Host(0), 10, 100)
	if got := count(conn, 200*time.Millisecond); got != 0 {
		t.Errorf("%d datagrams came through a pulled cable", got)
	}
	l.Host(1).SetLink(true)
	l.Until("datagrams flow again", 10*time.Second, func() bool {
		cast(t, l.Host(0), 1, 100)
		return count(conn, 20*time.Millisecond) > 0
	})
}

func TestProcessesAreMeasuredAndKilled(t *testing.T) {
	l := New(t, Config{})
	p := l.Host(1).Start("", "ip", "-br", "addr", "show", "eth0")
	if err := p.Wait(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	if want := l.Host(1).Addr.String(); len(p.Stdout()) == 0 || !strings.Contains(p.LastLine(), want) {
		t.Errorf("the process on host 1 saw %q, want address %s", p.Stdout(), want)
	}
	if p.MaxRSS < 100<<10 {
		t.Errorf("MaxRSS is %d bytes", p.MaxRSS)
	}
	sleeper := l.Host(0).Start("", "sleep", "1000")
	sleeper.Kill()
	if sleeper.Err == nil || sleeper.Wait(time.Second) == nil {
		t.Error("a killed process counts as successful")
	}
}

func TestAttackReachesTheGroupButNotItsOwnHost(t *testing.T) {
	l := New(t, Config{Hosts: 3, Rate: 100})
	conn := listen(t, l.Host(1))
	tapped := make(chan [][]byte, 1)
	go func() {
		datagrams, to, err := l.Host(0).Tap(5, 10*time.Second)
		if err != nil || to.Port() != uint16(group.Port) || to.Addr().String() != group.IP.String() {
			t.Errorf("tap gave %d datagrams to %v, %v", len(datagrams), to, err)
		}
		tapped <- datagrams
	}()
	var recorded [][]byte
	l.Until("the tap has its datagrams", 10*time.Second, func() bool {
		cast(t, l.Host(0), 1, 1000)
		select {
		case recorded = <-tapped:
			return true
		default:
			return false
		}
	})
	if t.Failed() {
		return
	}
	count(conn, 50*time.Millisecond)
	before := l.Host(2).Counters()
	attack, err := l.Host(2).Attack(recorded, netip.MustParseAddrPort(group.String()), netip.AddrPortFrom(l.Host(0).Addr, 4999))
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2000)
	for range 1000 {
		if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(buf); err != nil {
			t.Fatalf("the attack does not reach the group: %v", err)
		}
	}
	attack.Stop()
	if attack.Err != nil {
		t.Error(attack.Err)
	}
	used := l.Host(2).Counters().Sub(before)
	if attack.Sent[0] < 300 || attack.Sent[1] < 300 || attack.Sent[2] < 300 || attack.Sent[3] < 10 || used.TxBytes < 1000*1000 {
		t.Errorf("the attack sent %v datagrams, %d bytes", attack.Sent, used.TxBytes)
	}
	if used.RxBytes > 50*used.TxBytes/1000 {
		t.Errorf("the attacker got %d bytes", used.RxBytes)
	}
}
