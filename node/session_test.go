package node

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/node/folder"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// whoIs opens a peer's folder for a moment.
func whoIs(t *testing.T, dir string) *identity {
	t.Helper()
	own, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	id, err := identityOf(own)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// wantRefusal fails the test unless err is the other side's word with that code.
func wantRefusal(t *testing.T, err error, code wire.ErrorCode) {
	t.Helper()
	var refused wire.Error
	if !errors.As(err, &refused) || refused.Code != code {
		t.Errorf("%v, want a refusal with code %d", err, code)
	}
}

func TestRevokedClientIsToldAndDoesNotTryAgain(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	s.publish("x", "1", random(1, mib))
	dir := s.client()
	if err := s.folder.Catalogue.Revoke(whoIs(t, dir).Key.Public()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err := Get(testContext(t), dir, catalog.Ref{Name: "x"}, filepath.Join(t.TempDir(), "x"), false, receptionOptions())
	wantRefusal(t, err, wire.CodeNotMember)
	if took := time.Since(start); took > limit/4 {
		t.Errorf("refused only after %v", took)
	}
}

func TestWhatTheServerRefusesHasItsCode(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	dial := helloTo(t, s)
	ctx := testContext(t)
	_, err := transport.Await[wire.Welcome](ctx, dial(ctx, wire.Version+1))
	wantRefusal(t, err, wire.CodeVersion)

	conn := dial(ctx, wire.Version)
	if _, err := transport.Await[wire.Welcome](ctx, conn); err != nil {
		t.Fatal(err)
	}
	if err := conn.Send(ctx, wire.JoinCast{}); err != nil { // as of a content that was removed meanwhile
		t.Fatal(err)
	}
	_, err = transport.Await[wire.CastInfo](ctx, conn)
	wantRefusal(t, err, wire.CodeUnknown)
}

// helloTo makes a client of s, and returns a function that dials and says hello in a version of the protocol.
func helloTo(t *testing.T, s *running) func(context.Context, uint16) *transport.Conn {
	t.Helper()
	id := whoIs(t, s.client())
	n, err := dialling(id.Key, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return func(ctx context.Context, version uint16) *transport.Conn {
		conn, err := n.dialHost(ctx, s.Addr().String(), id.Point)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close("") })
		if err := conn.Send(ctx, wire.Hello{Version: version, Record: id.RecordRaw}); err != nil {
			t.Fatal(err)
		}
		return conn
	}
}

// TestReceivingNodeAnswersWhoConnects: a node in its receiving role has the same endpoint, which accepts if it listens. What it
// is not, it says.
func TestReceivingNodeAnswersWhoConnects(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	dir := s.client()
	ctx, cancel := context.WithCancel(testContext(t))
	peer, err := Open(ctx, dir, catalog.RolePeer, Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- peer.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, peer.Close()); err != nil {
			t.Error(err)
		}
	})
	up, _, err := peer.connect(ctx) // it dials at the same time
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close("")
	other := whoIs(t, s.client())
	n, err := newNode(nil, other, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	conn, err := n.dialHost(ctx, peer.Addr().String(), peer.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close("") })
	_, err = hello(ctx, conn, other, wire.Nonce{1})
	wantRefusal(t, err, wire.CodeUnknown)
}
