//go:build linux

package transport

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wimcast/wimcast/wire"
)

// space is a network namespace of its own, on a thread of its own. It is gone with its last socket.
type space struct {
	thread int
	work   chan func()
}

// newSpace makes a namespace, or skips the test: in CI that is a failure.
func newSpace(t *testing.T) *space {
	t.Helper()
	s := &space{work: make(chan func())}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
		started <- unix.Unshare(unix.CLONE_NEWNET)
		for f := range s.work {
			f()
		}
	}()
	t.Cleanup(func() { close(s.work) })
	err := <-started
	for _, tool := range []string{"ip", "tc"} {
		if _, e := exec.LookPath(tool); e != nil {
			err = e
		}
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("needs root and the package iproute2: %v", err)
		}
		t.Skipf("needs root and the package iproute2: %v", err)
	}
	s.do(func() { s.thread = unix.Gettid() })
	return s
}

// do runs f in the namespace.
func (s *space) do(f func()) {
	done := make(chan struct{})
	s.work <- func() { defer close(done); f() }
	<-done
}

// run runs commands in the namespace, one a line.
func (s *space) run(t *testing.T, commands string) {
	t.Helper()
	s.do(func() {
		for line := range strings.Lines(commands) {
			args := strings.Fields(line)
			if len(args) == 0 {
				continue
			}
			if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", line, err, out)
			}
		}
	})
	if t.Failed() {
		t.FailNow()
	}
}

// await runs a command until it succeeds.
func (s *space) await(t *testing.T, command string) {
	t.Helper()
	args := strings.Fields(command)
	deadline := time.Now().Add(limit)
	var out []byte
	var err error
	s.do(func() {
		for time.Now().Before(deadline) {
			if out, err = exec.Command(args[0], args[1:]...).CombinedOutput(); err == nil {
				return
			}
		}
	})
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
}

// link returns two namespaces joined by a link: wct0 in the first, wct1 in the second.
func link(t *testing.T) (a, b *space) {
	t.Helper()
	a, b = newSpace(t), newSpace(t)
	a.run(t, fmt.Sprintf(`ip link add wct0 type veth peer name wct1 netns %d
		ip addr add 198.18.7.1/24 dev wct0
		ip -6 addr add 2001:2::7:1/64 dev wct0 nodad
		ip link set wct0 up`, b.thread))
	b.run(t, `ip addr add 198.18.7.2/24 dev wct1
		ip -6 addr add 2001:2::7:2/64 dev wct1 nodad
		ip link set wct1 up`)
	a.await(t, "ip -6 route get ff15::7:1 oif wct0") // there once the link has a carrier
	b.await(t, "ip -6 route get ff15::7:1 oif wct1")
	return a, b
}

// open opens a sender in a and a receiver in b; neither names its interface.
func open(t *testing.T, a, b *space, group string) (s *Sender, r *Receiver) {
	t.Helper()
	g := netip.MustParseAddrPort(group)
	var err, err2 error
	b.do(func() { r, err = NewReceiver(ReceiverConfig{Group: g, Buffer: 64 << 20}) })
	a.do(func() { s, err2 = NewSender(SenderConfig{Group: g}) })
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	t.Cleanup(func() { _, _ = s.Close(), r.Close() })
	if err := s.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if err := r.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	return s, r
}

