package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/node/send"
	"github.com/wimcast/wimcast/wire"
)

// castsMax is how many casts a node sends at a time.
const castsMax = 16

// casting is a cast that a node sends, or is about to.
type casting struct {
	begun chan struct{} // closed when cast or err is set
	cast  *send.Cast    // nil until then, or when it could not begin; guarded by Node.mu
	err   error
}

// cast returns the running cast of a content, and starts one if there is none. Starting one takes long for a large content, so it
// is done without the node's lock; who asks for the same content waits for it.
func (n *Node) cast(ctx context.Context, hash catalog.ManifestHash) (*send.Cast, error) {
	n.mu.Lock()
	c := n.casts[hash]
	if c != nil {
		n.mu.Unlock()
		return c.wait(ctx)
	}
	if len(n.casts) >= castsMax {
		n.mu.Unlock()
		return nil, fmt.Errorf("at most %d casts run at a time", castsMax)
	}
	c = &casting{begun: make(chan struct{})}
	n.casts[hash] = c
	n.mu.Unlock()

	cast, err := n.startCast(hash, c)
	n.mu.Lock()
	defer n.mu.Unlock()
	c.cast, c.err = cast, err
	if err != nil {
		n.forget(hash, c)
	}
	n.describe()
	close(c.begun)
	return cast, err
}

// wait waits until the cast has begun.
func (c *casting) wait(ctx context.Context) (*send.Cast, error) {
	select {
	case <-c.begun:
		return c.cast, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// forget takes c out of the casts. mu is held.
func (n *Node) forget(hash catalog.ManifestHash, c *casting) {
	if n.casts[hash] == c {
		delete(n.casts, hash)
	}
}

// startCast starts the cast of a content.
func (n *Node) startCast(hash catalog.ManifestHash, c *casting) (*send.Cast, error) {
	raw, err := n.folder.Catalogue.ManifestRaw(hash)
	if err != nil {
		return nil, fmt.Errorf("start cast: %w", err)
	}
	head, _, _ := n.folder.Catalogue.Head()
	signed, err := catalog.VerifyManifest(raw, n.folder.Catalogue.Root(), head)
	if err != nil {
		return nil, fmt.Errorf("start cast: %w", err)
	}
	cfg, err := n.castConfig(hash, head.Epoch, castName(signed.Manifest))
	if err != nil {
		return nil, fmt.Errorf("start cast: %w", err)
	}
	cfg.OnEnd = func() {
		n.mu.Lock()
		n.forget(hash, c)
		n.describe()
		n.mu.Unlock()
		n.log.Info("cast ended", "cast", cfg.Name)
		n.wg.Done()
	}
	n.wg.Add(1)
	cast, err := send.Start(n.ctx, cfg, signed)
	if err != nil {
		n.wg.Done()
		return nil, fmt.Errorf("start cast of %s: %w", cfg.Name, err)
	}
	n.log.Info("cast started", "cast", cfg.Name, "group", cfg.Group)
	return cast, nil
}

// sends says whether a running cast sends the chunk. It waits for those that are about to begin.
func (n *Node) sends(id chunk.ID) bool {
	n.mu.Lock()
	all := slices.Collect(maps.Values(n.casts))
	n.mu.Unlock()
	for _, c := range all {
		<-c.begun
		if c.cast == nil {
			continue
		}
		if _, ok := c.cast.Find(id); ok {
			return true
		}
	}
	return false
}

// castConfig draws the names and secrets of a new cast.
func (n *Node) castConfig(hash catalog.ManifestHash, epoch uint32, name string) (send.Config, error) {
	info := wire.CastInfo{Cast: wire.CastID(hash), Epoch: epoch, Sender: n.folder.Node.Public(), Manifest: hash}
	rand.Read(info.Run[:])
	rand.Read(info.Secret[:])
	group, err := n.folder.Config.Group(info.Cast)
	if err != nil {
		return send.Config{}, err
	}
	info.Group = group.String()
	return send.Config{
		Info: info, Group: group, Name: name, Interface: n.opt.Interface, TTL: n.folder.Config.TTL,
		RateMax: n.opt.RateMax, RateMin: int64(n.folder.Config.RateFloorMbps) * 1e6, Store: n.store, Log: n.log,
	}, nil
}

// running lists the casts that have begun. mu is held.
func (n *Node) running() []*send.Cast {
	var out []*send.Cast
	for _, c := range n.casts {
		if c.cast != nil {
			out = append(out, c.cast)
		}
	}
	slices.SortFunc(out, func(a, b *send.Cast) int { return cmp.Compare(a.Info().Cast, b.Info().Cast) })
	return out
}

// castName names a content for people.
func castName(m *catalog.Manifest) string { return fmt.Sprintf("%s@%s", m.Name, m.Version) }
