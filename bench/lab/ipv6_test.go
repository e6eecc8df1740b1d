//go:build linux

package lab

import (
	"os"
	"testing"
	"time"
)

// TestIPv6Group: a site whose groups are IPv6 casts as any other.
func TestIPv6Group(t *testing.T) {
	bytes := size(8<<20, 128<<20)
	s, image, clients := setUp(t, Config{Hosts: 3, Rate: 500}, bytes)
	endServe(t, s)
	config := s.Path("dp", "wimcast.toml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, append([]byte("group_base = \"ff15::4790:0/112\"\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	var gets []*Process
	for _, h := range clients {
		gets = append(gets, s.Get(h, "image@1", h.ns+".out"))
	}
	for i, h := range clients {
		if r := s.Result(gets[i], 2*time.Minute); r.QUICBlocks > 8 {
			t.Errorf("%s: %d blocks came over QUIC", h.ns, r.QUICBlocks)
		}
		if err := SameFiles(image, s.Path(h.ns+".out")); err != nil {
			t.Error(err)
		}
	}
}
