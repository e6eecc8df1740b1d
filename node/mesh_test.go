package node

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/node/mesh"
	"github.com/wimcast/wimcast/node/transport"
)

// awaitNodes looks at the status until its nodes satisfy ok.
func (r *running) awaitNodes(what string, ok func([]mesh.Node) bool) []mesh.Node {
	r.t.Helper()
	ctx := testContext(r.t)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		nodes := r.Status().Nodes
		if ok(nodes) {
			return nodes
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			r.t.Fatalf("waited for %s: %+v", what, nodes)
		}
	}
}

// TestStatusShowsWhoReceives: a client is in the mesh while it receives, with what it does, and out of it when it has ended.
func TestStatusShowsWhoReceives(t *testing.T) {
	server := serve(t, testSite(t), "127.0.0.1:0", 0)
	data := random(31, 3<<20)
	server.publish("notes", "1", data)
	path := filepath.Join(t.TempDir(), "notes")
	done := make(chan error, 1)
	dir := server.client()
	go func() {
		_, err := Get(testContext(t), dir, catalog.Ref{Name: "notes"}, path, false, receptionOptions())
		done <- err
	}()
	nodes := server.awaitNodes("a client and a cast", func(n []mesh.Node) bool { return len(n) == 2 && n[0].What != "" })
	addr := nodes[0].Addr
	want := mesh.Node{
		Meta: mesh.Meta{Roles: catalog.RoleDistributionPoint, Name: "distribution-point", What: "casts notes@1"},
		ID:   server.Status().Node, Addr: addr, State: mesh.Alive, Self: true,
	}
	if nodes[0] != want || addr.Addr() != server.Addr().Addr() || addr.Port() != server.mesh.mesh.Port() {
		t.Errorf("first node %+v, want %+v", nodes[0], want)
	}
	if c := nodes[1]; c.Name != "client" || c.Roles != catalog.RolePeer || c.State != mesh.Alive || c.What != "receives notes" || c.ID == want.ID {
		t.Errorf("second node %+v", c)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	server.awaitNodes("the client to leave", func(n []mesh.Node) bool { return len(n) == 1 })
	begin := time.Now()
	server.stop()
	if took := time.Since(begin); took > time.Second {
		t.Errorf("the server took %v to stop", took)
	}
}

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// TestWithoutMeshAllElseWorks: the port is taken, or the mesh is switched off on either side.
func TestWithoutMeshAllElseWorks(t *testing.T) {
	data := random(32, 100_000)
	get := func(server *running, dir string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "x")
		if _, err := Get(testContext(t), dir, catalog.Ref{Name: "notes"}, path, false, receptionOptions()); err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, data)
	}
	server := serve(t, testSite(t), "127.0.0.1:0", 0)
	server.publish("notes", "1", data)
	dir := server.client()
	server.mesh.mesh.Close() // whom the client cannot join
	get(server, dir)

	if m := (&Node{self: &identity{Mesh: false}}).meet(); m != nil {
		t.Error("a client that keeps out of the mesh is in it")
	}
	site := testSite(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	local, err := OpenLocal(site)
	if err != nil {
		t.Fatal(err)
	}
	local.folder.Config.MeshPort = uint16(taken.Addr().(*net.TCPAddr).Port)
	var log strings.Builder
	s, err := newNode(local, nil, Options{Listen: freePort(t), Interface: "lo", Log: textLog(&log)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.mesh.mesh != nil || !strings.Contains(log.String(), "no mesh") || len(s.Status().Nodes) != 0 {
		t.Errorf("mesh %v on a port that is taken; log %q", s.mesh.mesh, log.String())
	}
}

func TestReachableAddress(t *testing.T) {
	iface := transport.Interface{Addrs: []netip.Addr{
		netip.MustParseAddr("fe80::1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("169.254.0.1"),
	}}
	for listen, want := range map[string]string{
		"::": "198.18.0.1", "0.0.0.0": "198.18.0.1", "198.18.0.9": "198.18.0.9", "::ffff:198.18.0.9": "198.18.0.9",
	} {
		if got := reachable(netip.MustParseAddr(listen), iface); got.String() != want {
			t.Errorf("listening on %s: others are told %v, want %s", listen, got, want)
		}
	}
	slices.Reverse(iface.Addrs)
	if got := reachable(netip.IPv6Unspecified(), iface); got.String() != "198.18.0.1" {
		t.Errorf("in another order: %v", got)
	}
}
