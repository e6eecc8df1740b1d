package api

import (
	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/node/mesh"
)

// Status is what `wimcast status` shows of a distribution point.
type Status struct {
	Node     string       `json:"node"`
	Address  string       `json:"address"`
	Contents int          `json:"contents"`
	Chunks   int          `json:"chunks"`
	Bytes    int64        `json:"bytes"`
	Casts    []CastStatus `json:"casts"`
	Nodes    []NodeStatus `json:"nodes"` // of the mesh, this one among them; hints
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

// CastStatus is one running cast.
type CastStatus struct {
	Content      string         `json:"content"`
	Group        string         `json:"group"`
	Phase        string         `json:"phase"`
	RateMbps     float64        `json:"rate_mbps"`
	AchievedMbps float64        `json:"achieved_mbps"`
	Blocks       int            `json:"blocks"`
	BlocksDone   int            `json:"blocks_done"`
	WireBytes    uint64         `json:"wire_bytes"`
	Source       uint64         `json:"source_symbols"`
	Parity       uint64         `json:"parity_symbols"`
	Repair       uint64         `json:"repair_symbols"`
	QuicBlocks   uint64         `json:"quic_blocks"`
	Waiting      string         `json:"waiting,omitempty"`
	WaitSeconds  float64        `json:"wait_seconds,omitempty"`
	Members      []MemberStatus `json:"members"`
}

// MemberStatus is one member of a cast.
type MemberStatus struct {
	Name        string  `json:"name"`
	Held        int     `json:"held"`
	Wanted      int     `json:"wanted"`
	LossPercent float64 `json:"loss_percent"`
	Backlog     uint64  `json:"backlog_bytes"`
	Deaf        bool    `json:"deaf"`
	Demoted     bool    `json:"demoted"`
	Why         string  `json:"why,omitempty"` // why it is slow
	SilentMs    int64   `json:"silent_ms"`
}

// fromStatus makes JSON of what a node says.
func fromStatus(st node.Status) Status {
	out := Status{
		Node: st.Node.Short(), Address: st.Address.String(), Contents: st.Contents, Chunks: st.Chunks, Bytes: st.Bytes,
		Casts: []CastStatus{}, Nodes: []NodeStatus{},
	}
	for _, c := range st.Casts {
		out.Casts = append(out.Casts, fromCast(c))
	}
	for _, n := range st.Nodes {
		out.Nodes = append(out.Nodes, fromNode(n))
	}
	return out
}

func fromNode(n mesh.Node) NodeStatus {
	return NodeStatus{
		Name: n.Name, ID: n.ID.Short(), Role: n.Roles.String(), Address: n.Addr.String(), State: string(n.State), What: n.What,
	}
}

func fromCast(c node.CastStatus) CastStatus {
	out := CastStatus{
		Content: c.Content, Group: c.Group.String(), Phase: string(c.Phase), RateMbps: float64(c.RateBps) / 1e6,
		AchievedMbps: float64(c.AchievedBps) / 1e6, Blocks: c.Blocks, BlocksDone: c.BlocksDone, WireBytes: c.WireBytes,
		Source: c.Source, Parity: c.Parity, Repair: c.Repair, QuicBlocks: c.UnicastBlocks,
		Waiting: string(c.Waiting), WaitSeconds: c.Wait.Seconds(), Members: []MemberStatus{},
	}
	for _, m := range c.Members {
		out.Members = append(out.Members, fromMember(m))
	}
	return out
}

func fromMember(m distributor.MemberStatus) MemberStatus {
	return MemberStatus{
		Name: m.Name, Held: m.Held, Wanted: m.Wanted, LossPercent: float64(m.LossPpm) / 1e4, Backlog: m.Backlog, Deaf: m.Deaf,
		Demoted: m.Demoted != 0, Why: m.Why, SilentMs: m.Silent.Milliseconds(),
	}
}