// What the kernel says of what it made up: a bridge comes after an Ethernet that leads somewhere, and a tunnel after it.
func TestKernelTellsWhatIsBehindAnInterface(t *testing.T) {
	a, _ := link(t)
	a.run(t, `ip link set lo up
		ip link add name aabridge type bridge
		ip addr add 172.31.1.1/24 dev aabridge
		ip link set aabridge up
		ip tuntap add name aatap mode tap
		ip addr add 172.31.2.1/24 dev aatap
		ip link set aatap up
		ip route add default via 198.18.7.2 dev wct0`)
	var all []Interface
	var err error
	var over Choice
	a.do(func() {
		all, err = Interfaces()
		over, _ = Want{}.Choose(netip.MustParseAddr("239.192.0.1"))
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range all {
		got = append(got, i.Name)
	}
	if want := "wct0 aabridge aatap lo"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
	if over.Name != "wct0" || !over.routed {
		t.Errorf("chose %s because %s", over.Name, over.Why)
	}
}

// A link slower than the sender blocks it, and the queue before the link loses nothing.
func TestSlowLinkBlocksTheSenderWithoutLoss(t *testing.T) {
	for _, queue := range []string{"tbf rate 500mbit burst 256k latency 20ms", "tbf rate 100mbit burst 64k latency 100ms"} {
		t.Run(queue, func(t *testing.T) {
			a, b := link(t)
			a.run(t, "tc qdisc add dev wct0 root "+queue)
			s, r := open(t, a, b, "239.192.7.1:4790")
			batch := make([][]byte, 16)
			for i := range batch {
				batch[i] = make([]byte, wire.MaxDatagram)
			}
			const total = 16 * 1500 // 35 MB
			start := time.Now()
			sent := make(chan error, 1)
			go func() {
				for range total / len(batch) {
					if _, err := s.Send(batch); err != nil {
						sent <- err
						return
					}
				}
				sent <- nil
			}()
			for got := 0; got < total; {
				in, err := r.Receive()
				if err != nil {
					t.Fatalf("%d of %d datagrams are lost: %v", total-got, total, err)
				}
				got += len(in)
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			t.Logf("%.0f Mbit/s of UDP payload, GSO %v", total*wire.MaxDatagram*8/time.Since(start).Seconds()/1e6, s.stats.GSO)
		})
	}
}

func TestIPv6Multicast(t *testing.T) {
	a, b := link(t)
	s, r := open(t, a, b, "[ff15::7:1]:4790")
	want := numbered(300)
	if _, err := s.Send(want); err != nil {
		t.Fatal(err)
	}
	expect(t, r, want)
}

// Datagrams that do not fit the link's MTU are fragmented, and the kernel's refusal to cut batches costs none.
func TestMTU1280(t *testing.T) {
	for _, group := range []string{"239.192.7.1:4790", "[ff15::7:1]:4790"} {
		t.Run(group, func(t *testing.T) {
			a, b := link(t)
			a.run(t, "ip link set wct0 mtu 1280")
			b.run(t, "ip link set wct1 mtu 1280")
			s, r := open(t, a, b, group)
			want := numbered(300)
			if n, err := s.Send(want); n != len(want) || err != nil {
				t.Fatal(n, err)
			}
			expect(t, r, want)
		})
	}
}

// QUIC finds its way over a path that carries 1280 bytes, though the ends' links carry 1500.
func TestQUICOverMTU1280(t *testing.T) {
	a, b := link(t)
	b.run(t, "ip link set wct1 mtu 1280")
	var s, c *Endpoint
	var err, err2 error
	b.do(func() {
		s, err = Listen(Config{Key: testKey(1), Accept: true, Listen: netip.MustParseAddrPort("198.18.7.2:4791")})
	})
	a.do(func() {
		c, err2 = Listen(Config{Key: testKey(2), Listen: netip.MustParseAddrPort("198.18.7.1:0")})
	})
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	defer s.Close()
	defer c.Close()
	client, server := connectTo(t, c, s)
	ctx := testContext(t)
	server.Trust()
	if err := client.Send(ctx, wire.Enrol{Payload: make([]byte, wire.MaxEnrol)}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	report := wire.Report{Deficits: make([]wire.Deficit, wire.MaxDeficits)}
	for i := range report.Deficits {
		report.Deficits[i].Need = 1
	}
	if err := client.SendReport(report); err != nil {
		t.Fatal(err)
	}
	if _, err := server.ReceiveReport(ctx); err != nil {
		t.Fatal(err)
	}
}

// A dead peer is noticed, and so says the error.
func TestDeadPeerIsNoticed(t *testing.T) {
	a, b := link(t)
	var s, c *Endpoint
	var err, err2 error
	b.do(func() {
		s, err = Listen(Config{Key: testKey(1), idle: time.Second, Accept: true, Listen: netip.MustParseAddrPort("198.18.7.2:4791")})
	})
	a.do(func() {
		c, err2 = Listen(Config{Key: testKey(2), idle: time.Second, Listen: netip.MustParseAddrPort("198.18.7.1:0")})
	})
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	defer s.Close()
	defer c.Close()
	client, _ := connectTo(t, c, s)
	b.run(t, "ip link set wct1 down")
	start := time.Now()
	<-client.Done()
	if took := time.Since(start); took > 3*time.Second || !strings.Contains(fmt.Sprint(client.cause()), "does not answer any more") {
		t.Errorf("noticed after %s: %v", took, client.cause())
	}
}

// A link that goes down and comes back: Send says so while it is down and goes on by itself afterwards.
func TestSendGoesOnWhenTheLinkIsBack(t *testing.T) {
	for _, group := range []string{"239.192.7.1:4790", "[ff15::7:1]:4790"} {
		t.Run(group, func(t *testing.T) {
			a, b := link(t)
			s, r := open(t, a, b, group)
			want := numbered(20)
			if _, err := s.Send(want); err != nil {
				t.Fatal(err)
			}
			expect(t, r, want)
			a.run(t, "ip link set wct0 down")
			if n, err := s.Send(want); n != 0 || err == nil {
				t.Errorf("link down: %d sent, %v", n, err)
			}
			a.run(t, "ip link set wct0 up")
			a.await(t, "ip -6 route get ff15::7:1 oif wct0")
			if n, err := s.Send(want); n != len(want) || err != nil {
				t.Errorf("link up again: %d sent, %v", n, err)
			}
			expect(t, r, want)
		})
	}
}
