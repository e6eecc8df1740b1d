package transport

import (
	"context"
	"crypto/ed25519"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wimcast/wimcast/internal/ident"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit bounds every wait of a test.
const limit = 20 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// testKey returns the same key for the same n.
func testKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), n))
}

func publicKey(k ed25519.PrivateKey) ident.PublicKey {
	return ident.PublicKey(k.Public().(ed25519.PublicKey))
}

var loopback4 = netip.MustParseAddrPort("127.0.0.1:0")

func listen(t testing.TB, cfg Config) *Endpoint {
	t.Helper()
	if !cfg.Listen.IsValid() {
		cfg.Listen = loopback4
	}
	e, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close endpoint: %v", err)
		}
	})
	return e
}

// connect returns both ends of a connection between two new endpoints; the server trusts the client.
func connect(t testing.TB) (client, server *Conn) {
	t.Helper()
	s := listen(t, Config{Key: testKey(1), Accept: true})
	c := listen(t, Config{Key: testKey(2)})
	client, server = connectTo(t, c, s)
	server.Trust()
	return client, server
}

func connectTo(t testing.TB, c, s *Endpoint) (client, server *Conn) {
	t.Helper()
	ctx := testContext(t)
	accepted := make(chan *Conn, 1)
	go func() {
		conn, err := s.Accept(ctx)
		if err != nil {
			t.Error(err)
		}
		accepted <- conn
	}()
	client, err := c.Dial(ctx, s.Addr(), publicKey(testKey(1)))
	if err != nil {
		t.Fatal(err)
	}
	if server = <-accepted; server == nil {
		t.Fatal("not accepted")
	}
	return client, server
}
