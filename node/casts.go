package node

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/node/send"
	"github.com/wimcast/wimcast/wire"
)

// castsMax is how many casts a node sends at a time.
const castsMax = 16

// cast returns the running cast of a content, and starts one if there is none.
func (n *Node) cast(_ context.Context, hash catalog.ManifestHash) (*send.Cast, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.casts[hash]; c != nil {
		return c, nil
	}
	if len(n.casts) >= castsMax {
		return nil, fmt.Errorf("at most %d casts run at a time", castsMax)
	}
	raw, err := n.site.Catalogue.ManifestRaw(hash)
	if err != nil {
		return nil, fmt.Errorf("start cast: %w", err)
	}
	head, _, _ := n.site.Catalogue.Head()
	signed, err := catalog.VerifyManifest(raw, n.site.Catalogue.Root(), head)
	if err != nil {
		return nil, fmt.Errorf("start cast: %w", err)
	}
	cfg, err := n.castConfig(hash, head.Epoch, castName(signed.Manifest))
	if err != nil {
		return nil, fmt.Errorf("start cast: %w", err)
	}
	var c *send.Cast
	cfg.OnEnd = func() {
		n.mu.Lock()
		if n.casts[hash] == c {
			delete(n.casts, hash)
			n.describe()
		}
		n.mu.Unlock()
		n.log.Info("cast ended", "cast", cfg.Name)
		n.wg.Done()
	}
	n.wg.Add(1)
	c, err = send.Start(n.ctx, cfg, signed.Manifest)
	if err != nil {
		n.wg.Done()
		return nil, fmt.Errorf("start cast of %s: %w", cfg.Name, err)
	}
	n.casts[hash] = c
	n.describe()
	n.log.Info("cast started", "cast", cfg.Name, "group", cfg.Group)
	return c, nil
}

// sends says whether a running cast sends the chunk.
func (n *Node) sends(id chunk.ID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.casts {
		if _, ok := c.Find(id); ok {
			return true
		}
	}
	return false
}

// castConfig draws the names and secrets of a new cast.
func (n *Node) castConfig(hash catalog.ManifestHash, epoch uint32, name string) (send.Config, error) {
	info := wire.CastInfo{Cast: wire.CastID(hash), Epoch: epoch, Sender: n.site.Node.Public(), Manifest: hash}
	rand.Read(info.Run[:])
	rand.Read(info.Secret[:])
	group, err := n.site.Config.Group(info.Cast)
	if err != nil {
		return send.Config{}, err
	}
	info.Group = group.String()
	return send.Config{
		Info: info, Group: group, Name: name, Interface: n.opt.Interface, TTL: n.site.Config.TTL,
		RateMax: n.opt.RateMax, RateMin: int64(n.site.Config.RateFloorMbps) * 1e6, Store: n.store, Log: n.log,
	}, nil
}

// running lists the running casts.
func (n *Node) running() []*send.Cast {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []*send.Cast
	for _, c := range n.casts {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *send.Cast) int { return int(int64(a.Info().Cast) - int64(b.Info().Cast)) })
	return out
}

// castName names a content for people.
func castName(m *catalog.Manifest) string { return fmt.Sprintf("%s@%s", m.Name, m.Version) }
