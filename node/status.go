package node

import (
	"slices"
	"strings"
	"time"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/internal/machine"
	"github.com/wimcast/wimcast/node/api"
)

// Status returns a snapshot.
func (s *Server) Status() api.Status {
	stats := s.store.Stats()
	head, _, _ := s.site.Catalogue.Head()
	out := api.Status{
		Node: s.site.Node.Public().Short(), Address: s.Addr().String(), Contents: len(head.Entries),
		Chunks: stats.Chunks, Bytes: stats.Bytes, Casts: []api.CastStatus{}, Nodes: s.meshStatus(),
	}
	for _, c := range s.running() {
		if status, ok := c.status(); ok {
			out.Casts = append(out.Casts, status)
		}
	}
	slices.SortStableFunc(out.Casts, func(a, b api.CastStatus) int { return strings.Compare(a.Content, b.Content) })
	return out
}

func (c *cast) status() (api.CastStatus, bool) {
	var st distributor.Status
	var wait time.Duration
	ok := c.ask(func(m *distributor.Machine, now machine.Time) {
		st = m.Status()
		if st.WaitUntil != machine.Never {
			wait = max(st.WaitUntil.Sub(now), 0)
		}
	})
	out := api.CastStatus{
		Content: c.name, Group: c.info.Group, Phase: string(st.Phase), RateMbps: float64(st.RateBps) / 1e6,
		AchievedMbps: float64(st.AchievedBps) / 1e6, Blocks: st.Blocks, BlocksDone: st.BlocksDone, WireBytes: st.WireBytes,
		Source: st.Source, Parity: st.Parity, Repair: st.Repair, QuicBlocks: st.UnicastBlocks,
		Waiting: string(st.Waiting), WaitSeconds: wait.Seconds(), Members: []api.MemberStatus{},
	}
	for _, m := range st.Members {
		out.Members = append(out.Members, api.MemberStatus{
			Name: m.Name, Held: m.Held, Wanted: m.Wanted, LossPercent: float64(m.LossPpm) / 1e4, Backlog: m.Backlog, Deaf: m.Deaf,
			Demoted: m.Demoted != 0, Why: m.Why, SilentMs: m.Silent.Milliseconds(),
		})
	}
	return out, ok
}
