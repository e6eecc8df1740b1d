package transport

import (
	"context"
	"testing"
)

// TestConnectionsAtAndOnePast: each bound by itself, and a place that is free again is given away again.
func TestConnectionsAtAndOnePast(t *testing.T) {
	for name, c := range map[string]struct {
		incoming, untrusted int
		want                bool
	}{
		"the last one":              {maxConns - 1, 0, true},
		"one too many":              {maxConns, 0, false},
		"the last untrusted one":    {maxUntrusted - 1, maxUntrusted - 1, true},
		"one untrusted too many":    {maxUntrusted, maxUntrusted, false},
		"the last one of each kind": {maxConns - 1, maxUntrusted - 1, true},
	} {
		e := &Endpoint{incoming: c.incoming, untrusted: c.untrusted}
		ctx, cancel := context.WithCancel(t.Context())
		got, err := e.admit(ctx, nil)
		if (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			got.Value(seatKey{}).(*seat).trust()
			if e.untrusted != c.untrusted {
				t.Errorf("%s: %d are untrusted when it is trusted, want %d", name, e.untrusted, c.untrusted)
			}
		}
		cancel()
	}
}
