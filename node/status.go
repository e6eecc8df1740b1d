package node

import (
	"slices"
	"strings"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/node/mesh"
)

// Status is a snapshot of a distribution point, and what it is called in JSON.
type Status struct {
	Node      string          `json:"node"`      // first digits of its key
	Address   string          `json:"address"`   // where it answers
	Interface string          `json:"interface"` // on which it sends casts
	Contents  int             `json:"contents"`
	Chunks    int             `json:"chunks"`
	Bytes     int64           `json:"bytes"`
	Casts     []CastStatus    `json:"casts"`   // by content
	Waiting   []WaitingStatus `json:"waiting"` // clients for whose cast there is no place, the longest first
	Nodes     []NodeStatus    `json:"nodes"`   // of the mesh, this one among them; hints

	Metrics map[string]float64 `json:"-"` // what its events have added up to, by the metric's name
}

// CastStatus is one running cast.
type CastStatus struct {
	Content string `json:"content"` // name@version
	Group   string `json:"group"`
	distributor.Status
}

// NodeStatus is one node of the mesh.
type NodeStatus struct {
	Name    string `json:"name"`
	ID      string `json:"id"`   // first digits of its key
	Role    string `json:"role"` // "distribution point" or "peer"
	Address string `json:"address"`
	State   string `json:"state"`          // "alive" or "suspect": it has not answered for a while
	What    string `json:"what,omitempty"` // what it does
}

// Status returns a snapshot.
func (n *Node) Status() Status {
	stats := n.store.Stats()
	head, _, _ := n.folder.Catalogue.Head()
	out := Status{
		Node: n.folder.Node.Public().Short(), Address: n.Addr().String(), Contents: len(head.Entries), Chunks: stats.Chunks, Bytes: stats.Bytes,
		Casts: []CastStatus{}, Waiting: n.waitingNow(), Nodes: []NodeStatus{}, Metrics: n.events.Metrics(),
	}
	n.mu.Lock()
	running := n.running()
	out.Interface = n.over.Name
	n.mu.Unlock()
	for _, c := range running {
		if status, ok := c.Status(); ok {
			out.Casts = append(out.Casts, CastStatus{Content: c.Name(), Group: c.Group().String(), Status: status})
		}
	}
	slices.SortStableFunc(out.Casts, func(a, b CastStatus) int { return strings.Compare(a.Content, b.Content) })
	for _, m := range n.mesh.nodes() {
		out.Nodes = append(out.Nodes, statusOf(m))
	}
	return out
}

func statusOf(m mesh.Node) NodeStatus {
	return NodeStatus{
		Name: m.Name, ID: m.ID.Short(), Role: m.Roles.String(), Address: m.Addr.String(), State: string(m.State), What: m.What,
	}
}
