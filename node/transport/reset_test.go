package transport

import (
	"testing"
	"time"

	"github.com/wimcast/wimcast/wire"
)

// TestRestartedNodeIsNoticedAtOnce: a node that was killed says nothing to its peers, but when it is back its peers need not
// wait for a time-out to learn that it forgot them.
func TestRestartedNodeIsNoticedAtOnce(t *testing.T) {
	s, err := Listen(Config{Key: testKey(1), Accept: true, Listen: loopback4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // its socket is closed already
	c := listen(t, Config{Key: testKey(2)})
	client, server := connectTo(t, c, s)
	server.Trust()
	addr := s.Addr()
	if err := s.guard.UDPConn.Close(); err != nil { // as kill -9 does: without a word
		t.Fatal(err)
	}
	listen(t, Config{Key: testKey(1), Accept: true, Listen: addr})
	start := time.Now()
	ask := time.NewTicker(20 * time.Millisecond)
	defer ask.Stop()
	for {
		select {
		case <-client.Done():
			if took := time.Since(start); took > idleTimeout/2 {
				t.Errorf("noticed after %v, no sooner than by the time-out", took)
			}
			return
		case <-ask.C:
			_ = client.SendReport(wire.Report{Deficits: make([]wire.Deficit, wire.MaxDeficits)})
		case <-testContext(t).Done():
			t.Fatal("not noticed")
		}
	}
}
