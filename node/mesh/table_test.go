package mesh

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/wimcast/wimcast/internal/ident"
)

func testNode(n int) *memberlist.Node {
	return &memberlist.Node{
		Name: fmt.Sprintf("%064x-%08x", n, n), Addr: net.IPv4(127, 0, 0, 1), Port: 1,
		Meta: Meta{Roles: ident.RolePeer, Name: "n"}.append(nil),
	}
}

func TestTableIsBounded(t *testing.T) {
	table := newTable("")
	for n := range nodesMax {
		if err := table.NotifyAlive(testNode(n)); err != nil {
			t.Fatalf("node %d: %v", n, err)
		}
		table.NotifyJoin(testNode(n))
	}
	if err := table.NotifyAlive(testNode(nodesMax)); err != errFull {
		t.Errorf("one node too many: %v", err)
	}
	if err := table.NotifyAlive(testNode(0)); err != nil {
		t.Errorf("a known node: %v", err)
	}
	table.NotifyLeave(testNode(5))
	if err := table.NotifyAlive(testNode(nodesMax)); err != nil {
		t.Errorf("after one has left: %v", err)
	}
}

func TestTableRefusesWhatCannotBeShown(t *testing.T) {
	for name, spoil := range map[string]func(*memberlist.Node){
		"name":        func(n *memberlist.Node) { n.Name = "pc7" },
		"short ID":    func(n *memberlist.Node) { n.Name = n.Name[2:] },
		"no suffix":   func(n *memberlist.Node) { n.Name = n.Name[:64] },
		"no address":  func(n *memberlist.Node) { n.Addr = nil },
		"no port":     func(n *memberlist.Node) { n.Port = 0 },
		"no metadata": func(n *memberlist.Node) { n.Meta = nil },
		"much":        func(n *memberlist.Node) { n.Meta = make([]byte, memberlist.MetaMaxSize) },
	} {
		n := testNode(1)
		spoil(n)
		if err := newTable("").NotifyAlive(n); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestWhoDoesNotAnswerIsSuspect(t *testing.T) {
	table := newTable(testNode(0).Name)
	for n := range 3 {
		table.NotifyJoin(testNode(n))
	}
	now := time.Now()
	state := func(after time.Duration) (s []State) {
		for _, n := range table.nodes(now.Add(after), time.Second) {
			s = append(s, n.State)
		}
		return s
	}
	if got := fmt.Sprint(state(5 * time.Second)); got != "[alive alive alive]" {
		t.Errorf("after 5 s: %v", got)
	}
	if got := fmt.Sprint(state(7 * time.Second)); got != "[alive suspect suspect]" { // it is never in doubt of itself
		t.Errorf("after 7 s: %v", got)
	}
	e := table.entries[testNode(1).Name]
	e.heard = now.Add(-time.Hour)
	table.entries[testNode(1).Name] = e
	if got := fmt.Sprint(state(0)); got != "[alive suspect alive]" {
		t.Errorf("after an hour of silence: %v", got)
	}
	table.NotifyPingComplete(testNode(1), 0, nil)
	if got := fmt.Sprint(state(0)); got != "[alive alive alive]" {
		t.Errorf("after an answer: %v", got)
	}
}

func TestMetaAtItsLimits(t *testing.T) {
	most := Meta{Roles: ident.RolePeer, Name: strings.Repeat("n", nameMax), What: strings.Repeat("w", WhatMax)}
	if b := most.append(nil); len(b) != metaMax || len(b) > memberlist.MetaMaxSize {
		t.Errorf("%d bytes", len(b))
	}
	for _, m := range []Meta{most, {Roles: ident.RoleDistributionPoint, Name: "Büro 7", What: "casts win@1"}} {
		b := m.append(nil)
		if got, err := parseMeta(b); err != nil || got != m {
			t.Errorf("%+v, %v; want %+v", got, err, m)
		}
		for n := range b {
			if got, err := parseMeta(b[:n]); err == nil {
				t.Errorf("the first %d of %d bytes give %+v", n, len(b), got)
			}
		}
		if _, err := parseMeta(append(b, 0)); err == nil {
			t.Error("a byte too many is taken")
		}
	}
	for _, m := range []Meta{
		{},
		{Roles: ident.RolePeer},
		{Roles: ident.RolePeer, Name: "\x1b[2J"},
		{Roles: ident.RolePeer, Name: "a\u202eb"},
		{Roles: ident.RolePeer, Name: "a", What: "\xff"},
		{Roles: ident.RolePeer, Name: strings.Repeat("n", nameMax+1)},
		{Roles: ident.RolePeer, Name: "a", What: strings.Repeat("w", WhatMax+1)},
		{Roles: ident.RolePeer, Name: most.Name, What: most.What + "w"}, // one byte more than metaMax
	} {
		if got, err := parseMeta(m.append(nil)); err == nil {
			t.Errorf("%+v is taken", got)
		}
	}
	for _, roles := range []ident.Roles{0, ident.RolePublisher, ident.AllRoles, 8} {
		if (Meta{Roles: roles, Name: "a"}).validate() == nil {
			t.Errorf("roles %d are taken, which version 1 cannot say", roles)
		}
	}
	for _, role := range []byte{0, 3, 255} {
		if got, err := parseMeta([]byte{metaVersion, role, 1, 'a', 0}); err == nil {
			t.Errorf("role %d is %+v", role, got)
		}
	}
}

// FuzzMeta: whatever is read is written back as the same bytes.
func FuzzMeta(f *testing.F) {
	f.Add(Meta{Roles: ident.RolePeer, Name: "pc7", What: "receives win@1"}.append(nil))
	f.Add(Meta{Roles: ident.RoleDistributionPoint, Name: "Büro"}.append(nil))
	f.Add([]byte{metaVersion, 1, 255, 'a'})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMeta(b)
		if err == nil && !bytes.Equal(m.append(nil), b) {
			t.Errorf("%+v of %x", m, b)
		}
	})
}

// FuzzNode: no name, address or metadata makes a node that was not checked.
func FuzzNode(f *testing.F) {
	n := testNode(1)
	f.Add(n.Name, []byte(n.Addr), n.Port, n.Meta)
	f.Fuzz(func(t *testing.T, name string, addr []byte, port uint16, meta []byte) {
		n, err := nodeOf(&memberlist.Node{Name: name, Addr: addr, Port: port, Meta: meta})
		if err == nil && (!n.Addr.IsValid() || !strings.EqualFold(name[:64], hex.EncodeToString(n.ID[:])) || n.validate() != nil) {
			t.Errorf("%+v", n)
		}
	})
}
