package receive

import (
	"context"
	"crypto/ed25519"
	"net/netip"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/ident"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/peer"
	"github.com/wimcast/wimcast/wire"
)

// connected returns a connection to an endpoint on this machine that only accepts.
func connected(t *testing.T) *transport.Conn {
	t.Helper()
	listen := func(n byte, accept bool) (*transport.Endpoint, ed25519.PrivateKey) {
		key := ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), n))
		e, err := transport.Listen(transport.Config{Key: key, Listen: netip.MustParseAddrPort("127.0.0.1:0"), Accept: accept})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		return e, key
	}
	server, key := listen(1, true)
	client, _ := listen(2, false)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, err := client.Dial(ctx, server.Addr(), ident.PublicKey(key.Public().(ed25519.PublicKey)))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestSenderThatDoesNotReadIsLeft: when one message more is waiting than there is room for. Reports are dropped
// instead.
func TestSenderThatDoesNotReadIsLeft(t *testing.T) {
	conn := connected(t)
	r := &receiver{run: &run{conn: conn, tell: make(chan any, tellMax), reports: make(chan wire.Report, 1)}}
	for range tellMax {
		r.send(peer.SendStream{Msg: wire.Held{}})
		r.send(peer.SendReport{})
	}
	select {
	case <-conn.Done():
		t.Fatalf("left with %d messages waiting", tellMax)
	default:
	}
	r.send(peer.SendStream{Msg: wire.Held{}})
	select {
	case <-conn.Done():
	case <-time.After(20 * time.Second):
		t.Errorf("not left with %d messages waiting", tellMax+1)
	}
}
