package node

import (
	"cmp"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/node/api"
	"github.com/wimcast/wimcast/node/mesh"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// leaveTimeout is the longest that taking leave of the mesh delays the end of a program. It takes that only when nobody answers.
const leaveTimeout = 200 * time.Millisecond

// startMesh opens the mesh beside the server's QUIC socket. The mesh gives hints only: without it the server goes on.
func (s *Server) startMesh(iface transport.Interface) {
	port := s.site.Config.MeshPort
	if port == 0 {
		return
	}
	at := s.Addr()
	if asked, err := resolveListen(s.opt.Listen); err == nil && asked.Port() == 0 {
		port = 0 // any port for QUIC, any for the mesh
	}
	key, err := s.site.MeshKey()
	if err == nil {
		s.mesh, err = mesh.Start(mesh.Config{
			Meta: s.meta(), ID: s.site.Node.Public(), Bind: netip.AddrPortFrom(at.Addr().Unmap(), port), Advertise: reachable(at.Addr(), iface),
			Key: key, Log: s.log,
		})
	}
	if err != nil {
		s.log.Warn("no mesh: the other nodes are not shown, all else works; choose another mesh_port in wimcast.toml, or 0 for none", "error", err)
		return
	}
	s.meshKey = key
}

// reachable picks the address that others are told: the one listened on, or the first of the casts' interface.
func reachable(listen netip.Addr, iface transport.Interface) netip.Addr {
	if listen = listen.Unmap(); !listen.IsUnspecified() {
		return listen.WithZone("")
	}
	addrs := slices.Clone(iface.Addrs)
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return cmp.Compare(awkward(a), awkward(b)) })
	return addrs[0] // an interface without addresses is not usable
}

// awkward ranks addresses by how few others may reach them.
func awkward(a netip.Addr) int {
	switch {
	case a.IsLinkLocalUnicast():
		return 2
	case a.Is6():
		return 1
	}
	return 0
}

// meta is what a distribution point says of itself. mu is held, or nobody else knows the server yet.
func (s *Server) meta() mesh.Meta {
	var names []string
	for _, c := range s.casts {
		names = append(names, c.name)
	}
	slices.Sort(names)
	what := ""
	if len(names) > 0 {
		what = "casts " + strings.Join(names, ", ")
	}
	return mesh.Meta{Roles: catalog.RoleDistributionPoint, Name: s.site.Catalogue.Record().Name, What: clip(what)}
}

// describe tells the mesh of a change of the casts. mu is held.
func (s *Server) describe() {
	if s.mesh == nil {
		return
	}
	if err := s.mesh.Update(s.meta()); err != nil {
		s.log.Debug("describe to mesh", "error", err)
	}
}

// clip shortens a text of names, which are ASCII, to what the mesh takes.
func clip(s string) string {
	const dots = "..."
	if len(s) <= mesh.WhatMax {
		return s
	}
	return s[:mesh.WhatMax-len(dots)] + dots
}

func (s *Server) meshStatus() []api.NodeStatus {
	out := []api.NodeStatus{}
	if s.mesh == nil {
		return out
	}
	for _, n := range s.mesh.Nodes() {
		out = append(out, api.NodeStatus{
			Name: n.Name, ID: n.ID.Short(), Role: n.Roles.String(), Address: n.Addr.String(), State: string(n.State), What: n.What,
		})
	}
	return out
}

func leaveMesh(m *mesh.Mesh) {
	if m != nil {
		m.Leave(leaveTimeout)
	}
}

// meeting is a client's part in the mesh, for as long as it receives.
type meeting struct {
	id   *Identity
	what string
	log  *slog.Logger

	mu    sync.Mutex
	mesh  *mesh.Mesh // nil until the distribution point has said where, or when it cannot be
	key   wire.MeshKey
	local netip.Addr
	over  bool
}

// meet has id take part in the mesh once it is connected; nil if it is not to.
func meet(id *Identity, what string, log *slog.Logger) *meeting {
	if !id.Mesh {
		return nil
	}
	m := &meeting{id: id, what: clip(what), log: log}
	id.greeted = m.greeted
	return m
}

// greeted joins through a distribution point that has just welcomed us, for the first time or again.
func (m *meeting) greeted(conn *transport.Conn, welcome wire.Welcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over || welcome.MeshPort == 0 {
		return
	}
	seed := netip.AddrPortFrom(conn.RemoteAddr().Addr(), welcome.MeshPort)
	local, err := localAddr(seed)
	if err == nil && m.mesh != nil && m.key == welcome.MeshKey && m.local == local {
		err = m.mesh.Join([]netip.AddrPort{seed})
	} else if err == nil {
		err = m.start(local, seed, welcome.MeshKey)
	}
	if err != nil {
		m.log.Debug("no mesh: other nodes do not see this one, all else works", "error", err)
	}
}

// start begins anew: for the first time, with another key, or at another address. mu is held.
func (m *meeting) start(local netip.Addr, seed netip.AddrPort, key wire.MeshKey) error {
	if m.mesh != nil {
		m.mesh.Close()
	}
	var err error
	m.mesh, err = mesh.Start(mesh.Config{
		Meta: mesh.Meta{Roles: catalog.RolePeer, Name: m.id.Name, What: m.what}, ID: m.id.Key.Public(),
		Bind: netip.AddrPortFrom(local, 0), Key: key, Seeds: []netip.AddrPort{seed}, Log: m.log,
	})
	if err != nil {
		m.mesh = nil
		return err
	}
	m.key, m.local = key, local
	return nil
}

// leave ends it. A nil meeting has nothing to end.
func (m *meeting) leave() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	leaveMesh(m.mesh)
}

// localAddr is the address of this machine from which to is reached. Nothing is sent.
func localAddr(to netip.AddrPort) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}
