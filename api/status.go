package api

import "github.com/wimcast/wimcast/node"

// What `wimcast status` shows of a distribution point. These are the node's own snapshots: a figure is defined where it is counted,
// with its name in JSON, and nothing between there and the reader copies it.
type (
	Status     = node.Status
	NodeStatus = node.NodeStatus
)
