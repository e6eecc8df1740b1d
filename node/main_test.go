package node

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/node/folder"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit bounds every wait of a test.
const limit = 60 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// testSite makes a site and returns its folder.
func testSite(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	if err := folder.InitSite(dir, "test", "distribution-point"); err != nil {
		t.Fatal(err)
	}
	return dir
}

// running is a server that can be stopped and started again at the same address.
type running struct {
	*Node
	t    *testing.T
	stop func()
}

// serve runs a server on dir until it is stopped or the test ends.
func serve(t *testing.T, dir, listen string, rate int64) *running {
	t.Helper()
	return serveOn(t, dir, Options{Listen: listen, Interface: "lo", RateMax: rate})
}

// serveOn is serve with options.
func serveOn(t *testing.T, dir string, opt Options) *running {
	t.Helper()
	s, err := Open(testContext(t), dir, catalog.RoleDistributionPoint, opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	r := &running{Node: s, t: t}
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run server: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close server: %v", err)
		}
	}
	t.Cleanup(r.stop)
	return r
}

// client makes a client of the server's site and returns its folder.
func (r *running) client() string {
	r.t.Helper()
	token, err := r.Token(testContext(r.t), TokenRequest{Addresses: []string{r.Addr().String()}})
	if err != nil {
		r.t.Fatal(err)
	}
	parsed, err := catalog.ParseToken(token.Token)
	if err != nil {
		r.t.Fatal(err)
	}
	dir := filepath.Join(r.t.TempDir(), "client")
	if err := Join(testContext(r.t), dir, "client", parsed, JoinOptions{}); err != nil {
		r.t.Fatal(err)
	}
	return dir
}

// publish writes data to a file and publishes it.
func (r *running) publish(name, version string, data []byte) PublishResult {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		r.t.Fatal(err)
	}
	res, err := r.Publish(testContext(r.t), PublishRequest{Path: path, Name: name, Version: version}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return res
}

// random returns n bytes that do not compress, always the same for a seed.
func random(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func receptionOptions() ReceptionOptions {
	var o ReceptionOptions
	o.Interface, o.Wait = "lo", limit
	return o
}

// wantFile fails the test unless the file holds data.
func wantFile(t *testing.T, path string, data []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, data) {
		t.Fatalf("%s: %d bytes, not the %d that were published", path, len(got), len(data))
	}
}

// freePort is a UDP port on the loopback interface that nobody used a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	addr := s.Addr()
	s.stop()
	return netip.AddrPortFrom(addr.Addr(), addr.Port()).String()
}
