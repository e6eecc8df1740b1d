package node

import (
	"context"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/node/bus"
)

// Events carries what happens in the node, until Close.
func (n *Node) Events() *bus.Bus { return n.events }

// Publish puts a file into store and catalogue, as Local does, and tells of it.
func (n *Node) Publish(ctx context.Context, req PublishRequest, progress func(done, total int64)) (PublishResult, error) {
	r, err := n.Local.Publish(ctx, req, progress)
	if err == nil {
		n.events.Put(r.Name+"@"+r.Version, event.Published{
			Type: r.Kind.String(), Bytes: r.Bytes, Chunks: r.Chunks, NewChunks: r.NewChunks, NewBytes: r.NewBytes, Changed: r.Changed,
		})
	}
	return r, err
}

// Remove removes a content from the catalogue, as Local does, and tells of it.
func (n *Node) Remove(ctx context.Context, name, version string) error {
	err := n.Local.Remove(ctx, name, version)
	if err == nil {
		n.events.Put(name+"@"+version, event.Removed{})
	}
	return err
}
