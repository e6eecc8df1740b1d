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

// identity opens a client's folder for a moment.
func identity(t *testing.T, dir string) *Identity {
	t.Helper()
	site, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	id, err := IdentityOf(site)
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
	if err := s.site.Catalogue.Revoke(identity(t, dir).Key.Public()); err != nil {
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
	id := identity(t, s.client())
	ep, err := newEndpoint(id.Key, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ep.Close() })
	dial := func(ctx context.Context, version uint16) *transport.Conn {
		conn, err := dialHost(ctx, ep, s.Addr().String(), id.Point)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close("") })
		if err := conn.Send(ctx, wire.Hello{Version: version, Record: id.RecordRaw}); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	ctx := testContext(t)
	_, err = receive[wire.Welcome](ctx, dial(ctx, wire.Version+1))
	wantRefusal(t, err, wire.CodeVersion)

	conn := dial(ctx, wire.Version)
	if _, err := receive[wire.Welcome](ctx, conn); err != nil {
		t.Fatal(err)
	}
	if err := conn.Send(ctx, wire.JoinCast{}); err != nil { // as of a content that was removed meanwhile
		t.Fatal(err)
	}
	_, err = receive[wire.CastInfo](ctx, conn)
	wantRefusal(t, err, wire.CodeUnknown)
}
