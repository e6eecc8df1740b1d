package node

import (
	"slices"
	"strings"
)

// Status returns a snapshot.
func (n *Node) Status() Status {
	stats := n.store.Stats()
	head, _, _ := n.folder.Catalogue.Head()
	out := Status{
		Node: n.folder.Node.Public(), Address: n.Addr(), Contents: len(head.Entries), Chunks: stats.Chunks, Bytes: stats.Bytes,
		Nodes: n.mesh.nodes(),
	}
	n.mu.Lock()
	running := n.running()
	n.mu.Unlock()
	for _, c := range running {
		if status, ok := c.Status(); ok {
			out.Casts = append(out.Casts, CastStatus{Content: c.Name(), Group: c.Group(), Status: status})
		}
	}
	slices.SortStableFunc(out.Casts, func(a, b CastStatus) int { return strings.Compare(a.Content, b.Content) })
	return out
}
