package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/wire"
)

// loopback returns the name of the loopback interface.
func loopback(t testing.TB) string {
	t.Helper()
	all, err := Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Loopback {
			return i.Name
		}
	}
	t.Fatal("no loopback interface")
	return ""
}

// freeGroup returns a group with a UDP port that nobody uses.
func freeGroup(t testing.TB, addr string) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return netip.AddrPortFrom(netip.MustParseAddr(addr), uint16(c.LocalAddr().(*net.UDPAddr).Port))
}

func newTestReceiver(t testing.TB, cfg ReceiverConfig) *Receiver {
	t.Helper()
	cfg.Interface = loopback(t)
	r, err := NewReceiver(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if err := r.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	return r
}

func newTestSender(t testing.TB, group netip.AddrPort) *Sender {
	t.Helper()
	s, err := NewSender(SenderConfig{Group: group, Interface: loopback(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	return s
}

// numbered returns n datagrams that begin with their number; every fifth is short.
func numbered(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		size := wire.MaxDatagram
		if i%5 == 4 {
			size = 100 + i
		}
		out[i] = bytes.Repeat([]byte{byte(i)}, size)
		binary.BigEndian.PutUint32(out[i], uint32(i))
	}
	return out
}

// expect receives until all of want have come, in order.
func expect(t *testing.T, r *Receiver, want [][]byte) {
	t.Helper()
	for len(want) > 0 {
		got, err := r.Receive()
		if err != nil {
			t.Fatalf("%d datagrams missing: %v", len(want), err)
		}
		for _, g := range got {
			if len(want) == 0 || !bytes.Equal(g, want[0]) {
				t.Fatalf("got a datagram of %d bytes; %d were missing", len(g), len(want))
			}
			want = want[1:]
		}
	}
}

func TestEveryReceiverOnTheHostHearsEveryDatagram(t *testing.T) {
	group := freeGroup(t, "239.192.7.1")
	receivers := []*Receiver{
		newTestReceiver(t, ReceiverConfig{Group: group}),
		newTestReceiver(t, ReceiverConfig{Group: group}),
		newTestReceiver(t, ReceiverConfig{Group: group}),
	}
	s := newTestSender(t, group)
	want := numbered(300)
	if n, err := s.Send(want); n != len(want) || err != nil {
		t.Fatal(n, err)
	}
	for _, r := range receivers {
		expect(t, r, want)
	}
	if st := s.stats; st.Datagrams != 300 || runtime.GOOS == "linux" && st.Calls > 10 {
		t.Errorf("%+v", st)
	}
}

// Without segmentation by the kernel the same datagrams must arrive.
func TestSendOneMessageADatagram(t *testing.T) {
	group := freeGroup(t, "239.192.7.2")
	r, s := newTestReceiver(t, ReceiverConfig{Group: group}), newTestSender(t, group)
	s.stats.GSO = false
	want := numbered(200)
	if n, err := s.Send(want); n != len(want) || err != nil {
		t.Fatal(n, err)
	}
	expect(t, r, want)
}

func TestOnlyTheOwnGroupArrives(t *testing.T) {
	group := freeGroup(t, "239.192.7.3")
	other := netip.AddrPortFrom(netip.MustParseAddr("239.192.7.4"), group.Port())
	r, r2 := newTestReceiver(t, ReceiverConfig{Group: group}), newTestReceiver(t, ReceiverConfig{Group: other})
	a, b := newTestSender(t, group), newTestSender(t, other)
	if _, err := b.Send([][]byte{[]byte("for the other group")}); err != nil {
		t.Fatal(err)
	}
	want := [][]byte{[]byte("for this group")}
	if _, err := a.Send(want); err != nil {
		t.Fatal(err)
	}
	expect(t, r, want)
	expect(t, r2, [][]byte{[]byte("for the other group")})
}

func TestLeaveAndJoinAgain(t *testing.T) {
	group := freeGroup(t, "239.192.7.5")
	r, s := newTestReceiver(t, ReceiverConfig{Group: group}), newTestSender(t, group)
	send := func(b string) {
		t.Helper()
		if _, err := s.Send([][]byte{[]byte(b)}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := r.Leave(); err != nil {
			t.Fatal(err)
		}
	}
	send("unheard")
	for range 2 { // the second refreshes the membership
		if err := r.Join(); err != nil {
			t.Fatal(err)
		}
	}
	send("heard")
	expect(t, r, [][]byte{[]byte("heard")})
}

func TestDropLosesWhatItSays(t *testing.T) {
	group := freeGroup(t, "239.192.7.6")
	rng := rand.New(rand.NewPCG(1, 1))
	var kept [][]byte
	i, want := 0, numbered(500)
	r := newTestReceiver(t, ReceiverConfig{Group: group, Drop: func() bool {
		lost := rng.IntN(10) == 0 && i < len(want)-1
		if !lost {
			kept = append(kept, want[i])
		}
		i++
		return lost
	}})
	s := newTestSender(t, group)
	if _, err := s.Send(want); err != nil {
		t.Fatal(err)
	}
	var got [][]byte
	for i < len(want) {
		b, err := r.Receive()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range b {
			got = append(got, bytes.Clone(d))
		}
	}
	if len(got) != len(kept) || len(got) == len(want) {
		t.Fatalf("%d arrived, %d were kept of %d", len(got), len(kept), len(want))
	}
	for n := range got {
		if !bytes.Equal(got[n], kept[n]) {
			t.Errorf("datagram %d differs", n)
		}
	}
}

func TestCloseEndsReceive(t *testing.T) {
	r := newTestReceiver(t, ReceiverConfig{Group: freeGroup(t, "239.192.7.7")})
	result := make(chan error)
	go func() {
		_, err := r.Receive()
		result <- err
	}()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestReceiveHasADeadline(t *testing.T) {
	r := newTestReceiver(t, ReceiverConfig{Group: freeGroup(t, "239.192.7.8")})
	if err := r.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Receive(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestGroupPortInUseSaysWhatToDo(t *testing.T) {
	group := freeGroup(t, "239.192.7.9")
	c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: int(group.Port())}) // does not share
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err = NewReceiver(ReceiverConfig{Group: group, Interface: loopback(t)}); err == nil || !strings.Contains(err.Error(), "is in use by another program") {
		t.Errorf("got %v", err)
	}
}

func TestBadConfigIsRefused(t *testing.T) {
	ok := netip.MustParseAddrPort("239.192.7.1:4790")
	for _, g := range []string{
		"192.0.2.1:5", "239.192.7.1:0", "224.0.0.5:5", "239.0.0.9:5", "239.128.0.9:5", "[ff12::1%lo]:5", "[::ffff:239.1.1.1]:5",
	} {
		if _, err := NewReceiver(ReceiverConfig{Group: netip.MustParseAddrPort(g)}); err == nil {
			t.Errorf("receiver: group %s was taken", g)
		}
		if _, err := NewSender(SenderConfig{Group: netip.MustParseAddrPort(g)}); err == nil {
			t.Errorf("sender: group %s was taken", g)
		}
	}
	for name, cfg := range map[string]SenderConfig{
		"zero value": {}, "TTL 256": {Group: ok, TTL: 256}, "TTL -1": {Group: ok, TTL: -1}, "buffer": {Group: ok, Buffer: -1},
	} {
		if _, err := NewSender(cfg); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if err := checkGroup(ok); err != nil {
		t.Error(err)
	}
}

func TestInterfaceChoice(t *testing.T) {
	lo := Interface{Name: "lo", Loopback: true, facts: facts{class: classLoopback}, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}}
	eth := Interface{Name: "eth0", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
	wifi := Interface{Name: "wlan0", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("fe80::1")}}
	v4, v6 := netip.MustParseAddr("239.192.0.1"), netip.MustParseAddr("ff15::1")
	for _, c := range []struct {
		all   []Interface
		name  string
		group netip.Addr
		want  string // a name, or a part of the error that begins with !
	}{
		{[]Interface{eth, lo}, "", v4, "eth0"},
		{[]Interface{eth, lo}, "", v6, "lo"},
		{[]Interface{lo}, "", v4, "lo"},
		{[]Interface{eth, lo}, "lo", v4, "lo"},
		{[]Interface{eth, wifi, lo}, "", v6, "wlan0"},
		{[]Interface{eth, wifi, lo}, "", v4, "!--interface: eth0 (192.0.2.1), wlan0 (192.0.2.2, fe80::1), lo"},
		{[]Interface{eth, lo}, "eth1", v4, `!"eth1" for IPv4 multicast: it does not exist, is down, or has no IPv4 address; usable: eth0`},
		{[]Interface{eth, lo}, "eth0", v6, "!usable: lo"},
		{nil, "", v4, "!none is up"},
		{nil, "eth0", v4, "!usable: none"},
	} {
		i, err := Want{Name: c.name}.choose(c.all, c.group)
		if part, wantErr := strings.CutPrefix(c.want, "!"); wantErr {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%q: got %s, %v; want an error with %q", c.name, i.Name, err, part)
			}
		} else if err != nil || i.Name != c.want {
			t.Errorf("%q: got %s, %v; want %s", c.name, i.Name, err, c.want)
		}
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	group := freeGroup(t, "239.192.7.10")
	r, s := newTestReceiver(t, ReceiverConfig{Group: group}), newTestSender(t, group)
	batch := numbered(20)
	if n := testing.AllocsPerRun(50, func() {
		if _, err := s.Send(batch); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < len(batch); {
			b, err := r.Receive()
			if err != nil {
				t.Fatal(err)
			}
			got += len(b)
		}
	}); n > 0 && runtime.GOOS == "linux" {
		t.Errorf("%v allocations a batch", n)
	}
}

// sealed returns a burst of sealed datagrams from sequence first on, in batch's buffers.
func sealed(b *testing.B, sealer *wire.Sealer, batch [][]byte, first wire.Seq, payload []byte) {
	for i := range batch {
		var err error
		h := wire.Header{Type: wire.TypeSymbol, Cast: 1, Run: 2, Seq: first + wire.Seq(i)}
		if batch[i], err = sealer.Seal(batch[i], h, payload); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkBursts has the sealing and sending, or the receiving and opening, or both timed: one core does all in turn.
func benchmarkBursts(b *testing.B, sending, receiving bool) {
	group := freeGroup(b, "239.192.7.11")
	r, s := newTestReceiver(b, ReceiverConfig{Group: group}), newTestSender(b, group)
	if err := errors.Join(r.SetReadDeadline(time.Time{}), s.SetWriteDeadline(time.Time{})); err != nil {
		b.Fatal(err)
	}
	key := wire.DeriveRunKey([32]byte{1}, 1, [32]byte{2}, [16]byte{3})
	sealer, opener := wire.NewSealer(key), wire.NewOpener(key, 1, 2)
	batch, payload := make([][]byte, 44), make([]byte, wire.SymbolSize)
	for i := range batch {
		batch[i] = make([]byte, 0, wire.MaxDatagram)
	}
	var timed time.Duration
	for n := range b.N {
		start := time.Now()
		sealed(b, sealer, batch, wire.Seq(1+n*len(batch)), payload)
		if _, err := s.Send(batch); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		for got := 0; got < len(batch); {
			in, err := r.Receive()
			if err != nil {
				b.Fatal(err)
			}
			for _, d := range in {
				if _, _, err := opener.Open(d); err != nil {
					b.Fatal(err)
				}
			}
			got += len(in)
		}
		if sending {
			timed += middle.Sub(start)
		}
		if receiving {
			timed += time.Since(middle)
		}
	}
	b.ReportMetric(float64(b.N*len(batch))/timed.Seconds(), "datagrams/s")
}

func BenchmarkSealSend(b *testing.B)            { benchmarkBursts(b, true, false) }
func BenchmarkReceiveOpen(b *testing.B)         { benchmarkBursts(b, false, true) }
func BenchmarkSealSendReceiveOpen(b *testing.B) { benchmarkBursts(b, true, true) }
