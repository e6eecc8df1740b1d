package node

import (
	"cmp"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/node/mesh"
	"github.com/wimcast/wimcast/node/transport"
	"github.com/wimcast/wimcast/wire"
)

// leaveTimeout is the longest that taking leave of the mesh delays the end of a program. It takes that only when nobody answers.
const leaveTimeout = 200 * time.Millisecond

// presence is a node's part in the mesh, which gives hints only: without it the node goes on. A nil presence keeps out.
type presence struct {
	id   catalog.NodeID
	log  *slog.Logger // for what the mesh itself has to say
	tell func(event.Event)

	mu    sync.Mutex
	meta  mesh.Meta
	mesh  *mesh.Mesh // nil until it has begun, or when it cannot
	key   wire.MeshKey
	local netip.Addr // the address at which it is in the mesh
	over  bool
}

// gather opens the mesh beside a distribution point's endpoint, for others to join.
func (n *Node) gather(iface transport.Interface) *presence {
	port := n.folder.Config.MeshPort
	if port == 0 {
		return nil
	}
	at := n.Addr()
	if asked, err := resolveListen(n.opt.Listen); err == nil && asked.Port() == 0 {
		port = 0 // any port for QUIC, any for the mesh
	}
	p := &presence{
		id: n.key.Public(), log: n.log, tell: n.events.About(""), meta: mesh.Meta{Roles: catalog.RoleDistributionPoint, Name: n.folder.Catalogue.Record().Name},
	}
	key, err := n.folder.MeshKey()
	if err == nil {
		err = p.start(mesh.Config{Bind: netip.AddrPortFrom(at.Addr().Unmap(), port), Advertise: reachable(at.Addr(), iface), Key: key})
	}
	if err != nil {
		n.events.Put("", event.MeshMissing{Why: err.Error()})
	}
	return p
}

// meet has a peer join the mesh once it is welcomed by a distribution point.
func (n *Node) meet() *presence {
	if !n.self.Mesh {
		return nil
	}
	return &presence{id: n.key.Public(), log: n.log, tell: n.events.About(""), meta: mesh.Meta{Roles: catalog.RolePeer, Name: n.self.Name}}
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

// describe tells the mesh of a change of the casts. mu is held.
func (n *Node) describe() {
	var names []string
	for _, c := range n.running() {
		names = append(names, c.Name())
	}
	slices.Sort(names)
	what := ""
	if len(names) > 0 {
		what = "casts " + strings.Join(names, ", ")
	}
	n.mesh.describe(what)
}

// describe says what the node does now.
func (p *presence) describe(what string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meta.What = clip(what)
	if p.mesh == nil || p.over {
		return
	}
	if err := p.mesh.Update(p.meta); err != nil {
		p.tell(event.MeshUntold{Why: err.Error()})
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

// nodes lists who is in the mesh.
func (p *presence) nodes() []mesh.Node {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mesh == nil {
		return nil
	}
	return p.mesh.Nodes()
}

// invitation is what somebody who is welcomed needs to join; port 0: there is nothing to join.
func (p *presence) invitation() (key wire.MeshKey, port uint16) {
	if p == nil {
		return key, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mesh == nil {
		return key, 0
	}
	return p.key, p.mesh.Port()
}

// greeted joins through a distribution point that has just welcomed us, for the first time or again.
func (p *presence) greeted(conn *transport.Conn, welcome wire.Welcome) {
	if p == nil || welcome.MeshPort == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	seed := netip.AddrPortFrom(conn.RemoteAddr().Addr(), welcome.MeshPort)
	local, err := transport.LocalAddr(seed)
	if err == nil && p.mesh != nil && p.key == welcome.MeshKey && p.local == local {
		err = p.mesh.Join([]netip.AddrPort{seed})
	} else if err == nil {
		err = p.start(mesh.Config{Bind: netip.AddrPortFrom(local, 0), Key: welcome.MeshKey, Seeds: []netip.AddrPort{seed}})
	}
	if err != nil {
		p.tell(event.MeshUnjoined{Why: err.Error()})
	}
}

// start begins anew: for the first time, with another key, or at another address. mu is held, or nobody else knows p.
func (p *presence) start(cfg mesh.Config) error {
	if p.mesh != nil {
		p.mesh.Close()
	}
	cfg.Meta, cfg.ID, cfg.Log = p.meta, p.id, p.log
	var err error
	p.mesh, err = mesh.Start(cfg)
	if err != nil {
		p.mesh = nil
		return err
	}
	p.key, p.local = cfg.Key, cfg.Bind.Addr()
	return nil
}

// leave ends it.
func (p *presence) leave() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.mesh != nil {
		p.mesh.Leave(leaveTimeout)
	}
}
