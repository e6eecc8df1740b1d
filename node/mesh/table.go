package mesh

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/wimcast/wimcast/internal/ident"
)

// nodesMax is how many nodes of the mesh a node knows at a time; it does not learn of more.
const nodesMax = 8192

// State says how sure it is that a node is there.
type State string

// States. A node that is known to be gone is in no table.
const (
	Alive   State = "alive"
	Suspect State = "suspect" // it has not answered for longer than probing everybody takes
)

// Node is a node of the mesh, as far as is known here.
type Node struct {
	Meta
	ID    ident.PublicKey // as it claims
	Addr  netip.AddrPort
	State State
	Self  bool
}

// entry is one process in the mesh.
type entry struct {
	node  Node
	heard time.Time // when it joined or last answered our probe
}

// table is what memberlist tells us. memberlist calls in with its own lock held: nothing here calls back.
type table struct {
	self    string
	changed chan struct{} // capacity 1: a change nobody has looked at yet

	mu      sync.Mutex
	entries map[string]entry
}

func newTable(self string) *table {
	return &table{self: self, changed: make(chan struct{}, 1), entries: make(map[string]entry)}
}

var (
	_ memberlist.EventDelegate = (*table)(nil)
	_ memberlist.AliveDelegate = (*table)(nil)
	_ memberlist.PingDelegate  = (*table)(nil)
)

var errFull = errors.New("too many nodes")

// NotifyAlive implements memberlist.AliveDelegate: it refuses what cannot be shown.
func (t *table) NotifyAlive(n *memberlist.Node) error {
	if _, err := nodeOf(n); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.entries[n.Name]; !known && len(t.entries) >= nodesMax {
		return errFull
	}
	return nil
}

// NotifyJoin implements memberlist.EventDelegate.
func (t *table) NotifyJoin(n *memberlist.Node) { t.put(n) }

// NotifyUpdate implements memberlist.EventDelegate.
func (t *table) NotifyUpdate(n *memberlist.Node) { t.put(n) }

// NotifyLeave implements memberlist.EventDelegate.
func (t *table) NotifyLeave(n *memberlist.Node) {
	t.mu.Lock()
	delete(t.entries, n.Name)
	t.mu.Unlock()
	signal(t.changed)
}

// AckPayload implements memberlist.PingDelegate.
func (t *table) AckPayload() []byte { return nil }

// NotifyPingComplete implements memberlist.PingDelegate.
func (t *table) NotifyPingComplete(n *memberlist.Node, _ time.Duration, _ []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.entries[n.Name]; ok {
		e.heard = time.Now()
		t.entries[n.Name] = e
	}
}

func (t *table) put(n *memberlist.Node) {
	node, err := nodeOf(n)
	if err != nil {
		return // NotifyAlive has refused it
	}
	node.Self = n.Name == t.self
	t.mu.Lock()
	t.entries[n.Name] = entry{node: node, heard: time.Now()}
	t.mu.Unlock()
	signal(t.changed)
}

// nodes lists who is there. every is how long a probe takes its turn.
func (t *table) nodes(now time.Time, every time.Duration) []Node {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]Node, 0, len(t.entries))
	patience := every * time.Duration(2*len(t.entries)) // each round goes through the others in another order
	for _, e := range t.entries {
		e.node.State = Alive
		if !e.node.Self && now.Sub(e.heard) > patience {
			e.node.State = Suspect
		}
		out = append(out, e.node)
	}
	slices.SortFunc(out, func(a, b Node) int {
		return cmp.Or(cmp.Compare(a.Roles, b.Roles), strings.Compare(a.Name, b.Name), bytes.Compare(a.ID[:], b.ID[:]), a.Addr.Compare(b.Addr))
	})
	return out
}

// others returns the names and addresses of up to most other nodes, in no order.
func (t *table) others(most int) map[string]netip.AddrPort {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[string]netip.AddrPort, most)
	for name, e := range t.entries {
		if len(out) < most && !e.node.Self {
			out[name] = e.node.Addr
		}
	}
	return out
}

// nodeOf checks and converts what memberlist knows of a node.
func nodeOf(n *memberlist.Node) (Node, error) {
	var out Node
	id, rest, ok := strings.Cut(n.Name, "-")
	if raw, err := hex.DecodeString(id); !ok || err != nil || copy(out.ID[:], raw) != len(out.ID) || len(n.Name) != nameLen || len(rest) != suffixLen {
		return Node{}, errors.New("its name is not a node ID and a suffix")
	}
	addr, ok := netip.AddrFromSlice(n.Addr)
	if !ok || n.Port == 0 {
		return Node{}, errors.New("it has no address")
	}
	out.Addr = netip.AddrPortFrom(addr.Unmap(), n.Port)
	var err error
	out.Meta, err = parseMeta(n.Meta)
	return out, err
}

// signal notes an event for whoever waits, without waiting.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
