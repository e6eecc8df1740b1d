package node

import (
	"strings"
	"testing"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/node/mesh"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// TestWhatTheCatalogueSignsFitsTheWire: the sizes of a message leave room for what is in it at its largest.
func TestWhatTheCatalogueSignsFitsTheWire(t *testing.T) {
	for what, c := range map[string]struct{ signed, message int }{
		"root":        {catalog.MaxRoot, wire.MaxRoot},
		"head":        {catalog.MaxHead, wire.MaxHead},
		"node record": {catalog.MaxNodeRecord, wire.MaxRecord},
		"manifest":    {catalog.MaxManifest, wire.MaxManifest},
		"enrolment":   {12 + catalog.MaxRoot + catalog.MaxHead + catalog.MaxNodeRecord, wire.MaxEnrolled},
		"request":     {32 + 32 + 1 + catalog.MaxName + 64, wire.MaxEnrol},
	} {
		if c.signed > c.message {
			t.Errorf("%s: up to %d bytes are signed, %d travel", what, c.signed, c.message)
		}
	}
}

func TestClipAtAndOnePast(t *testing.T) {
	long := strings.Repeat("x", mesh.WhatMax)
	if got := clip(long); got != long {
		t.Errorf("%d bytes are cut to %q", len(long), got)
	}
	if got := clip(long + "y"); len(got) != mesh.WhatMax || got != long[:mesh.WhatMax-3]+"..." {
		t.Errorf("%d bytes are cut to %d: %q", len(long)+1, len(got), got)
	}
}

// TestClientThatDoesNotReadIsCutOff: when one message more is waiting than there is room for.
func TestClientThatDoesNotReadIsCutOff(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	conn := helloTo(t, s)(testContext(t), wire.Version)
	ses := &session{conn: conn, out: make(chan any, sessionQueueMax)}
	for range sessionQueueMax {
		ses.Tell(wire.Progress{})
	}
	select {
	case <-conn.Done():
		t.Fatalf("cut off with %d messages waiting", sessionQueueMax)
	default:
	}
	ses.Tell(wire.Progress{})
	select {
	case <-conn.Done():
	case <-testContext(t).Done():
		t.Errorf("not cut off with %d messages waiting", sessionQueueMax+1)
	}
}

// TestClientInManyCasts: it is let into its last cast, and not into one more.
func TestClientInManyCasts(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	s.publish("x", "1", random(1, mib))
	e, err := s.folder.Catalogue.Lookup(catalog.Ref{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	ses := &session{node: s.Node, out: make(chan any, sessionQueueMax), casts: map[uint32]membership{}}
	for i := range uint32(sessionCastsMax - 1) {
		ses.casts[i] = membership{}
	}
	if err := ses.join(testContext(t), wire.JoinCast{Manifest: e.Manifest}); err != nil {
		t.Errorf("cast %d: %v", sessionCastsMax, err)
	}
	if err := ses.join(testContext(t), wire.JoinCast{Manifest: e.Manifest}); err == nil || !strings.Contains(err.Error(), "at most 16 casts") {
		t.Errorf("cast %d: %v", sessionCastsMax+1, err)
	}
}

// TestJoiningTwiceTakesOnePlace: or one client could fill a cast.
func TestJoiningTwiceTakesOnePlace(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	s.publish("x", "1", random(1, mib))
	e, err := s.folder.Catalogue.Lookup(catalog.Ref{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := testContext(t)
	conn := helloTo(t, s)(ctx, wire.Version)
	if _, err := transport.Await[wire.Welcome](ctx, conn); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := conn.Send(ctx, wire.JoinCast{Manifest: e.Manifest}); err != nil {
			t.Fatal(err)
		}
		if _, err := transport.Await[wire.CastInfo](ctx, conn); err != nil {
			t.Fatal(err)
		}
	}
	if casts := s.Status().Casts; len(casts) != 1 || len(casts[0].Members) != 1 {
		t.Errorf("one client that joined three times: %+v", casts)
	}
}
