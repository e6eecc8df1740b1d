package node

import (
	"slices"
	"strings"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/machine"
)

// Status returns a snapshot.
func (s *Server) Status() Status {
	stats := s.store.Stats()
	head, _, _ := s.site.Catalogue.Head()
	out := Status{
		Node: s.site.Node.Public(), Address: s.Addr(), Contents: len(head.Entries), Chunks: stats.Chunks, Bytes: stats.Bytes,
	}
	if s.mesh != nil {
		out.Nodes = s.mesh.Nodes()
	}
	for _, c := range s.running() {
		if status, ok := c.status(); ok {
			out.Casts = append(out.Casts, status)
		}
	}
	slices.SortStableFunc(out.Casts, func(a, b CastStatus) int { return strings.Compare(a.Content, b.Content) })
	return out
}

func (c *cast) status() (CastStatus, bool) {
	out := CastStatus{Content: c.name, Group: c.group}
	ok := c.ask(func(m *distributor.Machine, now machine.Time) {
		out.Status = m.Status()
		if out.WaitUntil != machine.Never {
			out.Wait = max(out.WaitUntil.Sub(now), 0)
		}
	})
	return out, ok
}
