package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/ident"
	"github.com/wimcast/wimcast/wire"
)

func TestMessagesBothWays(t *testing.T) {
	ctx := testContext(t)
	client, server := connect(t)
	if client.Node() != publicKey(testKey(1)) || server.Node() != publicKey(testKey(2)) {
		t.Error("wrong peers")
	}
	want := wire.Hello{Version: 1, Record: []byte("record")}
	if err := client.Send(ctx, want); err != nil {
		t.Fatal(err)
	}
	if got, err := server.Receive(ctx); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %v, %v", got, err)
	}
	for n := range uint32(50) {
		if err := server.Send(ctx, wire.Leave{Cast: n}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range uint32(50) {
		if got, err := client.Receive(ctx); err != nil || got != (wire.Leave{Cast: n}) {
			t.Fatalf("got %v, %v", got, err)
		}
	}
	a, err := client.ExportKey("EXPORTER-test")
	b, err2 := server.ExportKey("EXPORTER-test")
	if err != nil || err2 != nil || a != b || a == [32]byte{} {
		t.Errorf("exported keys differ: %v %v", err, err2)
	}
}

func TestReports(t *testing.T) {
	ctx := testContext(t)
	client, server := connect(t)
	r := wire.Report{Serial: 7, Deficits: make([]wire.Deficit, wire.MaxDeficits)}
	for i := range r.Deficits {
		r.Deficits[i].Need = 1
	}
	if err := client.SendReport(r); err != nil { // the largest must fit a packet of 1200 bytes
		t.Fatal(err)
	}
	got, err := server.ReceiveReport(ctx) // skips the padding
	if err != nil || got.Serial != 7 || len(got.Deficits) != wire.MaxDeficits {
		t.Fatalf("%+v %v", got, err)
	}
	r.Deficits = append(r.Deficits, wire.Deficit{Need: 1})
	if err := client.SendReport(r); err == nil {
		t.Error("a report past its limit was sent")
	}
}

// A Receive that is given up must not lose the message that comes later.
func TestReceiveGivenUpLosesNothing(t *testing.T) {
	ctx := testContext(t)
	client, server := connect(t)
	if err := client.Send(ctx, wire.Leave{Cast: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithCancel(ctx)
	result := make(chan error)
	go func() {
		_, err := server.Receive(short)
		result <- err
	}()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if err := client.Send(ctx, wire.Leave{Cast: 2}); err != nil {
		t.Fatal(err)
	}
	if got, err := server.Receive(ctx); err != nil || got != (wire.Leave{Cast: 2}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestStrangerMaySayOnlyHelloOrEnrol(t *testing.T) {
	ctx := testContext(t)
	s := listen(t, Config{Key: testKey(1), Accept: true})
	client, server := connectTo(t, listen(t, Config{Key: testKey(2)}), s)
	if err := server.Serve(ctx, nil); err == nil {
		t.Error("a stranger is served")
	}
	if err := client.Send(ctx, wire.GetHead{}); err != nil {
		t.Fatal(err)
	}
	if got, err := server.Receive(ctx); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("got %v, %v", got, err)
	}
	<-client.Done()
	if err := client.cause(); err == nil || !strings.Contains(err.Error(), "out of place") {
		t.Errorf("the client was told: %v", err)
	}
}

func TestDialRefusesAnotherKey(t *testing.T) {
	ctx := testContext(t)
	s := listen(t, Config{Key: testKey(3), Accept: true})
	c := listen(t, Config{Key: testKey(2)})
	_, err := c.Dial(ctx, s.Addr(), publicKey(testKey(1)))
	if !errors.Is(err, ErrOtherPeer) {
		t.Errorf("got %v", err)
	}
}

func TestDialWithoutAnswerSaysSo(t *testing.T) {
	mute, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback4))
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	at := mute.LocalAddr().(*net.UDPAddr).AddrPort()
	ctx, cancel := context.WithTimeout(testContext(t), 300*time.Millisecond)
	defer cancel()
	_, err = listen(t, Config{Key: testKey(2)}).Dial(ctx, at, publicKey(testKey(1)))
	if err == nil || !strings.Contains(err.Error(), at.String()) || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("got %v", err)
	}
}

func TestWrongClocksDoNotMatter(t *testing.T) {
	now := time.Now()
	for name, off := range map[string]time.Duration{"back": -30 * 8766 * time.Hour, "ahead": 30 * 8766 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			ctx := testContext(t)
			clock := func() time.Time { return now.Add(off) }
			s := listen(t, Config{Key: testKey(1), Accept: true})
			client, server := connectTo(t, listen(t, Config{Key: testKey(2), now: clock}), s)
			if err := client.Send(ctx, wire.Enrol{}); err != nil {
				t.Fatal(err)
			}
			if _, err := server.Receive(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCloseTellsThePeerWhy(t *testing.T) {
	ctx := testContext(t)
	client, server := connect(t)
	if err := server.Close("the disk is full"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Receive(ctx); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("got %v", err)
	}
	<-client.Done()
	if server.cause() == nil || client.cause() == nil {
		t.Error("no cause")
	}
}

func TestClosedEndpointEndsAccept(t *testing.T) {
	s := listen(t, Config{Key: testKey(1), Accept: true})
	result := make(chan error)
	go func() {
		_, err := s.Accept(testContext(t))
		result <- err
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestPortInUseSaysWhatToDo(t *testing.T) {
	s := listen(t, Config{Key: testKey(1), Accept: true})
	_, err := Listen(Config{Key: testKey(1), Listen: s.Addr()})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("UDP port %d is in use", s.Addr().Port())) {
		t.Errorf("got %v", err)
	}
}

func TestIPv6(t *testing.T) {
	ctx := testContext(t)
	s, err := Listen(Config{Key: testKey(1), Accept: true, Listen: netip.MustParseAddrPort("[::1]:0")})
	if err != nil {
		if !hasIPv6() {
			t.Logf("this host has no IPv6 loopback address: %v", err)
			return
		}
		t.Fatal(err)
	}
	defer s.Close()
	client, server := connectTo(t, listen(t, Config{Key: testKey(2), Listen: netip.MustParseAddrPort("[::]:0")}), s)
	if err := client.Send(ctx, wire.Enrol{}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Receive(ctx); err != nil {
		t.Error(err)
	}
}

// The zero Listen address is one socket for both families: IPv4 peers must be counted and trusted all the same.
func TestIPv4ThroughTheSocketOfBothFamilies(t *testing.T) {
	ctx := testContext(t)
	s, err := Listen(Config{Key: testKey(1), Accept: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := Listen(Config{Key: testKey(2)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), s.Addr().Port())
	client, err := c.Dial(ctx, at, publicKey(testKey(1)))
	if err != nil {
		t.Fatal(err)
	}
	server, err := s.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	server.Trust()
	if got := server.RemoteAddr().Addr(); got != at.Addr() {
		t.Errorf("remote address %s", got)
	}
	if err := client.Send(ctx, wire.Enrol{}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error)
	go func() { sent <- server.Send(ctx, wire.Enrolled{Payload: make([]byte, wire.MaxEnrolled)}) }()
	if _, err := client.Receive(ctx); err != nil {
		t.Error(err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func hasIPv6() bool {
	all, _ := Interfaces()
	_, err := Want{}.pick(all, netip.MustParseAddr("ff15::1"))
	return err == nil
}

// memory is a Source.
type memory struct {
	chunks    map[chunk.ID][]byte
	manifests map[ident.ManifestHash][]byte
	trouble   atomic.Bool   // every answer is an error
	hold      chan struct{} // when set, Chunk waits for it
	waiting   chan struct{}
}

func (m *memory) Chunk(ctx context.Context, id chunk.ID, buf []byte) ([]byte, error) {
	if m.hold != nil {
		m.waiting <- struct{}{}
		select {
		case <-m.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if m.trouble.Load() {
		return nil, errors.New("disk trouble")
	}
	if b, ok := m.chunks[id]; ok {
		return append(buf[:0], b...), nil
	}
	return nil, ErrNotHeld
}

func (m *memory) Manifest(_ context.Context, hash ident.ManifestHash) (io.ReadCloser, int64, error) {
	if b, ok := m.manifests[hash]; ok {
		return io.NopCloser(bytes.NewReader(b)), int64(len(b)), nil
	}
	return nil, 0, ErrNotHeld
}

// serve runs Serve for the length of the test.
func serve(t testing.TB, c *Conn, src Source) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Serve(ctx, src); err == nil {
			t.Error("Serve ended without an error")
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func TestFetch(t *testing.T) {
	ctx := testContext(t)
	client, server := connect(t)
	data := bytes.Repeat([]byte("wimcast "), chunk.MaxSize/8)
	id, small := chunk.Sum(data), chunk.Sum([]byte("x"))
	lie := chunk.Sum([]byte("the truth"))
	manifest := bytes.Repeat([]byte("manifest"), 200_000)
	hash := ident.ManifestHash(chunk.Sum(manifest))
	src := &memory{
		chunks:    map[chunk.ID][]byte{id: data, small: []byte("x"), lie: []byte("a lie")},
		manifests: map[ident.ManifestHash][]byte{hash: manifest},
	}
	if err := client.Send(ctx, wire.Enrol{}); err != nil { // lets the server see the control stream
		t.Fatal(err)
	}
	serve(t, server, src)
	buf := make([]byte, 0, chunk.MaxSize)
	for _, c := range []struct {
		id   chunk.ID
		want []byte
	}{{id, data}, {small, []byte("x")}, {id, data}} {
		if got, err := client.Fetch(ctx, c.id, buf); err != nil || !bytes.Equal(got, c.want) || &got[0] != &buf[:1][0] {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
	if _, err := client.Fetch(ctx, chunk.ID{}, nil); !errors.Is(err, ErrNotHeld) {
		t.Errorf("unknown chunk: %v", err)
	}
	if got, err := client.Fetch(ctx, lie, nil); err != nil || string(got) != "a lie" {
		t.Errorf("wrong bytes come as %q, %v: whoever asked must see them as they came", got, err)
	}
	var got bytes.Buffer
	if err := client.Manifest(ctx, hash, &got); err != nil || !bytes.Equal(got.Bytes(), manifest) {
		t.Errorf("manifest: %d bytes, %v", got.Len(), err)
	}
	if err := client.Manifest(ctx, ident.ManifestHash(lie), &got); !errors.Is(err, ErrNotHeld) {
		t.Errorf("unknown manifest: %v", err)
	}
	src.trouble.Store(true)
	if _, err := client.Fetch(ctx, small, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("a source in trouble: %v", err)
	}
}

// More fetches than an endpoint or a connection answers at a time: none fails but those told to come later.
func TestFetchBeyondTheLimits(t *testing.T) {
	ctx := testContext(t)
	client, server := connect(t)
	id := chunk.Sum([]byte("x"))
	src := &memory{
		chunks: map[chunk.ID][]byte{id: []byte("x")},
		hold:   make(chan struct{}), waiting: make(chan struct{}, 100),
	}
	if err := client.Send(ctx, wire.Enrol{}); err != nil {
		t.Fatal(err)
	}
	serve(t, server, src)
	const n = maxStreams + 5
	results := make(chan error, n)
	for range n {
		go func() {
			_, err := client.Fetch(ctx, id, nil)
			results <- err
		}()
	}
	for range maxServingOne {
		<-src.waiting
	}
	if len(src.waiting) != 0 {
		t.Error("more answers at a time than the limit")
	}
	close(src.hold)
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	for range maxServing { // as if others kept the endpoint busy
		server.endpoint.serving <- struct{}{}
	}
	if _, err := client.Fetch(ctx, id, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	client, server := connect(t)
	if err := client.Send(testContext(t), wire.Enrol{}); err != nil {
		t.Fatal(err)
	}
	id := chunk.Sum([]byte("x"))
	src := &memory{hold: make(chan struct{}), waiting: make(chan struct{}, 1)}
	serve(t, server, src)
	ctx, cancel := context.WithCancel(testContext(t))
	result := make(chan error)
	go func() {
		_, err := client.Fetch(ctx, id, nil)
		result <- err
	}()
	<-src.waiting
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkFetch(b *testing.B) {
	ctx := context.Background()
	client, server := connect(b)
	data := make([]byte, chunk.MaxSize)
	id := chunk.Sum(data)
	if err := client.Send(ctx, wire.Enrol{}); err != nil {
		b.Fatal(err)
	}
	serve(b, server, &memory{chunks: map[chunk.ID][]byte{id: data}})
	b.SetBytes(chunk.MaxSize)
	b.SetParallelism(2)
	b.RunParallel(func(p *testing.PB) {
		buf := make([]byte, 0, chunk.MaxSize)
		for p.Next() {
			if _, err := client.Fetch(ctx, id, buf); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
